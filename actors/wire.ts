/**
 * Wire: the frames of one peer's current connection. Encodes and decodes, answers pings with their echo, measures the
 * round trip, and notices silence.
 *
 * A1. Only the connection that the link attached counts: what arrives on another is dropped and counted.
 * A2. Nothing leaves before this side's HELLO, and nothing but a greeting is heard before the peer's was accepted: what
 *     comes over a connection is bound to its greeting.
 * A3. Bytes that come in are a sign of life, also without a ping among them: on a thin link pings wait behind data.
 * A4. A peer that does not read cannot make this node hold more than `maxBufferedBytes` for it: the connection ends.
 */
import type { FrameCounts, WireEvent } from './events.ts';
import type { Clock, Connection } from './ports.ts';
import type { NodeId } from './protocol/epoch.ts';
import { decodeFrame, encodeFrame } from './protocol/frameCodec.ts';
import { maxFrameBytes, type Ping } from './protocol/frames.ts';
import { RoundTrips } from './protocol/timing.ts';
import { type Scope, type ServiceLogic, service, tell, tellLink } from './system.ts';

export interface WireInput {
  readonly peer: NodeId;
  readonly clock: Clock;
  /** A connection on which nothing came for so long is given up, and dialled anew. */
  readonly silentMs: number;
}

/** One window of data each way, what control frames add, and one frame of the biggest size. */
export const maxBufferedBytes = 4 * 1024 * 1024 + maxFrameBytes;

const nothingCounted = (): { -readonly [K in keyof FrameCounts]: FrameCounts[K] } => ({
  framesIn: 0,
  bytesIn: 0,
  framesOut: 0,
  bytesOut: 0,
});

export class Wire {
  readonly #input: WireInput;
  readonly #scope: Scope;
  readonly roundTrips = new RoundTrips();
  /** Pings of this side that came back, and the round trip of the last of them. For people: nothing waits by it. */
  #pingsAnswered = 0;
  #lastRttMs: number | null = null;
  #lastEcho = -1;
  #key = 0;
  #connection: Connection | undefined;
  #heardAt = 0;
  /** What had come in at this side's last ping, and whether a ping has come since. */
  #receivedBytes = 0;
  #isPinged = false;
  #theirSentAt = -1;
  #hasGreeted = false;
  #isGreeted = false;
  #theirSentAtSince = 0;
  #counts = nothingCounted();

  constructor(input: WireInput, scope: Scope) {
    this.#input = input;
    this.#scope = scope;
  }

  get pingsAnswered(): number {
    return this.#pingsAnswered;
  }
  get lastRttMs(): number | null {
    return this.#lastRttMs;
  }
  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  receive(event: WireEvent): void {
    switch (event.type) {
      case 'wire.attach':
        this.#key = event.key;
        this.#connection = event.connection;
        this.#heardAt = this.#input.clock.now();
        this.#receivedBytes = event.connection.receivedBytes;
        this.#theirSentAt = -1;
        this.#hasGreeted = false;
        this.#isGreeted = false;
        return;
      case 'wire.accept':
        this.#isGreeted = event.key === this.#key;
        return;
      case 'wire.detach':
        if (event.close !== undefined) this.#connection?.close(event.close);
        this.#connection = undefined;
        return;
      case 'frame.out':
        this.#out(event);
        return;
      case 'bytes.arrived':
        if (this.#connection && event.key === this.#key) this.#in(event.bytes);
        else this.#drop();
    }
  }

  #out({ frame, lamport }: Extract<WireEvent, { type: 'frame.out' }>): void {
    const connection = this.#connection;
    this.#hasGreeted ||= frame.kind === 'hello';
    if (!connection || !this.#hasGreeted) return;
    const now = this.#input.clock.now();
    const isReceiving = frame.kind === 'ping' && this.#isReceiving(connection);
    if (isReceiving) {
      this.#heardAt = now;
      tell(this.#scope, 'election', { type: 'peer.receiving', peer: this.#input.peer });
    }
    if (frame.kind === 'ping' && now - this.#heardAt > this.#input.silentMs) {
      tellLink(this.#scope, this.#input.peer, { type: 'peer.fell-silent' });
      return;
    }
    if (connection.bufferedBytes > maxBufferedBytes) {
      tellLink(this.#scope, this.#input.peer, { type: 'peer.misbehaved', reason: 'it does not read what it is sent' });
      return;
    }
    const bytes = encodeFrame(frame.kind === 'ping' ? this.#withEcho(frame, now, isReceiving) : frame, lamport);
    this.#counts.framesOut++;
    this.#counts.bytesOut += bytes.length;
    connection.send(bytes);
    if (frame.kind !== 'ping') return;
    tell(this.#scope, 'metrics', { type: 'frames.counted', ...this.#counts });
    this.#counts = nothingCounted();
  }

  #drop(): void {
    tell(this.#scope, 'metrics', { type: 'frame.dropped' });
  }

  #withEcho(ping: Ping, now: number, receiving: boolean): Ping {
    return { ...ping, sentAt: now, echo: this.#theirSentAt, heldMs: now - this.#theirSentAtSince, receiving };
  }

  /** Something came since the last ping of this side, and no ping of the peer: A3. */
  #isReceiving({ receivedBytes }: Connection): boolean {
    const isReceiving = this.#isGreeted && !this.#isPinged && receivedBytes > this.#receivedBytes;
    this.#receivedBytes = receivedBytes;
    this.#isPinged = false;
    return isReceiving;
  }

  #in(bytes: Buffer): void {
    const { peer, clock } = this.#input;
    const received = decodeFrame(bytes);
    this.#counts.framesIn++;
    this.#counts.bytesIn += bytes.length;
    if (received === 'malformed') {
      tellLink(this.#scope, peer, { type: 'peer.misbehaved', reason: 'it sent a malformed frame' });
      return;
    }
    this.#heardAt = clock.now();
    const { frame, lamport } = received;
    if (!this.#isGreeted && frame.kind !== 'hello' && frame.kind !== 'proposal') {
      this.#drop();
      return;
    }
    let roundTripSentAt = -1;
    let rttMs = -1;
    if (frame.kind === 'ping') {
      this.#isPinged = true;
      this.#theirSentAt = frame.sentAt;
      this.#theirSentAtSince = this.#heardAt;
      if (frame.echo >= 0) {
        // What it says it is receiving shows the way there, as an echo would (A3).
        roundTripSentAt = frame.receiving ? this.#heardAt : frame.echo;
        rttMs = Math.max(0, this.#heardAt - frame.echo - Math.max(0, frame.heldMs));
        this.roundTrips.add(rttMs);
        this.#noteAnswer(frame.echo, rttMs);
      }
    }
    if (frame.kind === 'greeted')
      tellLink(this.#scope, peer, { type: 'peer.answered', key: this.#key, greeted: frame });
    const connection = this.#key;
    tell(this.#scope, 'clock', { type: 'frame.received', peer, connection, frame, lamport, roundTripSentAt, rttMs });
  }

  /** A peer that beats faster echoes the same ping again, and later: the first echo is the one that counts. */
  #noteAnswer(echo: number, rttMs: number): void {
    if (echo === this.#lastEcho) return;
    this.#lastEcho = echo;
    this.#lastRttMs = rttMs;
    this.#pingsAnswered++;
  }
}

export const wire: ServiceLogic<WireEvent, WireInput> = service((input: WireInput, scope) => new Wire(input, scope));
