/**
 * Trace events as they go to a page: a page that shows them is told hundreds a second. Pure; both ends are here.
 *
 * P1. What is lost is nothing: whoever unpacks gets the events as the node recorded them. Only a name of a frame that is not
 *     the one its kind and Lamport time make, which no node records, is left out.
 * P2. What many events have in common stands once (`kinds`); times and numbers are steps from the event before.
 */
import type { TraceEvent } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';

type EventKind = Omit<TraceEvent, 'seq' | 'lamport' | 'wallMs' | 'frame' | 'ids'>;
/** `sentBefore`: by how much the Lamport time of its sending is less than its own; null: it has no frame. */
type PackedEvent = readonly [
  kind: number,
  seqStep: number,
  lamportStep: number,
  wallMsStep: number,
  sentBefore?: number | null,
  firstIdStep?: number,
  moreIds?: number,
];
/** Of one node, in their order. */
export interface PackedEvents {
  readonly kinds: readonly EventKind[];
  readonly events: readonly PackedEvent[];
}

/** A frame's name but for the Lamport time of its sending. */
const linkOf = (node: NodeId, { kind, peer }: EventKind): string =>
  kind === 'send' ? `${node}>${peer}:` : `${peer}>${node}:`;

export function packed(node: NodeId, events: readonly TraceEvent[]): PackedEvents {
  const kinds: EventKind[] = [];
  const places = new Map<string, number>();
  const placeOf = (kind: EventKind): number => {
    const key = JSON.stringify(kind);
    const place = places.get(key) ?? kinds.push(kind) - 1;
    places.set(key, place);
    return place;
  };
  let [lastSeq, lastLamport, lastWallMs, lastId] = [0, 0, 0, 0];
  const pack = ({ seq, lamport, wallMs, frame, ids, ...kind }: TraceEvent): PackedEvent => {
    const steps = [placeOf(kind), seq - lastSeq, lamport - lastLamport, wallMs - lastWallMs] as const;
    [lastSeq, lastLamport, lastWallMs] = [seq, lamport, wallMs];
    const sentAt = frame?.startsWith(linkOf(node, kind)) ? Number(frame.slice(linkOf(node, kind).length)) : Number.NaN;
    const sentBefore = Number.isSafeInteger(sentAt) ? lamport - sentAt : null;
    if (ids === undefined) return sentBefore === null ? steps : [...steps, sentBefore];
    const [first, last] = ids;
    const firstIdStep = first - lastId;
    lastId = first;
    return [...steps, sentBefore, firstIdStep, last - first];
  };
  return { events: events.map(pack), kinds };
}

export function unpacked(node: NodeId, { kinds, events }: PackedEvents): readonly TraceEvent[] {
  let [seq, lamport, wallMs, firstId] = [0, 0, 0, 0];
  return events.map(([place, seqStep, lamportStep, wallMsStep, sentBefore = null, firstIdStep, moreIds = 0]) => {
    const kind = kinds[place] as EventKind;
    seq += seqStep;
    lamport += lamportStep;
    wallMs += wallMsStep;
    firstId += firstIdStep ?? 0;
    return {
      ...kind,
      seq,
      lamport,
      wallMs,
      ...(sentBefore !== null && { frame: `${linkOf(node, kind)}${lamport - sentBefore}` }),
      ...(firstIdStep !== undefined && { ids: [firstId, firstId + moreIds] as const }),
    };
  });
}
