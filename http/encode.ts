/**
 * Messages as clients see them: JSON made from batches by hand, many messages at a time. Pure.
 *
 * E1. A piece is at most `pieceBytes`, or one message, in memory: no batch, however big, becomes one huge buffer.
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

export interface Piece {
  readonly bytes: Buffer;
  /** The newest message in it. */
  readonly lastId: number;
  readonly lastLamport: number;
}

const pieceBytes = 128 * 1024;
/** A byte of a message takes at most six in JSON, as in \u0001; the rest of a message at most this. */
const growth = 6;
const frameBytes = 512;

/** The messages with ids in (afterId, upToId] of these batches. */
export function* encodePieces(
  batches: readonly Batch[],
  { afterId, upToId, form, first }: { afterId: number; upToId: number; form: Form; first: boolean },
): Generator<Piece> {
  let out: Output | undefined;
  let isFirst = first;
  for (const batch of batches) {
    if (batch.messageCount === 0 || batch.nextId - 1 <= afterId) continue;
    for (const { write, firstId, firstLamport } of batch.writes()) {
      const { contents } = write;
      if (firstId > upToId) break;
      const seconds = String(write.physicalSeconds); // Dear, so once a write.
      const end = Math.min(contents.length, upToId - firstId + 1);
      for (let i = Math.max(0, afterId - firstId + 1); i < end; i++) {
        const content = contents[i] as Buffer;
        const needed = content.length * growth + frameBytes;
        if (out && out.left < needed) {
          yield out.finish();
          out = undefined;
        }
        out ??= new Output(Math.max(needed, Math.min(pieceBytes, roomFor(batches))));
        out.ascii(form.before(firstId + i, isFirst));
        out.ascii('{"id":');
        out.number(firstId + i);
        out.ascii(',"content":');
        out.text(content);
        out.ascii(',"lamport_timestamp":');
        out.number(firstLamport + i);
        out.ascii(',"node_id":');
        out.number(write.tag.origin);
        out.ascii(',"physical_timestamp":');
        out.ascii(seconds);
        out.ascii(',"seen":');
        out.number(write.seen);
        out.ascii('}');
        out.ascii(form.after);
        out.lastId = firstId + i;
        out.lastLamport = firstLamport + i;
        isFirst = false;
      }
    }
  }
  if (out) yield out.finish();
}

/** Enough for a few short messages in one piece, without a big buffer for each event of each tail. */
function roomFor(batches: readonly Batch[]): number {
  let room = 0;
  for (const batch of batches) room += batch.bytes.length * 2 + batch.messageCount * 200;
  return room;
}

const quote = 0x22;
const backslash = 0x5c;
const hex = Buffer.from('0123456789abcdef');
/** The letter of a short escape, by the byte it stands for; 0 where there is none. */
const shortEscapes = new Uint8Array(256);
for (const [letter, byte] of Object.entries({ b: 8, t: 9, n: 10, f: 12, r: 13, '"': quote, '\\': backslash })) {
  shortEscapes[byte] = letter.charCodeAt(0);
}

/**
 * Bytes under way to a socket. A message is UTF-8 already and goes over byte by byte, with what JSON must escape: no
 * strings are joined here, since to flatten those took more than half of the time.
 */
class Output {
  lastId = 0;
  lastLamport = 0;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }
  get left(): number {
    return this.#bytes.length - this.#at;
  }
  ascii(text: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
  }
  number(value: number): void {
    if (value > 0x7fffffff) {
      this.ascii(String(value));
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    let rest = value | 0;
    this.#at += digits;
    for (let at = this.#at - 1; digits > 0; digits--) {
      const next = (rest / 10) | 0;
      this.#bytes[at--] = 0x30 + rest - next * 10;
      rest = next;
    }
  }
  /** A JSON string, spelt as `JSON.stringify` does. */
  text(content: Buffer): void {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = quote;
    for (let i = 0; i < content.length; i++) {
      const byte = content[i] as number;
      if (byte >= 0x20 && byte !== quote && byte !== backslash) {
        bytes[at++] = byte;
        continue;
      }
      bytes[at++] = backslash;
      const letter = shortEscapes[byte] as number;
      if (letter === 0) {
        bytes[at++] = 0x75; // u
        bytes[at++] = 0x30;
        bytes[at++] = 0x30;
        bytes[at++] = hex[byte >> 4] as number;
        bytes[at++] = hex[byte & 15] as number;
      } else bytes[at++] = letter;
    }
    bytes[at++] = quote;
    this.#at = at;
  }
  finish(): Piece {
    return { bytes: this.#bytes.subarray(0, this.#at), lastId: this.lastId, lastLamport: this.lastLamport };
  }
}
