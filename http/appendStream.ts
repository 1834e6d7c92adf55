/**
 * An append stream: frames of messages in, lines of answers out, as fast as the log takes them.
 *
 *   frames --gather--> writes --append--> asked, oldest first --settled--> one line for what follows on each other
 *
 * N1. Frames are written and answered in their order, each once; the first failure is the last line, and ends the stream.
 * N2. What a stream holds is bounded: beyond its limits of frames, bytes and answers not taken, and while the node is
 *     overloaded, nothing more is read. One frame always gets through, and what came with it in one piece.
 * N3. In every turn of the event loop a stream asks and answers at most once, and asks for so much only; nothing costs a
 *     timer or a promise a frame. Without a session the frames of a turn are joined into writes.
 */
import { isUtf8 } from 'node:buffer';
import type { Appended, AppendRequest, Trouble } from '../actors/facade.ts';
import { maxMessagesInWrite } from '../actors/protocol/batch.ts';
import type { Lamport } from '../actors/protocol/epoch.ts';
import type { Edge } from './edge.ts';
import { type ErrorCode, Refusal, refusalOf } from './errors.ts';
import { bodyHashOf, maxMessageBytes, parseBatch } from './requests.ts';
import type { ServerSocket } from './upgrades.ts';

export interface StreamSettings {
  /** `text`: a frame is a message. `ndjson`: a frame is a batch, and one write. */
  readonly format: 'text' | 'ndjson';
  /** For each write, from the arrival of its first frame. */
  readonly timeoutMs: number;
  /** Makes each frame a write with a key of its own. */
  readonly session: string | undefined;
  /** Number of the first frame. */
  readonly from: number;
  readonly lamportTime: Lamport | undefined;
}

/** Frames `first` to `last`, which become one write. */
interface Gathered {
  readonly first: number;
  last: number;
  readonly contents: Buffer[];
  bytes: number;
  readonly arrivedAt: number;
}

/** A write that the node has; its messages are the node's. */
interface Asked {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  outcome: Appended | Trouble | undefined;
}

/** What is said last, once all before it is answered. */
interface Ending {
  readonly n: number;
  readonly refusal: Refusal | undefined;
}

const joinedBytesMax = 48 * 1024;
/** What a message costs beside its bytes while it is here. */
const messageOverheadBytes = 128;
const lookAgainMs = 4;
/** With a session each frame is one: thousands at once would keep the node from its peers. */
const maxWritesInTurn = 256;

export class AppendStream {
  readonly closed: Promise<void>;
  /** Why it ended, if that was a failure. */
  refusal: Refusal | undefined;
  readonly #edge: Edge;
  readonly #webSocket: ServerSocket;
  readonly #settings: StreamSettings;
  #next: number;
  #gathered: Gathered[] = [];
  #asked: Asked[] = [];
  #frames = 0;
  #bytes = 0;
  #lamportTime: Lamport | undefined;
  #ending: Ending | undefined;
  #ended = false;
  #turnIsDue = false;
  #lookAgain: NodeJS.Timeout | undefined;
  #stopping: NodeJS.Timeout | undefined;

  constructor(edge: Edge, webSocket: ServerSocket, settings: StreamSettings) {
    this.#edge = edge;
    this.#webSocket = webSocket;
    this.#settings = settings;
    this.#next = settings.from;
    this.#lamportTime = settings.lamportTime;
    webSocket.on('message', (data) => this.#take(data as Buffer));
    webSocket.on('error', (error) => this.refuse(this.#refusalOfBroken(error)));
    webSocket.onLast = () => this.#endAt({ n: this.#next, refusal: undefined });
    this.closed = new Promise((resolve) => {
      webSocket.on('close', () => {
        this.#end();
        resolve();
      });
    });
  }

  /** Ends it behind all that was taken. */
  refuse(refusal: Refusal): void {
    this.#endAt({ n: this.#next, refusal });
  }

  /** The node stops: what it has is answered, if that comes in time. */
  stop(): void {
    if (this.#ended) return;
    const refusal = new Refusal('STOPPING');
    const [waiting] = this.#gathered;
    if (waiting) this.#ending = { n: waiting.first, refusal };
    this.#gathered = [];
    this.refuse(refusal);
    this.#stopping = setTimeout(
      () => {
        const { first } = this.#asked[0] ?? {};
        if (first !== undefined) this.#endNow({ n: first, refusal: unknown('STOPPING') });
      },
      Math.round(0.8 * this.#edge.limits.stopGraceMs),
    );
  }

  // ------------------------------------------------------------------------------------------------- frames in

  #take(data: Buffer): void {
    if (this.#ending) return;
    this.#edge.metrics.framesReceived++;
    const refusal = this.#settings.format === 'text' ? this.#gatherMessage(data) : this.#gatherBatch(data);
    if (refusal) return this.refuse(refusal);
    this.#next++;
    this.#frames++;
    if (this.#isFull) this.#webSocket.pause();
    this.#turnSoon();
  }

  #gatherMessage(data: Buffer): Refusal | undefined {
    if (data.length > maxMessageBytes) return new Refusal('MESSAGE_TOO_LARGE', `it has ${data.length} bytes`);
    if (!isUtf8(data)) return new Refusal('NOT_UTF8');
    const bytes = data.length + messageOverheadBytes;
    this.#bytes += bytes;
    const open = this.#settings.session === undefined ? this.#gathered.at(-1) : undefined;
    if (open && open.bytes + bytes <= joinedBytesMax && open.contents.length < maxMessagesInWrite) {
      open.contents.push(data);
      open.last = this.#next;
      open.bytes += bytes;
    } else this.#gather([data], bytes);
    return undefined;
  }

  #gatherBatch(data: Buffer): Refusal | undefined {
    const contents = parseBatch('ndjson', data);
    if (contents instanceof Refusal) return contents;
    const bytes = data.length + contents.length * messageOverheadBytes;
    this.#bytes += bytes;
    this.#gather(contents as Buffer[], bytes);
    return undefined;
  }

  #gather(contents: Buffer[], bytes: number): void {
    const n = this.#next;
    this.#gathered.push({ first: n, last: n, contents, bytes, arrivedAt: performance.now() });
  }

  get #isFull(): boolean {
    const { maxStreamFrames, maxStreamBytes, maxStreamAnswerBytes } = this.#edge.limits;
    return (
      this.#frames >= maxStreamFrames ||
      this.#bytes >= maxStreamBytes ||
      this.#lookAgain !== undefined ||
      this.#webSocket.bufferedAmount > maxStreamAnswerBytes
    );
  }

  // -------------------------------------------------------------------------------------------------- the turn

  /** N3: at the end of this turn of the event loop. */
  #turnSoon = (): void => {
    if (this.#turnIsDue) return;
    this.#turnIsDue = true;
    setImmediate(this.#takeTurn);
  };
  readonly #takeTurn = (): void => void this.#edge.turns.run(this.#turn);

  readonly #turn = (): void => {
    this.#turnIsDue = false;
    if (this.#ended) return;
    this.#submit();
    this.#answer();
    if (this.#ending && this.#asked.length === 0 && this.#gathered.length === 0) this.#endNow(this.#ending);
    else if (this.#webSocket.isPaused && !this.#isFull) this.#webSocket.resume();
  };

  /** The node's own answer to a write that it cannot take now would be its end; so it is asked before. */
  #submit(): void {
    let count = 0;
    for (const write of this.#gathered) {
      if (count === maxWritesInTurn) {
        this.#turnSoon();
        break;
      }
      const trouble = this.#edge.node.writeRefusal(write.bytes);
      const leftMs = this.#settings.timeoutMs - (performance.now() - write.arrivedAt);
      if (trouble?.code === 'OVERLOADED' && leftMs > 0) {
        this.#waitForNode();
        break;
      }
      this.#append(write, Math.max(1, Math.ceil(leftMs)));
      count++;
    }
    if (count > 0) this.#gathered.splice(0, count);
  }

  #waitForNode(): void {
    this.#webSocket.pause();
    this.#lookAgain ??= setTimeout(() => {
      this.#lookAgain = undefined;
      this.#turnSoon();
    }, lookAgainMs);
  }

  #append({ first, last, contents, bytes }: Gathered, timeoutMs: number): void {
    const { session } = this.#settings;
    const asked: Asked = { first, last, bytes, outcome: undefined };
    this.#asked.push(asked);
    const request: AppendRequest = {
      contents,
      timeoutMs,
      lane: this,
      ...(this.#lamportTime !== undefined && { lamportTime: this.#lamportTime }),
      ...(session !== undefined && { key: { key: `${session}:${first}`, bodyHash: bodyHashOf(contents) } }),
    };
    this.#edge.node.append(request).then(
      (outcome) => {
        asked.outcome = outcome;
        this.#turnSoon();
      },
      (bug: unknown) => this.#endForBug(bug),
    );
  }

  // ----------------------------------------------------------------------------------------------- answers out

  /** One line for writes that follow on each other in the log. */
  #answer(): void {
    let lines = '';
    let [last, firstId, firstLamport, count] = [0, 0, 0, 0];
    let place = 0;
    for (; place < this.#asked.length; place++) {
      const asked = this.#asked[place] as Asked;
      const { outcome } = asked;
      if (outcome?.kind !== 'done') break;
      this.#frames -= asked.last - asked.first + 1;
      this.#bytes -= asked.bytes;
      if (count > 0 && (outcome.firstId !== firstId + count || outcome.firstLamport !== firstLamport + count)) {
        lines += lineOf(last, firstId, count, firstLamport);
        count = 0;
      }
      if (count === 0) ({ firstId, firstLamport } = outcome);
      count += outcome.count;
      last = asked.last;
    }
    if (place > 0) {
      this.#lamportTime = undefined; // The node has reached it.
      this.#asked.splice(0, place);
      this.#send(lines + lineOf(last, firstId, count, firstLamport));
    }
    const failed = this.#asked[0];
    if (failed?.outcome?.kind === 'trouble')
      this.#endNow({ n: failed.first, refusal: this.#refusalOfFailed(failed.outcome) });
  }

  #send(lines: string): void {
    this.#edge.metrics.framesSent++;
    // Once it is taken, more may be read.
    this.#webSocket.send(lines, this.#turnSoon);
  }

  /** What came behind the failure is part of its outcome, as far as that is known. */
  #refusalOfFailed(trouble: Trouble): Refusal {
    const isSure = this.#asked.every(({ outcome }) => outcome?.kind === 'trouble' && outcome.outcome === 'not_done');
    return refusalOf(isSure ? trouble : { ...trouble, outcome: 'unknown' });
  }

  #refusalOfBroken(error: Error & { code?: string }): Refusal {
    if (!error.code?.endsWith('PAYLOAD_LENGTH') && !error.code?.endsWith('MESSAGE_LENGTH')) {
      return new Refusal('MALFORMED_REQUEST', error.message);
    }
    return new Refusal(this.#settings.format === 'text' ? 'MESSAGE_TOO_LARGE' : 'BATCH_TOO_LARGE', error.message);
  }

  // ---------------------------------------------------------------------------------------------------- the end

  #endAt(ending: Ending): void {
    this.#ending ??= ending;
    this.#turnSoon();
  }

  #endForBug(bug: unknown): void {
    const error = bug instanceof Error ? bug : new Error(String(bug));
    this.#edge.log.write('error', 'http_bug', error.message, { stack: error.stack ?? '', path: '/append' });
    const n = this.#asked[0]?.first ?? this.#next;
    this.#endNow({ n, refusal: unknown('INTERNAL') });
  }

  #endNow({ n, refusal }: Ending): void {
    if (this.#ended) return;
    this.#end();
    this.refusal = refusal;
    if (!refusal) return this.#webSocket.end(1000, '');
    // With keys all tries of a frame are one write.
    const isRetrySafe = this.#settings.session !== undefined || refusal.outcome === 'not_done';
    this.#send(`{"n":${n},${refusal.toJson(isRetrySafe).slice(1)}\n`);
    this.#webSocket.end(closeCodeOf(refusal), refusal.code);
  }

  #end(): void {
    this.#ended = true;
    this.#ending ??= { n: this.#next, refusal: undefined };
    this.#gathered = [];
    this.#asked = [];
    clearTimeout(this.#lookAgain);
    clearTimeout(this.#stopping);
  }
}

const lineOf = (n: number, firstId: number, count: number, firstLamport: Lamport): string =>
  `{"n":${n},"first_id":${firstId},"count":${count},"lamport_timestamp":${firstLamport}}\n`;

const unknown = (code: ErrorCode): Refusal => new Refusal(code, undefined, undefined, { outcome: 'unknown' });

/** RFC 6455 §7.4.1; 1013 is registered as "try again later". */
function closeCodeOf({ code, status }: Refusal): number {
  if (code === 'STOPPING') return 1001;
  if (code === 'INTERNAL') return 1011;
  if (status === 413) return 1009;
  return status >= 500 ? 1013 : 1008;
}
