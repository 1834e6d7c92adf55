/** Recorded traces made from a seed: nodes that send, receive and lose frames, with the vector clocks that are the truth. */
import type { TraceEvent } from '../../actors/observation.ts';
import { packed } from '../../http/live/packedTrace.ts';
import type { Hello } from '../../http/live/protocol.ts';
import { type Traced, TraceRecord } from '../../ui/trace/record.ts';
import { SeededDice } from '../support/dice.ts';
import { aHello, voters } from '../support/fakeFeed.ts';

export interface Truth {
  readonly record: TraceRecord;
  readonly events: readonly Traced[];
  /** By event id: how many events of each node are in its past, itself included. */
  readonly clocks: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Frames that were lost on the way. */
  readonly lost: ReadonlySet<string>;
}

export const startMs = 1_790_000_000_000;

export function aTruth(seed: number, steps = 120, nodes: readonly number[] = [1, 2, 3]): Truth {
  const dice = new SeededDice(seed);
  const state = new Map(
    nodes.map((node) => [node, { lamport: dice.int(5), seq: dice.int(1000), clock: new Map<number, number>() }]),
  );
  const lanes = new Map<number, TraceEvent[]>(nodes.map((node) => [node, []]));
  const clocks = new Map<string, ReadonlyMap<number, number>>();
  const lost = new Set<string>();
  /** Links keep the order of their frames. */
  const links = new Map<
    string,
    { frame: string; lamport: number; group: TraceEvent['group']; clock: ReadonlyMap<number, number> }[]
  >();
  let wallMs = startMs;
  const happen = (node: number, event: Omit<TraceEvent, 'seq' | 'lamport' | 'wallMs'>): void => {
    const own = state.get(node)!;
    own.seq++;
    own.clock.set(node, (own.clock.get(node) ?? 0) + 1);
    wallMs += dice.pick([0, 1, 2, 5, 400]);
    lanes.get(node)!.push({ ...event, seq: own.seq, lamport: own.lamport, wallMs });
    clocks.set(`${node}:1:${own.seq}`, new Map(own.clock));
  };
  for (let step = 0; step < steps; step++) {
    const node = dice.pick(nodes);
    const own = state.get(node)!;
    const inbox = nodes.filter((peer) => (links.get(`${peer}>${node}`) ?? []).length > 0);
    const chance = dice.next();
    if (chance < 0.1) {
      own.lamport += dice.pick([1, 1, 40]);
      happen(node, {
        kind: 'local',
        what: dice.pick(['campaigns', 'leads', 'cut']),
        group: 'election',
        epoch: 65_536 + node,
      });
    } else if (chance < 0.62 && inbox.length > 0) {
      const from = dice.pick(inbox);
      const { frame, lamport, group, clock } = links.get(`${from}>${node}`)!.shift()!;
      if (dice.chance(0.15)) {
        lost.add(frame);
        continue;
      }
      own.lamport = Math.max(own.lamport, lamport) + 1;
      for (const [peer, count] of clock) own.clock.set(peer, Math.max(count, own.clock.get(peer) ?? 0));
      happen(node, { kind: 'receive', what: 'append', group, frame, peer: from });
    } else {
      const peer = dice.pick(nodes.filter((each) => each !== node));
      own.lamport++;
      const frame = `${node}>${peer}:${own.lamport}`;
      const group = dice.pick(['election', 'replication'] as const);
      happen(node, { kind: 'send', what: 'append', group, frame, peer, ids: [step, step + 1] });
      const link = links.get(`${node}>${peer}`) ?? [];
      link.push({ frame, lamport: own.lamport, group, clock: new Map(own.clock) });
      links.set(`${node}>${peer}`, link);
    }
  }
  const record = new TraceRecord();
  for (const [node, events] of lanes)
    record.note({ node, boot: 1, viewSeq: 1, madeAtMs: null, oneOf: 1, dropped: 0, events });
  return { record, events: [...record.lanes().values()].flat(), clocks, lost };
}

/** An event of a record by hand. */
export const traced = (node: number, seq: number, event: Partial<Traced> = {}): Traced => ({
  id: `${node}:${event.boot ?? 1}:${seq}`,
  node,
  boot: 1,
  seq,
  hole: false,
  lamport: seq,
  wallMs: startMs + seq,
  kind: 'local',
  what: 'note',
  group: 'replication',
  ...event,
});

export function lanesOf(events: readonly Traced[]): ReadonlyMap<number, readonly Traced[]> {
  const lanes = new Map<number, Traced[]>();
  for (const event of events) lanes.set(event.node, [...(lanes.get(event.node) ?? []), event]);
  return lanes;
}

/** The hello of a cluster that recorded such a truth, and a violation, a leader and a lost leader with it. */
export function aTracedHello(seed: number, steps = 260): Hello {
  const nodes = voters;
  const { record } = aTruth(seed, steps, nodes);
  const trace = [...record.lanes()].map(([node, events]) => [node, events.map(plainOf)] as const);
  const violated = trace.map(([node, events]) => {
    const at = events.findLastIndex(({ kind }) => kind === 'receive');
    return [
      node,
      packed(
        node,
        events.map((event, i) => (node === nodes[0] && i === at ? { ...event, violation: true } : event)),
      ),
    ] as const;
  });
  return aHello({ history: { trace: violated } });
}
const plainOf = ({ id: _id, node: _node, boot: _boot, hole: _hole, ...event }: Traced): TraceEvent => event;
