/**
 * Messages as clients see them: JSON made from batches by hand, many messages to a string. Pure.
 *
 * E1. A piece ends after the message that made it reach `pieceChars`: no batch, however big, becomes one huge string.
 */
import type { Message } from '../actors/facade.ts';
import type { Batch } from '../actors/protocol/batch.ts';

/** How the messages of one answer are put together. */
export interface Form {
  readonly type: string;
  readonly open: string;
  readonly close: string;
  /** What stands before message `id`; `first` in this answer. */
  before(id: number, first: boolean): string;
  readonly after: string;
}

export const jsonArray: Form = {
  type: 'application/json; charset=utf-8',
  open: '[',
  close: ']\n',
  before: (_id, first) => (first ? '\n' : ',\n'),
  after: '',
};
export const ndjson: Form = {
  type: 'application/x-ndjson; charset=utf-8',
  open: '',
  close: '',
  before: () => '',
  after: '\n',
};
export const eventStream: Form = {
  type: 'text/event-stream; charset=utf-8',
  open: 'retry: 1000\n\n',
  close: '',
  before: (id) => `id: ${id}\ndata: `,
  after: '\n\n',
};

export const encodeMessage = (message: Message): string =>
  `{"id":${message.id},"content":${JSON.stringify(message.content)},"lamport_timestamp":${message.lamport},` +
  `"node_id":${message.nodeId},"physical_timestamp":${message.physicalSeconds},"seen":${message.seen}}`;

const pieceChars = 128 * 1024;

export interface Piece {
  readonly text: string;
  /** The newest message in it. */
  readonly lastId: number;
  readonly lastLamport: number;
}

/** The messages with ids in (afterId, upToId] of these batches. */
export function* encodePieces(
  batches: readonly Batch[],
  { afterId, upToId, form, first }: { afterId: number; upToId: number; form: Form; first: boolean },
): Generator<Piece> {
  let text = '';
  let lastId = afterId;
  let lastLamport = 0;
  let isFirst = first;
  for (const batch of batches) {
    if (batch.messageCount === 0 || batch.nextId - 1 <= afterId) continue;
    for (const { write, firstId, firstLamport } of batch.writes()) {
      const { contents } = write;
      if (firstId > upToId) break;
      // What the messages of a write share is made once.
      const tail = `,"node_id":${write.tag.origin},"physical_timestamp":${write.physicalSeconds},"seen":${write.seen}}${form.after}`;
      const end = Math.min(contents.length, upToId - firstId + 1);
      for (let i = Math.max(0, afterId - firstId + 1); i < end; i++) {
        lastId = firstId + i;
        lastLamport = firstLamport + i;
        const content = JSON.stringify((contents[i] as Buffer).toString('utf8'));
        text += `${form.before(lastId, isFirst)}{"id":${lastId},"content":${content},"lamport_timestamp":${lastLamport}${tail}`;
        isFirst = false;
        if (text.length < pieceChars) continue;
        yield { text, lastId, lastLamport };
        text = '';
      }
    }
  }
  if (text !== '') yield { text, lastId, lastLamport };
}
