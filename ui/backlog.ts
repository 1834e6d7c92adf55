/**
 * Messages that the feed does not tell of, because they were there before anybody looked: the newest are read once after
 * each greeting, older ones when somebody scrolls back or searches, by GET /messages like any client.
 */
import type { MessageView } from '../actors/observation.ts';
import { isObject } from './json.ts';
import { judged } from './rings.ts';

export const backlogRows = 100;
/** Of one answer; more is asked for again, from where it ended. */
const bytesMost = 512 * 1024;
/** As much as the feed shows of a message. */
const shownCharacters = 200;

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** One line of NDJSON; null for what is no message. */
export function messageOf(line: string): MessageView | null {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isObject(said) || typeof said.id !== 'number' || typeof said.content !== 'string') return null;
  return {
    id: said.id,
    lamport: numberOf(said.lamport_timestamp),
    origin: numberOf(said.node_id),
    seen: numberOf(said.seen),
    physicalSeconds: numberOf(said.physical_timestamp),
    content: [...said.content.slice(0, 2 * shownCharacters)].slice(0, shownCharacters).join(''),
    bytes: new TextEncoder().encode(said.content).length,
    violation: false,
  };
}

/** The whole lines that came before the end or the bound; at least one, however long it is. */
async function linesOf(response: Response): Promise<readonly string[]> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    if (text.length < bytesMost || !text.includes('\n')) continue;
    await reader.cancel();
    break;
  }
  const lines = text.split('\n');
  return (text.endsWith('\n') || text.length < bytesMost ? lines : lines.slice(0, -1)).filter((line) => line !== '');
}

async function read(after: number, limit: number): Promise<readonly MessageView[]> {
  const response = await fetch(`/messages?after=${after}&limit=${limit}&timeout=2000`, {
    headers: { accept: 'application/x-ndjson' },
  });
  if (!response.ok) throw new Error(`GET /messages: ${response.status}`);
  return judged((await linesOf(response)).flatMap((line) => messageOf(line) ?? []));
}

/** What does not come is no harm. */
export const readBacklog = (after: number): Promise<readonly MessageView[]> => read(after, backlogRows).catch(() => []);

/** All messages with ids in (after, upTo], oldest first; rejects when the node does not give them. */
export async function readRange(after: number, upTo: number): Promise<readonly MessageView[]> {
  const rows: MessageView[] = [];
  for (let from = after; from < upTo; ) {
    const more = await read(from, upTo - from);
    const last = more.at(-1);
    if (last === undefined || last.id <= from) throw new Error(`GET /messages: nothing after ${from}`);
    rows.push(...more.filter(({ id }) => id <= upTo));
    from = last.id;
  }
  return rows;
}

/** After which id to read, or null when the rows are up to date. */
export function backlogAfter(lastId: number, newestShown: number): number | null {
  if (lastId <= newestShown) return null;
  return Math.max(newestShown, lastId - backlogRows);
}
