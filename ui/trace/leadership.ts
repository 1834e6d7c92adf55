/**
 * Who led when: the coloured bands of the diagram. What the nodes told of themselves reaches further back than the record of
 * events, which forgets, so both are read.
 *
 * L1. A time of leading ends where its node says so or begins a new life. If it said nothing and somebody else leads now, or
 *     nobody, it ends where the node was last heard.
 */
import type { StoryView } from '../../actors/observation.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import type { Traced } from './record.ts';

/** What a node told, or when it was heard, without an event in the record. */
export interface Told {
  readonly node: NodeId;
  readonly lamport: number;
  readonly wallMs: number;
}
export type Moment = Traced | Told;

/** A time of leading: between these moments of one node; null: since before all that is known, or until now. */
export interface Reign {
  readonly node: NodeId;
  readonly from: Moment | null;
  readonly to: Moment | null;
  readonly epoch: Epoch | null;
}

/** What is known of a node beside its events. */
export interface Known {
  readonly story: readonly StoryView[];
  /** The newest sign of life. */
  readonly heard: Omit<Told, 'node'> | null;
}
const nothing: Known = { story: [], heard: null };

const begins = new Set(['leads']);
/** Who hands over still leads, until it follows the other or says that it failed. */
const ends = new Set(['steps down', 'follows', 'campaigns', 'started', 'failed']);
/** Said only by one who leads. */
const betrays = new Set(['hands over', 'handover failed', 'steps down']);

/** `leader`: who leads now as far as is known; says who did where nobody has a word of it. */
export function reignsOf(
  lanes: ReadonlyMap<NodeId, readonly Traced[]>,
  leader: NodeId | null,
  known: ReadonlyMap<NodeId, Known> = new Map(),
): readonly Reign[] {
  return [...new Set([...lanes.keys(), ...known.keys()])].flatMap((node) =>
    reignsOfOne(node, lanes.get(node) ?? [], known.get(node) ?? nothing, node === leader),
  );
}

/** What it said, as far as it matters; `what` is null for an event that says nothing. */
interface Said {
  readonly what: string | null;
  readonly epoch: Epoch | undefined;
  readonly boot: number | null;
  readonly moment: Moment;
}

/** The events of a node, and between them what it told that is not, or no more, among them. */
function saidBy(node: NodeId, events: readonly Traced[], story: readonly StoryView[]): readonly Said[] {
  const said = events.map((event): Said => {
    const { kind, what, epoch, boot } = event;
    return { what: kind === 'local' ? what : null, epoch, boot, moment: event };
  });
  const keyOf = ({ what, moment }: Said): string => `${what} ${moment.wallMs} ${moment.lamport}`;
  const recorded = new Set(said.filter(({ what }) => what !== null).map(keyOf));
  const told = story
    .map(({ event, epoch, lamport, wallMs }): Said => {
      return { what: event, epoch, boot: null, moment: { node, lamport, wallMs } };
    })
    .filter((one) => !recorded.has(keyOf(one)));
  const all: Said[] = [];
  let next = 0;
  for (const one of said) {
    for (; next < told.length && (told[next] as Said).moment.wallMs <= one.moment.wallMs; next++)
      all.push(told[next] as Said);
    all.push(one);
  }
  return [...all, ...told.slice(next)];
}

function reignsOfOne(
  node: NodeId,
  events: readonly Traced[],
  { story, heard }: Known,
  leadsNow: boolean,
): readonly Reign[] {
  const all = saidBy(node, events, story);
  const reigns: Reign[] = [];
  let from: Said | null = null;
  let leads = false;
  let told = false;
  let life: number | null = null;
  const end = (to: Moment | null, epoch?: Epoch): void => {
    reigns.push({ node, from: from?.moment ?? null, to, epoch: from?.epoch ?? epoch ?? null });
    [from, leads] = [null, false];
  };
  for (const one of all) {
    const { what, epoch, boot, moment } = one;
    if (leads && boot !== null && life !== null && boot !== life) end(moment);
    life = boot ?? life;
    if (what === null) continue;
    if (begins.has(what)) {
      if (leads) end(moment);
      [from, leads, told] = [one, true, true];
    } else if (ends.has(what)) {
      // It led since before all that is known, if only a leader says that.
      if (leads || (!told && betrays.has(what))) end(moment, epoch);
      told = true;
    } else if (!told && betrays.has(what)) [leads, told] = [true, true];
  }
  // L1.
  if (leads && !leadsNow) end(newestOf(all.at(-1)?.moment, heard && { node, ...heard }));
  else if (leads || (!told && leadsNow)) end(null);
  return reigns;
}

const newestOf = (said: Moment | undefined, heard: Told | null): Moment | null =>
  said === undefined || (heard !== null && heard.wallMs > said.wallMs) ? heard : said;
