/**
 * Metrics: counters and samples of this node, fed once a batch; and its lines about messages in the log.
 *
 * A1. The causality check looks at what this node really stores, batch by batch, and shares no code with what
 *     makes the order: a batch must begin above the Lamport time of what stands before it. It must stay 0.
 * A2. Everything is bounded: samples in rings, lines at most ten a second.
 */
import type { CommitAdvanced, MetricsEvent, Violation } from './events.ts';
import type { Histogram, MetricsReading } from './facade.ts';
import type { Clock, LogLines } from './ports.ts';
import type { Batch } from './protocol/batch.ts';
import type { Lamport, NodeId } from './protocol/epoch.ts';
import { type Scope, type ServiceLogic, service, tell } from './system.ts';
import { Wake } from './wake.ts';

export interface MetricsInput {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly log: LogLines;
  /** Found when the log was recovered. */
  readonly violations: readonly Violation[];
}

const boundsSeconds = [
  0.0005,
  0.001,
  0.002,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  Number.POSITIVE_INFINITY,
];

class LatencyHistogram {
  #counts = new Float64Array(boundsSeconds.length);
  #sumSeconds = 0;

  add(ms: number, times = 1): void {
    const seconds = ms / 1000;
    this.#sumSeconds += seconds * times;
    const bucket = boundsSeconds.findIndex((bound) => seconds <= bound);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
  }
  read(): Histogram {
    let total = 0;
    const counts = [...this.#counts].map((count) => (total += count));
    return { boundsSeconds, counts, sumSeconds: this.#sumSeconds };
  }
}

interface Sample {
  readonly at: number;
  readonly target: NodeId;
  readonly ms: number;
}

const samplesMax = 2048;
const latencyWindowMs = 60_000;
const throughputWindowMs = 10_000;
const bucketMs = 250;
const linesEveryMs = 100;

export class Metrics {
  readonly #input: MetricsInput;
  readonly #startedAt: number;
  readonly #lines: Wake;
  #sent = 0;
  #committed = 0;
  #violations = 0;
  #elections = 0;
  readonly #samples: Sample[] = [];
  #nextSample = 0;
  /** Committed messages by quarter of a second. */
  readonly #buckets = new Float64Array(throughputWindowMs / bucketMs);
  #bucket = 0;
  #commitLatency = new LatencyHistogram();
  #fsync = new LatencyHistogram();
  #election = new LatencyHistogram();
  #leaderlessSince: number | null = null;
  #counters: Record<string, number> = {};
  #diskUsed: number | null = null;
  /** Of the line that is being gathered. */
  #line: { readonly led: boolean; readonly firstId: number; lastId: number; count: number } | null = null;
  #lineAt = Number.NEGATIVE_INFINITY;
  #led = false;

  constructor(input: MetricsInput, scope: Scope) {
    this.#input = input;
    this.#lines = new Wake(input.clock, () => tell(scope, 'metrics', { type: 'line.due' }));
    this.#startedAt = input.clock.now();
    for (const { batch, previousLamport } of input.violations) this.#violation(batch, previousLamport);
  }

  get diskUsed(): number | null {
    return this.#diskUsed;
  }

  receive(event: MetricsEvent): void {
    switch (event.type) {
      case 'batch.stored':
        this.#count('batches_stored');
        if (event.batch.baseLamport <= event.previousLamport) this.#violation(event.batch, event.previousLamport);
        return;
      case 'commit.advanced':
        return this.#commit(event);
      case 'batch.led':
        this.#led = true;
        if (event.messages > 0) this.#commitLatency.add(event.ms, event.messages);
        return;
      case 'batch.acknowledged':
        return this.#sample(event.peer, event.ms);
      case 'messages.taken':
        this.#sent += event.count;
        return;
      case 'fsync.measured':
        this.#count('fsyncs');
        return this.#fsync.add(event.ms);
      case 'disk.measured':
        this.#diskUsed = event.usedRatio;
        return;
      case 'election.begun':
        return this.#count('elections_started');
      case 'leader.counted':
        this.#elections++;
        if (this.#leaderlessSince !== null) this.#election.add(this.#input.clock.now() - this.#leaderlessSince);
        this.#leaderlessSince = null;
        this.#led = event.self;
        return;
      case 'leader.missed':
        this.#leaderlessSince ??= this.#input.clock.now();
        return;
      case 'frames.counted':
        this.#count('peer_frames_received', event.framesIn);
        this.#count('peer_received_bytes', event.bytesIn);
        this.#count('peer_frames_sent', event.framesOut);
        return this.#count('peer_sent_bytes', event.bytesOut);
      case 'frame.dropped':
        return this.#count('peer_frames_dropped');
      case 'line.due':
        return this.#writeLine();
      case 'metrics.reset':
        return this.#reset();
    }
  }

  #count(name: string, by = 1): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + by;
  }

  #violation(batch: Batch, previousLamport: Lamport): void {
    this.#violations++;
    this.#input.log.write(
      'error',
      'causality_violation',
      'a batch has a lower Lamport time than what was stored before it',
      {
        first_id: batch.firstId,
        lamport_timestamp: batch.baseLamport,
        previous_lamport: previousLamport,
      },
    );
  }

  #commit({ batches, lastId }: CommitAdvanced): void {
    let messages = 0;
    for (const batch of batches) messages += batch.messageCount;
    if (messages === 0) return;
    this.#committed += messages;
    const bucket = this.#turnBuckets();
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + messages;
    if (this.#input.log.wantsDebug) this.#tellEach(batches);
    this.#tell(lastId - messages + 1, lastId, messages);
  }

  /** At info one line a batch and at most ten a second, with first and last id. */
  #tell(firstId: number, lastId: number, count: number): void {
    const led = this.#led;
    if (this.#line && this.#line.led !== led) this.#writeLine();
    if (this.#line) {
      this.#line.lastId = lastId;
      this.#line.count += count;
    } else this.#line = { led, firstId, lastId, count };
    const waitMs = this.#lineAt + linesEveryMs - this.#input.clock.now();
    if (waitMs <= 0) this.#writeLine();
    else this.#lines.by(this.#lineAt + linesEveryMs);
  }
  #writeLine(): void {
    if (!this.#line) return;
    const { led, firstId, lastId, count } = this.#line;
    this.#line = null;
    this.#lineAt = this.#input.clock.now();
    const [event, words] = led
      ? ['message_created', 'committed as leader']
      : ['message_received', 'committed as follower'];
    const which = count === 1 ? `message ${firstId}` : `messages ${firstId} to ${lastId}`;
    this.#input.log.write('info', event as string, `${which} ${words}`, { first_id: firstId, last_id: lastId, count });
  }
  #tellEach(batches: readonly Batch[]): void {
    for (const batch of batches) {
      for (const { write, firstId, firstLamport } of batch.writes()) {
        for (const i of write.contents.keys())
          this.#input.log.write('debug', this.#led ? 'message_created' : 'message_received', `message ${firstId + i}`, {
            id: firstId + i,
            lamport_timestamp: firstLamport + i,
            origin: write.tag.origin,
          });
      }
    }
  }

  #sample(target: NodeId, ms: number): void {
    this.#samples[this.#nextSample++ % samplesMax] = { at: this.#input.clock.now(), target, ms };
  }

  /** Empties the quarters of a second that have gone by since the last call; gives the current one. */
  #turnBuckets(): number {
    const current = Math.floor(this.#input.clock.now() / bucketMs);
    const { length } = this.#buckets;
    for (let b = Math.max(this.#bucket + 1, current - length + 1); b <= current; b++) this.#buckets[b % length] = 0;
    this.#bucket = current;
    return current % length;
  }

  read(): MetricsReading {
    const { clock, self } = this.#input;
    const now = clock.now();
    this.#turnBuckets();
    const samples = this.#samples.filter(({ at }) => now - at <= latencyWindowMs);
    const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b);
    const windowMs = Math.min(throughputWindowMs, Math.max(1000, now - this.#startedAt));
    return {
      uptimeSeconds: (now - this.#startedAt) / 1000,
      messagesSent: this.#sent,
      messagesReceived: Math.max(0, this.#committed - this.#sent),
      causalityViolations: this.#violations,
      leaderElections: this.#elections,
      averageLatencyMs: sorted.length === 0 ? 0 : sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
      p95LatencyMs: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0,
      messagesPerSecond: (this.#buckets.reduce((sum, count) => sum + count, 0) * 1000) / windowMs,
      latencyMeasurements: samples.map(({ target, ms }) => ({ source: self, target, ms })),
      histograms: {
        commit_latency: this.#commitLatency.read(),
        fsync: this.#fsync.read(),
        election: this.#election.read(),
      },
      counters: { ...this.#counters },
    };
  }
  /** For tests (`POST /metrics/reset`): everything but the uptime. */
  #reset(): void {
    this.#sent = 0;
    this.#committed = 0;
    this.#violations = 0;
    this.#elections = 0;
    this.#samples.length = 0;
    this.#nextSample = 0;
    this.#buckets.fill(0);
    this.#commitLatency = new LatencyHistogram();
    this.#fsync = new LatencyHistogram();
    this.#election = new LatencyHistogram();
    this.#counters = {};
  }
}

export const metrics: ServiceLogic<MetricsEvent, MetricsInput> = service(
  (input: MetricsInput, scope) => new Metrics(input, scope),
);
