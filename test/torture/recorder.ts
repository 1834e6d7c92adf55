/**
 * What the clients of a torture write down: the history for the checkers, and each call for the figures.
 *
 * R1. A message that was shown often is kept once; one that differs in anything from what was shown before is kept as it is.
 * R2. Long texts are kept short: a text of `name:length:` and dots is `name:length`, any other is kept whole.
 */
import type { Event, ShownMessage } from '../history/history.ts';
import { now } from '../support/loadClient.ts';

export const callKinds = ['append', 'batch', 'read', 'linearizable', 'tail'] as const;
export type CallKind = (typeof callKinds)[number];
/** Unsent: nobody took the connection. */
export type CallOutcome = 'acknowledged' | 'refused' | 'unknown' | 'unsent';

export interface CallRecord {
  readonly kind: CallKind;
  readonly node: number;
  readonly endedAt: number;
  readonly ms: number;
  readonly outcome: CallOutcome;
  /** Why it was not acknowledged. */
  readonly code: string;
}

export const longText = (name: string, length: number): string => `${name}:${length}:`.padEnd(length, '.');
export const shortText = (name: string, length: number): string => `${name}:${length}`;

function shortened(text: string): string {
  if (text.length < 64) return text;
  const [, name = '', length = ''] = /^([^:]+):(\d+):/.exec(text) ?? [];
  return text === longText(name, Number(length)) ? shortText(name, Number(length)) : text;
}

export class Recorder {
  readonly events: Event[] = [];
  readonly calls: CallRecord[] = [];
  /** Answers that the API does not promise. */
  readonly complaints: string[] = [];
  readonly #shown = new Map<number, ShownMessage>();

  event(event: Event): void {
    this.events.push(event);
  }
  call(kind: CallKind, node: number, beganAt: number, outcome: CallOutcome, code = ''): void {
    const endedAt = now();
    this.calls.push({ kind, node, endedAt, ms: endedAt - beganAt, outcome, code });
  }
  complain(words: string): void {
    if (this.complaints.length < 1_000) this.complaints.push(words);
  }

  /** One message as a node shows it in JSON. */
  message(json: unknown): ShownMessage {
    const { id, content, lamport_timestamp: lamport, node_id: origin, seen } = json as Record<string, unknown>;
    const numbers = [id, lamport, origin, seen];
    if (typeof content !== 'string' || !numbers.every((number) => Number.isSafeInteger(number))) {
      this.complain(`no message: ${JSON.stringify(json).slice(0, 200)}`);
    }
    const text = shortened(String(content));
    const known = this.#shown.get(id as number);
    if (known?.text === text && known.lamport === lamport && known.origin === origin && known.seen === seen)
      return known;
    const message = { id, text, lamport, origin, seen } as ShownMessage;
    if (known === undefined) this.#shown.set(message.id, message);
    return message;
  }
  ndjson(body: Buffer): ShownMessage[] {
    return body
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => this.message(JSON.parse(line)));
  }
}
