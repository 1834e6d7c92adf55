/**
 * The façade's twin in memory: an honest single node, so that the edge can be tested without the house behind it.
 *
 * It keeps real batches, numbers them, honours session tokens, keys and deadlines. Trouble comes by its switches.
 */
import type {
  Appended,
  AppendRequest,
  CommitListener,
  MetricsReading,
  NodeFacade,
  NodeStatus,
  ReadPoint,
  ReadRequest,
  Trouble,
  TroubleCode,
  ViewListener,
  Watching,
} from '../../actors/facade.ts';
import type { ChartView, SeenView, Wanted } from '../../actors/observation.ts';
import { type Batch, defaultStream, encodeBatch, encodeWrite } from '../../actors/protocol/batch.ts';

export const trouble = (code: TroubleCode, more: Partial<Trouble> = {}): Trouble => ({
  kind: 'trouble',
  code,
  outcome: 'not_done',
  detail: `${code} by order of the test`,
  ...more,
});

const emptyMetrics: MetricsReading = {
  uptimeSeconds: 12.5,
  messagesSent: 3,
  messagesReceived: 4,
  causalityViolations: 0,
  leaderElections: 1,
  averageLatencyMs: 1.5,
  p95LatencyMs: 2.5,
  messagesPerSecond: 10,
  latencyMeasurements: [{ source: 8001, target: 8002, ms: 1.25 }],
  histograms: {
    commit_latency: { boundsSeconds: [0.001, 0.01, Number.POSITIVE_INFINITY], counts: [1, 3, 4], sumSeconds: 0.5 },
    fsync: { boundsSeconds: [0.001, Number.POSITIVE_INFINITY], counts: [2, 2], sumSeconds: 0.0005 },
    election: { boundsSeconds: [0.1, Number.POSITIVE_INFINITY], counts: [1, 2], sumSeconds: 0.35 },
  },
  counters: { frames_sent: 7, messages_sent: 3 },
};

export class MemoryFacade implements NodeFacade {
  readonly batches: Batch[] = [];
  readonly appends: AppendRequest[] = [];
  readonly reads: ReadRequest[] = [];
  /** Says what becomes of the next appends and read points. */
  writeTrouble: Trouble | undefined;
  readTrouble: Trouble | undefined;
  /** Appends wait for `release()`. */
  holding = false;
  /** Every write is refused before its body is read. */
  refusing: Trouble | null = null;
  /** Thrown by the next append: a bug. */
  bug: Error | undefined;
  /** Looks at each write when its turn comes: to fail it, or to do something before. */
  judge: ((request: AppendRequest) => Trouble | undefined) | undefined;
  statusPatch: Partial<NodeStatus> = {};
  metricsPatch: Partial<MetricsReading> = {};
  resets = 0;
  /** What the next writes say their origin had seen; else the newest id. */
  seen: number | undefined;
  /** Bytes of log handed out by `read`, and how often. */
  bytesRead = 0;
  readCalls = 0;
  readonly listeners = new Set<CommitListener>();
  /** Whoever looks now, and what each wants. */
  readonly watchers = new Map<ViewListener, Wanted>();
  readonly nodeId: number;
  #lamport = 0;
  #lastId = 0;
  readonly #held: (() => void)[] = [];
  readonly #lanes = new WeakMap<object, Trouble>();
  readonly #keys = new Map<string, { bodyHash: Buffer; done: Appended }>();

  constructor(nodeId = 8001) {
    this.nodeId = nodeId;
  }

  get point(): ReadPoint {
    return { kind: 'ready', lastId: this.#lastId, lastLamport: this.#lamport };
  }

  /** Fills the log without a client. */
  fill(contents: readonly (string | Buffer)[]): Appended {
    return this.#commit(contents.map((content) => Buffer.from(content)));
  }

  release(): void {
    this.holding = false;
    for (const go of this.#held.splice(0)) go();
  }

  async append(request: AppendRequest): Promise<Appended | Trouble> {
    this.appends.push(request);
    if (this.bug) throw this.bug;
    if (this.holding) await new Promise<void>((resolve) => this.#held.push(resolve));
    const refused =
      this.writeTrouble ??
      (await this.#reach(request)) ??
      (request.lane && this.#lanes.get(request.lane)) ??
      this.judge?.(request);
    if (refused) {
      if (request.lane) this.#lanes.set(request.lane, refused);
      return refused;
    }
    const { key } = request;
    const known = key && this.#keys.get(key.key);
    if (key && known) {
      return known.bodyHash.equals(key.bodyHash) ? { ...known.done, repeated: true } : trouble('KEY_REUSED');
    }
    const done = this.#commit(request.contents);
    if (key) this.#keys.set(key.key, { bodyHash: key.bodyHash, done });
    return done;
  }

  writeRefusal(): Trouble | null {
    return this.refusing;
  }

  async readPoint(request: ReadRequest): Promise<ReadPoint | Trouble> {
    this.reads.push(request);
    return this.readTrouble ?? (await this.#reach(request)) ?? this.point;
  }

  /** Waits until the commit has reached the token. */
  #reach({ lamportTime = 0, timeoutMs }: { lamportTime?: number; timeoutMs: number }): Promise<Trouble | undefined> {
    if (lamportTime <= this.#lamport) return Promise.resolve(undefined);
    if (lamportTime > this.#lamport + 2 ** 32) return Promise.resolve(trouble('LAMPORT_TIME_ABSURD'));
    return new Promise((resolve) => {
      const finish = (outcome: Trouble | undefined): void => {
        clearTimeout(deadline);
        end();
        resolve(outcome);
      };
      const end = this.onCommit(({ lastLamport }) => {
        if (lamportTime <= lastLamport) finish(undefined);
      });
      const late = trouble('LOG_NOT_CAUGHT_UP', {
        detail: `you have seen ${lamportTime}, this node has ${this.#lamport}`,
      });
      const deadline = setTimeout(() => finish(late), timeoutMs);
    });
  }

  #commit(contents: readonly Buffer[]): Appended {
    const [firstId, firstLamport] = [this.#lastId + 1, this.#lamport + 1];
    const seen = this.seen ?? this.#lastId;
    const tag = { origin: this.nodeId, boot: 1, n: firstId };
    const physicalSeconds = 1_700_000_000.25;
    const bytes = encodeWrite({ tag, stream: defaultStream, seen, physicalSeconds, contents });
    const count = contents.length;
    const header = {
      epoch: 65_536 + this.nodeId,
      type: 'data',
      baseIndex: firstId,
      baseLamport: firstLamport,
    } as const;
    this.batches.push(encodeBatch({ ...header, firstId, count }, [{ bytes, tag, count }]));
    this.#lastId += count;
    this.#lamport += count;
    for (const listener of [...this.listeners]) listener(this.point);
    return {
      kind: 'done',
      firstId,
      firstLamport,
      count,
      nodeId: this.nodeId,
      seen,
      physicalSeconds,
      repeated: false,
    };
  }

  async read(afterId: number, upToId: number, maxBytes: number): Promise<readonly Batch[]> {
    this.readCalls++;
    // The first batch that holds something after `afterId`, by halving.
    let [low, high] = [0, this.batches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.batches[middle] as Batch).nextId - 1 <= afterId) low = middle + 1;
      else high = middle;
    }
    const block: Batch[] = [];
    for (let bytes = 0; low < this.batches.length && bytes < maxBytes; low++) {
      const batch = this.batches[low] as Batch;
      if (batch.firstId > upToId) break;
      block.push(batch);
      bytes += batch.bytes.length;
      this.bytesRead += batch.bytes.length;
    }
    return block;
  }

  status(): NodeStatus {
    return {
      nodeId: this.nodeId,
      priority: 0,
      clusterId: 'c1',
      role: 'leading',
      leaderId: this.nodeId,
      epoch: 65_536 + this.nodeId,
      lamportTime: this.#lamport,
      uptimeSeconds: 12.5,
      serving: true,
      diskFull: false,
      diskUsed: 0.25,
      logBytes: 4096,
      identityTrouble: null,
      lastIndex: this.#lastId,
      commitIndex: this.#lastId,
      lastId: this.#lastId,
      voters: [this.nodeId],
      peers: [
        { id: 8002, link: 'up', up: true, rttMs: 0.5, lastRttMs: 0.75, pingsAnswered: 40, lagEntries: 2, lagMs: 150 },
        {
          id: 8003,
          link: 'down',
          up: false,
          rttMs: null,
          lastRttMs: null,
          pingsAnswered: 0,
          lagEntries: null,
          lagMs: null,
        },
      ],
      ...this.statusPatch,
    };
  }

  metrics(): MetricsReading {
    return { ...emptyMetrics, ...this.metricsPatch };
  }
  resetMetrics(): void {
    this.resets++;
  }
  onCommit(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  watch(wanted: Wanted, listener: ViewListener): Watching {
    this.watchers.set(listener, wanted);
    return {
      want: (other) => this.watchers.set(listener, other),
      end: () => this.watchers.delete(listener),
    };
  }
  /** Shows this to all who look. */
  show(...views: readonly SeenView[]): void {
    for (const listener of this.watchers.keys()) listener(views);
  }
  charts(): readonly ChartView[] {
    return [{ id: 'link', hash: 'h', states: [], edges: [] }];
  }
}
