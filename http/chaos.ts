/**
 * Faults on purpose: `POST /kill` and `POST /chaos/…`. What they do to the nodes is done elsewhere, behind `Chaos`.
 *
 * X1. Where chaos is off these calls do not exist, and where it is on they exist for whoever sits at this machine; for
 *     others they are 404. Pages of other sites are refused before (guards.ts G1).
 * X2. Every fault heals by itself, after `faultMsMax` at the latest; but a node that was killed by a bare `POST /kill` stays
 *     dead.
 */
import type { Context } from 'koa';
import type { NodeId } from '../actors/protocol/epoch.ts';
import { abandon, refuse, sendJson } from './answer.ts';
import { hasBody, readBody } from './body.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import { isLoopback } from './guards.ts';
import type { ActiveFault } from './live/protocol.ts';

export type ChaosOrder =
  | { readonly what: 'kill'; readonly node: NodeId; readonly ms: number }
  | { readonly what: 'revive'; readonly node: NodeId }
  | { readonly what: 'pause'; readonly node: NodeId; readonly ms: number }
  /** `oneWay`: what `node` says does not reach `peer`; the other direction works. */
  | {
      readonly what: 'cut';
      readonly node: NodeId;
      readonly peer: NodeId;
      readonly ms: number;
      readonly oneWay: boolean;
    }
  /** Without an id all faults. */
  | { readonly what: 'heal'; readonly id: string | null };

/** Whoever can do that: the supervisor of all nodes, or one node to itself. */
export interface Chaos {
  readonly supervised: boolean;
  active(): readonly ActiveFault[];
  /** Returns the function that ends the subscription. */
  onChange(listener: () => void): () => void;
  /** Why it was not done, in words; undefined when it was. */
  order(order: ChaosOrder): Promise<string | undefined>;
}

export const faultMsByDefault = 30_000;
export const faultMsMin = 100;
export const faultMsMax = 300_000;
const bodyBytesMax = 1024;
const faultId = /^[\w:>-]{1,60}$/;

export const isLocal = ({ req }: Context): boolean =>
  isLoopback(req.socket.remoteAddress) && !req.headers.forwarded && !req.headers['x-forwarded-for'];

/** The members that an order has; `node` and `peer` are required where they stand, the others have defaults. */
const membersOf = {
  kill: ['node', 'ms'],
  revive: ['node'],
  pause: ['node', 'ms'],
  cut: ['node', 'peer', 'ms', 'oneWay'],
  heal: ['id'],
} as const satisfies Record<ChaosOrder['what'], readonly string[]>;

type Given = Readonly<Record<string, unknown>>;

/** Pure. */
function orderOf(what: ChaosOrder['what'], given: Given, voters: readonly NodeId[]): ChaosOrder | Refusal {
  const known: readonly string[] = membersOf[what];
  const invalid = (detail: string): Refusal => new Refusal('PARAMETER_INVALID', detail);
  const surplus = Object.keys(given).find((name) => !known.includes(name));
  if (surplus !== undefined)
    return new Refusal(
      'UNKNOWN_PARAMETER',
      `${JSON.stringify(surplus.slice(0, 40))}; this call takes ${known.join(', ')}`,
    );
  const { node, peer, ms = faultMsByDefault, oneWay = false, id = null } = given;
  const isVoter = (value: unknown): value is NodeId => voters.includes(value as NodeId);
  if (what === 'heal') {
    if (id !== null && !(typeof id === 'string' && faultId.test(id))) return invalid('id is that of an active fault');
    return { what, id };
  }
  if (!isVoter(node)) return invalid('node is the id of a voter');
  if (what === 'revive') return { what, node };
  if (!Number.isInteger(ms) || (ms as number) < faultMsMin || (ms as number) > faultMsMax)
    return invalid(`ms is an integer ${faultMsMin}..${faultMsMax}`);
  if (what !== 'cut') return { what, node, ms: ms as number };
  if (!isVoter(peer) || peer === node) return invalid('peer is the id of another voter');
  if (typeof oneWay !== 'boolean') return invalid('oneWay is true or false');
  return { what, node, peer, ms: ms as number, oneWay };
}

/** The body as an object; undefined when the client has gone. */
async function objectIn({ limits, bodyRoom }: Edge, { req, res }: Context): Promise<Given | Refusal | undefined> {
  const body = await readBody(req, res, { maxBytes: bodyBytesMax, stallMs: limits.stallMs, room: bodyRoom });
  if (body === undefined || body instanceof Refusal) return body;
  if (body.length === 0) return {};
  let said: unknown;
  try {
    said = JSON.parse(body.toString('utf8'));
  } catch {
    return new Refusal('MALFORMED_JSON');
  }
  if (typeof said === 'object' && said !== null && !Array.isArray(said)) return said as Given;
  return new Refusal('PARAMETER_INVALID', 'the body is a JSON object');
}

export async function giveOrder(edge: Edge, ctx: Context, what: ChaosOrder['what']): Promise<void> {
  if (!isLocal(ctx)) return refuse(ctx, new Refusal('NOT_FOUND'));
  const given = await objectIn(edge, ctx);
  if (given === undefined) return abandon(ctx);
  const order = given instanceof Refusal ? given : orderOf(what, given, edge.node.status().voters);
  if (order instanceof Refusal) return refuse(ctx, order);
  const { chaos, log } = edge;
  log.write('warn', 'chaos_ordered', `asked to ${what}`, { ...order });
  const why = chaos ? await chaos.order(order) : 'this node can only end itself';
  if (why === undefined) sendJson(ctx, 200, { active: chaos?.active() ?? [] });
  else refuse(ctx, new Refusal('CHAOS_REFUSED', why));
}

/** With a body any node, else this one, at once. */
export async function killNode(edge: Edge, ctx: Context): Promise<void> {
  if (hasBody(ctx.req)) return giveOrder(edge, ctx, 'kill');
  if (!isLocal(ctx)) return refuse(ctx, new Refusal('NOT_FOUND'));
  edge.kill?.(); // Nobody comes back from here, but in tests.
  sendJson(ctx, 200, { killed: true });
}
