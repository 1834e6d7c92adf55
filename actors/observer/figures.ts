/** A few figures of each actor that are worth a look, by name. */
import type { Look } from '../look.ts';
import type { ActorView } from '../observation.ts';

type Figures = ActorView['figures'];
const none: Figures = {};

const byActor: Readonly<Record<string, (look: Look, peer: number) => Figures>> = {
  node: (look) => ({ boot: look.boot }),
  clock: (look) => ({ time: look.standing.lamport }),
  store: (look) => {
    const { context } = look.chart('store') ?? {};
    return context ? { full: context.full, written: context.desk?.segments.last.index ?? 0 } : none;
  },
  formation: (look) => {
    const { context } = look.chart('formation') ?? {};
    return context ? { cluster: context.clusterId, damaged: context.damaged } : none;
  },
  election: (look) => {
    const { ballot } = look.chart('election')?.context ?? {};
    if (!ballot) return none;
    const { promised, durable, timing } = ballot;
    return { leader: ballot.leader?.id ?? null, promised, durable, heartbeatMs: timing.heartbeatMs };
  },
  pipeline: (look) => {
    const pipeline = look.inside('pipeline');
    if (!pipeline) return none;
    const { log } = pipeline.core;
    return { office: pipeline.office.kind, last: log.last.index, durable: log.durable, commit: log.commit };
  },
  ingress: (look) => ({ waiting: look.inside('ingress')?.waiting ?? 0 }),
  sessions: (look) => {
    const sessions = look.inside('sessions');
    return { waiting: sessions?.waiting ?? 0, watching: sessions?.watching ?? 0 };
  },
  link: (look, peer) => ({ failures: look.chart(`link:${peer}`)?.context.failures ?? 0 }),
  wire: (look, peer) => {
    const wire = look.inside(`wire:${peer}`);
    if (!wire) return none;
    return { rttMs: wire.roundTrips.measured ? wire.roundTrips.srttMs : null, buffered: wire.bufferedBytes };
  },
};

/** `id`: `election`, `link:2` … */
export function figuresOf(id: string, look: Look): Figures {
  const [kind = '', peer] = id.split(':');
  return byActor[kind]?.(look, Number(peer)) ?? none;
}
