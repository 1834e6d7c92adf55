/**
 * The newest messages that were there before anybody looked: the feed tells of what comes, so they are read once after each
 * greeting, by GET /messages like any client. Bounded in rows and bytes; what does not come is no harm.
 */
import type { MessageView } from '../actors/observation.ts';
import { isObject } from './json.ts';

export const backlogRows = 100;
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

/** The whole lines that came before the end or the bound. */
async function linesOf(response: Response): Promise<readonly string[]> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    if (text.length < bytesMost) continue;
    await reader.cancel();
    break;
  }
  return text.split('\n').filter((line) => line !== '');
}

export async function readBacklog(after: number): Promise<readonly MessageView[]> {
  try {
    const response = await fetch(`/messages?after=${after}&limit=${backlogRows}&timeout=2000`, {
      headers: { accept: 'application/x-ndjson' },
    });
    if (!response.ok) return [];
    return (await linesOf(response)).flatMap((line) => messageOf(line) ?? []);
  } catch {
    return [];
  }
}

/** After which id to read, or null when the rows are up to date. */
export function backlogAfter(lastId: number, newestShown: number): number | null {
  if (lastId <= newestShown) return null;
  return Math.max(newestShown, lastId - backlogRows);
}
