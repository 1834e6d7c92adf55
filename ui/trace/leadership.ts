/** Who led when, read from the local events of a record: the coloured bands of the diagram. */
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import type { Traced } from './record.ts';

/** A time of leading: between these events of one node; null: since before the record, or until now. */
export interface Reign {
  readonly node: NodeId;
  readonly from: Traced | null;
  readonly to: Traced | null;
  readonly epoch: Epoch | null;
}

const begins = new Set(['leads']);
/** Who hands over still leads, until it follows the other or says that it failed. */
const ends = new Set(['steps down', 'follows', 'campaigns', 'started', 'failed']);
/** Said only by one who leads. */
const betrays = new Set(['hands over', 'handover failed', 'steps down']);

/** `leader`: who leads now as far as is known; says who did where the record has no word of it. */
export function reignsOf(lanes: ReadonlyMap<NodeId, readonly Traced[]>, leader: NodeId | null): readonly Reign[] {
  return [...lanes].flatMap(([node, events]) => reignsOfOne(node, events, node === leader));
}

function reignsOfOne(node: NodeId, events: readonly Traced[], leadsNow: boolean): readonly Reign[] {
  const reigns: Reign[] = [];
  let from: Traced | null = null;
  let leads = false;
  let told = false;
  let boot = events[0]?.boot;
  for (const event of events) {
    if (event.boot !== boot && leads) {
      reigns.push({ node, from, to: event, epoch: from?.epoch ?? null });
      leads = false;
    }
    boot = event.boot;
    if (event.kind !== 'local') continue;
    if (begins.has(event.what)) {
      if (leads) reigns.push({ node, from, to: event, epoch: from?.epoch ?? null });
      [from, leads, told] = [event, true, true];
    } else if (ends.has(event.what)) {
      // It led since before the record, if only a leader says that.
      if (leads || (!told && betrays.has(event.what)))
        reigns.push({ node, from, to: event, epoch: from?.epoch ?? event.epoch ?? null });
      [from, leads, told] = [null, false, true];
    } else if (!told && betrays.has(event.what)) [leads, told] = [true, true];
  }
  if (leads || (!told && leadsNow)) reigns.push({ node, from, to: null, epoch: from?.epoch ?? null });
  return reigns;
}
