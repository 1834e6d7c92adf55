/**
 * What a viewer may say, checked at the door. Pure.
 *
 * W1. Everything in a `want` is bounded, and a member that nobody knows is refused: what comes in decides how much a node
 *     does for its viewers.
 */
import { maxOneOf } from '../../actors/protocol/watching.ts';
import type { Want } from './protocol.ts';

/** A `want` has about a hundred. */
export const maxWantBytes = 1024;
/** Of the viewer's own choice; rarer than it asked is never sent. */
const paces = [100, 200, 500, 1000, 2000, 5000, 10_000] as const;
const everyMsMin = paces[0];
const everyMsMax = paces[6];

/** The next pace that is not quicker than asked: so that few distinct ones are served. 0 stays 0. */
export const paceOf = (everyMs: number): number => (everyMs === 0 ? 0 : (paces.find((pace) => pace >= everyMs) ?? 0));

const members = new Set(['type', 'everyMs', 'trace', 'actors', 'oneOf', 'messages']);

/** The want, or why it is none: for a close frame, which is cut to what fits (upgrades.ts). */
export function parseWant(text: string): Want | string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return 'not a JSON object';
  const given = said as Record<string, unknown>;
  if (given.type !== 'want') return `unknown type ${brief(given.type)}`;
  const surplus = Object.keys(given).find((name) => !members.has(name));
  if (surplus !== undefined) return `unknown member ${brief(surplus)}`;
  const { everyMs, trace, actors, oneOf, messages = true } = given;
  if (everyMs !== 0 && !isInteger(everyMs, everyMsMin, everyMsMax))
    return `everyMs is 0 or an integer ${everyMsMin}..${everyMsMax}`;
  if (![trace, actors, messages].every((one) => typeof one === 'boolean'))
    return 'trace, actors and messages are true or false';
  if (!isInteger(oneOf, 1, maxOneOf)) return `oneOf is an integer 1..${maxOneOf}`;
  return { type: 'want', everyMs, trace: trace === true, actors: actors === true, oneOf, messages: messages === true };
}

const isInteger = (value: unknown, min: number, max: number): value is number =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'none').slice(0, 40);
