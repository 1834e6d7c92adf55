/**
 * Message sample: some of the messages that this node committed since the last view, and how many there were.
 *
 * A1. At most `maxShownMessages`; those that break the causal order are always among them.
 */
import { type MessageView, maxShownBytes, maxShownMessages, type NodeView } from '../observation.ts';
import type { Batch } from '../protocol/batch.ts';
import type { Lamport } from '../protocol/epoch.ts';
import { Thinned } from './thinned.ts';

export class MessageSample {
  #count = 0;
  #sample = new Thinned<MessageView>(maxShownMessages);
  #violations: MessageView[] = [];
  /** Of the newest entry that was committed, messages or not. */
  #lamport: Lamport = 0;

  /** What comes next was committed behind an entry of this time. */
  begin(lamport: Lamport): void {
    this.take();
    this.#lamport = lamport;
  }

  add(batches: readonly Batch[]): void {
    for (const batch of batches) {
      const isWrong = batch.baseLamport <= this.#lamport;
      if (batch.messageCount > 0 && (isWrong || this.#wantsOf(batch))) this.#look(batch);
      this.#count += batch.messageCount;
      this.#lamport = Math.max(this.#lamport, batch.endLamport);
    }
  }

  /** To decode a batch is dear; to count is not. */
  #wantsOf({ firstId, nextId }: Batch): boolean {
    for (let id = firstId; id < nextId; id++) if (this.#sample.wants(id)) return true;
    return false;
  }

  #look(batch: Batch): void {
    for (const { write, firstId, firstLamport } of batch.writes()) {
      for (const [i, content] of write.contents.entries()) {
        const id = firstId + i;
        const lamport = firstLamport + i;
        const violation = lamport <= this.#lamport;
        if (!violation && !this.#sample.wants(id)) continue;
        const message: MessageView = {
          id,
          lamport,
          origin: write.tag.origin,
          seen: write.seen,
          physicalSeconds: write.physicalSeconds,
          content: beginning(content, maxShownBytes),
          bytes: content.length,
          violation,
        };
        if (!violation) this.#sample.add(id, message);
        else if (this.#violations.length < maxShownMessages) this.#violations.push(message);
      }
    }
  }

  take(): NodeView['messages'] {
    const others = this.#sample.take();
    const room = maxShownMessages - this.#violations.length;
    const shown = [...this.#violations, ...others.slice(Math.max(0, others.length - room))];
    const messages = { count: this.#count, shown: shown.sort((a, b) => a.id - b.id) };
    this.#count = 0;
    this.#violations = [];
    return messages;
  }
}

/** As much of it as fits, never half a character. */
export function beginning(text: Buffer, maxBytes: number): string {
  let end = Math.min(text.length, maxBytes);
  if (end < text.length) while (end > 0 && ((text[end] as number) & 0xc0) === 0x80) end--;
  return text.toString('utf8', 0, end);
}
