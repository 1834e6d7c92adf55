/** Messages as `GET /messages` shows them. */
import type { ShownMessage } from './history.ts';

interface JsonMessage {
  readonly id: number;
  readonly content: string;
  readonly lamport_timestamp: number;
  readonly node_id: number;
  readonly seen: number;
}

export function messageOf(json: unknown): ShownMessage {
  const { id, content: text, lamport_timestamp: lamport, node_id: origin, seen } = json as JsonMessage;
  return { id, text, lamport, origin, seen };
}

export const messagesIn = (ndjson: Buffer): ShownMessage[] =>
  ndjson
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => messageOf(JSON.parse(line)));
