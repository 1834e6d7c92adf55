/**
 * Session tokens (PROTOCOL §8): an answer's `Lamport-Time` is the newest Lamport time its client has seen or made; sent
 * back, to any node, it makes sure that the client never sees less than that.
 */
import type { IncomingMessage } from 'node:http';
import type { Lamport } from '../actors/protocol/epoch.ts';
import { Refusal } from './errors.ts';
import { parseInteger } from './query.ts';

export function lamportTimeOf({ headers }: IncomingMessage): Lamport | undefined | Refusal {
  const text = headers['lamport-time'];
  if (text === undefined) return undefined;
  const value = typeof text === 'string' ? parseInteger(text) : undefined;
  return value ?? new Refusal('HEADER_INVALID', 'Lamport-Time is an integer, as an earlier answer gave it');
}

export const nextToken = (asked: Lamport | undefined, newestShown: Lamport): Lamport =>
  asked === undefined || newestShown > asked ? newestShown : asked;
