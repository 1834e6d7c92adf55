/**
 * One run: a seed makes a cluster, clients and faults, and the run says what was broken.
 *
 *   start     the nodes come up, and elect a leader
 *   safety    faults happen, clients are busy; the invariants are checked as things happen
 *   liveness  a core of at least a majority heals, sometimes with the rest staying dead: its best node leads, a write
 *             commits, its replicas become equal, every call ends, and then the leader stays
 *   history   what clients were told is held against the final logs (test/history/checkers.ts)
 *
 * A1. The same seed and the same options give the same run, event for event; the hash says so.
 */
import type { CommitAdvanced } from '../../actors/events.ts';
import { majorityOf, type NodeId } from '../../actors/protocol/epoch.ts';
import { judge } from '../history/checkers.ts';
import type { ShownMessage } from '../history/history.ts';
import { SeededDice } from '../support/dice.ts';
import { type Broken, epochWords } from '../support/invariants.ts';
import { type Ending, type LogLine, SimulatedCluster } from '../support/simulatedCluster.ts';
import { type FaultName, faults, type Place, partitions, type Wire } from './faults.ts';
import { drawPlan, type Plan, type PlanOptions } from './plan.ts';
import { SimulatedClients } from './simulatedClients.ts';
import { Story } from './story.ts';

export interface RunOptions extends PlanOptions {
  readonly seed: string | number;
  /** Lines of the story that are kept. Default 0. */
  readonly story?: number;
}

export interface Counts {
  crashes: number;
  powerCuts: number;
  restarts: number;
  partitions: number;
  elections: number;
  acknowledged: number;
  notDone: number;
  unknown: number;
  reads: number;
  tails: number;
}

export interface Result {
  readonly seed: string;
  readonly hash: string;
  readonly plan: Plan;
  readonly broken: readonly Broken[];
  readonly counts: Readonly<Counts>;
  readonly faults: ReadonlyMap<FaultName, number>;
  /** Failpoints at which a node died. */
  readonly failpoints: ReadonlyMap<string, number>;
  readonly simulatedMs: number;
  readonly steps: number;
  readonly story: readonly string[];
}

const startMsMax = 60_000;
const leadMsMax = 120_000;
const levelMsMax = 60_000;
const answerMsMax = 15_000;
/** The slowest disk takes 3 s for a write, and a node that leaves 6 s. */
const lateMs = 6000;
/** What was cut or slow a moment ago still shows: connections that nobody answers are found after 5 s. */
const settleMs = 6000;
const quietMs = 10_000;
const lookEveryMs = 50;
const linesBehindBroken = 10;

export function runSimulation(options: RunOptions): Result {
  return new Run(options).run();
}

class Run implements Place {
  readonly cluster: SimulatedCluster;
  readonly dice: SeededDice;
  readonly plan: Plan;
  readonly rotten = new Set<NodeId>();
  readonly wiped = new Set<NodeId>();
  readonly failing = new Set<NodeId>();
  readonly #seed: string;
  readonly #clients: SimulatedClients;
  readonly #story: Story;
  readonly #faults = new Map<FaultName, number>();
  #toldBroken = 0;
  readonly #counts: Counts = {
    crashes: 0,
    powerCuts: 0,
    restarts: 0,
    partitions: 0,
    elections: 0,
    acknowledged: 0,
    notDone: 0,
    unknown: 0,
    reads: 0,
    tails: 0,
  };
  /** What full disks had free. */
  readonly #rooms = new Map<NodeId, number>();
  /** When the last cut of a wire ends. */
  readonly #cutUntil = new Map<string, number>();
  /** Who may be started again; everybody until the liveness phase. */
  #core: readonly NodeId[];
  #phase: 'start' | 'safety' | 'liveness' = 'start';

  constructor(options: RunOptions) {
    this.#seed = String(options.seed);
    const root = new SeededDice(`simulation ${this.#seed}`);
    this.plan = drawPlan(root.fork('plan'), options);
    this.dice = root.fork('faults');
    this.#story = new Story(options.story ?? 0);
    this.#core = this.plan.voters;
    const { voters, shape, writeMs, segmentBytes, tailBytes, priorities, clockRates, wallRates, timing } = this.plan;
    this.cluster = new SimulatedCluster({
      ...shape,
      seed: `simulation ${this.#seed}`,
      voters,
      writeMs,
      segmentBytes,
      tailBytes,
      priorities,
      clockRates,
      wallRates,
      timing,
      watch: {
        ended: (id, how) => this.#ended(id, how),
        began: (id) => this.#tell(id, 'starts'),
        ...(this.#story.isWanted && this.#narrator()),
      },
    });
    this.#clients = new SimulatedClients(this.cluster, root.fork('clients'), this.plan.clients, (node, words) =>
      this.#tell(node, words),
    );
  }

  get fragile(): readonly NodeId[] {
    return this.plan.fragile;
  }

  run(): Result {
    try {
      this.#play();
      return this.#result(this.#judge());
    } catch (error) {
      const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return this.#result([...this.cluster.invariants.broken, { invariant: 'I15', words }]);
    }
  }

  #play(): void {
    const { cluster } = this;
    this.#start();
    this.#phase = 'safety';
    this.#clients.start();
    if (this.plan.faults.length > 0) this.#strikeLater();
    cluster.run(this.plan.safetyMs);
    this.#phase = 'liveness';
    this.#clients.stop();
    this.#heal();
    this.#live();
    this.#clients.finish();
  }

  // ------------------------------------------------------------------------------------------------------- phases

  #start(): void {
    const { cluster, dice, plan } = this;
    for (const id of plan.voters) this.later(dice.between(0, 500), () => this.start(id));
    // The one failpoint that only a forming cluster passes.
    if (plan.faults.includes('failpoint') && dice.chance(0.5)) cluster.doom(dice.pick(plan.voters), 'roster.persisted');
    const leads = this.#waitFor(() => cluster.leader !== null, startMsMax);
    cluster.invariants.check(leads, 'I16', () => `no leader after ${startMsMax} ms`);
  }

  #strikeLater(): void {
    this.later(this.dice.between(0, 2 * this.plan.faultEveryMs), () => {
      if (this.#phase !== 'safety') return;
      this.#strike(this.dice.pick(this.plan.faults));
      this.#strikeLater();
    });
  }

  #strike(name: FaultName): void {
    const what = faults[name](this);
    if (what === null) return;
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
    if (partitions.includes(name)) this.#counts.partitions++;
    this.#tell(null, what);
  }

  /** Ends all faults; who belongs to the core starts, and of the others nobody comes back. */
  #heal(): void {
    const { cluster, dice, plan } = this;
    const { voters } = plan;
    const healthy = voters.filter((id) => !this.wiped.has(id) && !this.rotten.has(id));
    this.#core = plan.bareMajority
      ? dice.shuffle(healthy).slice(0, majorityOf(voters.length))
      : voters.filter((id) => !this.wiped.has(id));
    this.#tell(null, `all heals; the core is ${this.#core.join(' ')}`);
    cluster.network.heal();
    cluster.undoom();
    for (const from of voters) for (const to of voters) if (from !== to) cluster.network.shape(from, to, plan.shape);
    for (const id of voters) {
      Object.assign(cluster.disk(id).faults, { slowFsyncMs: 0, failingFsync: false });
      this.#empty(id);
      cluster.resume(id);
      if (this.#core.includes(id)) this.start(id);
      // A wiped node may run, it has no part in the log.
      else if (!this.wiped.has(id) || plan.bareMajority) cluster.kill(id);
    }
  }

  #live(): void {
    const { cluster, dice } = this;
    const { invariants } = cluster;
    // A write of a slow or failing disk, and a node that was told to stop, are still under way.
    cluster.run(lateMs);
    this.#waitFor(() => cluster.voters.every((id) => !cluster.isStopping(id)), lateMs);
    const best = this.#best();
    invariants.check(
      this.#waitFor(() => cluster.leader === best, leadMsMax),
      'I17',
      () => `node ${best} does not lead ${leadMsMax} ms after healing, but ${cluster.leader}`,
    );
    // A node that comes upon its rot ends, and what it was asked stays unknown.
    const whole = this.#core.filter((id) => !this.rotten.has(id));
    const written = this.#clients.writeOnce(dice.pick(whole));
    invariants.check(
      this.#waitFor(() => written() === 'done', levelMsMax),
      'I18',
      () => `a write is ${written()}`,
    );
    invariants.check(
      this.#waitFor(() => this.#areLevel(), levelMsMax),
      'I19',
      () => this.#core.map((id) => this.#whereIs(id)).join('; '),
    );
    cluster.run(settleMs);
    const before = cluster.leaderships.length;
    cluster.run(quietMs);
    const changes = cluster.leaderships.slice(before).map(({ id, epoch }) => `${id} in ${epochWords(epoch)}`);
    invariants.check(changes.length === 0, 'I21', () => `within ${quietMs} ms of quiet leads ${changes}`);
    invariants.check(
      this.#waitFor(() => this.#clients.unanswered.length === 0, answerMsMax),
      'I20',
      () => `not answered: ${this.#clients.unanswered.slice(0, 5).join(', ')}`,
    );
    for (const id of this.wiped)
      if (cluster.isUp(id)) {
        const trouble = cluster.node(id).facade.status().identityTrouble;
        invariants.check(trouble === 'IDENTITY_LOST', 'I14', () => `node ${id} was wiped, and says ${trouble}`);
      }
  }

  #best(): NodeId {
    const rank = (id: NodeId): number => (this.plan.priorities.get(id) ?? 0) * 100_000 + id;
    return this.#core.reduce((best, id) => (rank(id) > rank(best) ? id : best));
  }

  #areLevel(): boolean {
    const { cluster } = this;
    if (!this.#core.every((id) => cluster.isUp(id))) return false;
    const all = this.#core.map((id) => cluster.node(id).facade.status());
    return all.every(({ commitIndex, lastIndex }) => commitIndex === lastIndex && lastIndex === all[0]?.lastIndex);
  }
  #whereIs(id: NodeId): string {
    if (!this.cluster.isUp(id)) return `node ${id} is down`;
    const { commitIndex, lastIndex } = this.cluster.node(id).facade.status();
    return `node ${id} has ${lastIndex}, committed ${commitIndex}`;
  }

  #judge(): readonly Broken[] {
    const { cluster } = this;
    const logs = new Map<NodeId, readonly ShownMessage[]>();
    for (const id of this.#core) if (cluster.serves(id)) logs.set(id, this.#finalLog(id));
    const wrong = judge({ events: this.#clients.events, faults: [] }, logs);
    return [...cluster.invariants.broken, ...wrong];
  }

  /** Who finds only now that its log has rotted ends, and repairs itself when it starts again. */
  #finalLog(id: NodeId): readonly ShownMessage[] {
    const { cluster } = this;
    const read = cluster.messages(id);
    if (cluster.isUp(id)) return read;
    this.start(id);
    const isLevel = this.#waitFor(() => this.#areLevel(), levelMsMax);
    cluster.invariants.check(isLevel, 'I19', () => `after its log rotted ${this.#whereIs(id)}`);
    return cluster.serves(id) ? cluster.messages(id) : [];
  }

  /** Looks now and then, which costs less than after each step. */
  #waitFor(holds: () => boolean, ms: number): boolean {
    const end = this.cluster.clock.now() + ms;
    while (!holds()) {
      if (this.cluster.clock.now() >= end) return false;
      this.cluster.run(lookEveryMs);
    }
    return true;
  }

  // ------------------------------------------------------------------------------------------------- what faults do

  later(ms: number, act: () => void): void {
    this.cluster.clock.setTimeout(act, ms);
  }
  start(id: NodeId): void {
    if (this.cluster.isUp(id) || !this.#core.includes(id)) return;
    this.#counts.restarts++;
    this.cluster.start(id);
  }
  /** A wire that several faults cut stays so until the last of them ends. */
  cut(wires: readonly Wire[], ms: number): void {
    const { network, clock } = this.cluster;
    if (this.#phase === 'liveness') return;
    const end = clock.now() + ms;
    for (const [from, to] of wires) {
      network.cut(from, to, { oneWay: true });
      this.#cutUntil.set(`${from}>${to}`, Math.max(end, this.#cutUntil.get(`${from}>${to}`) ?? 0));
    }
    this.later(ms, () => {
      for (const [from, to] of wires)
        if (this.#cutUntil.get(`${from}>${to}`) === end) network.heal(from, to, { oneWay: true });
    });
  }
  clog(wires: readonly Wire[], ms: number): void {
    const { cluster, dice, plan } = this;
    const shape = {
      latencyMs: dice.pick([plan.shape.latencyMs, 20, 150, 600]),
      jitterMs: dice.pick([plan.shape.jitterMs, 10, 100]),
      bytesPerSecond: dice.pick([20_000, 100_000, 1e6]),
    };
    for (const [from, to] of wires) cluster.network.shape(from, to, shape);
    this.later(ms, () => {
      for (const [from, to] of wires) cluster.network.shape(from, to, plan.shape);
    });
  }
  fill(id: NodeId, ms: number): void {
    const { faults: disk } = this.cluster.disk(id);
    if (this.#rooms.has(id)) return;
    this.#rooms.set(id, disk.freeBytes);
    disk.freeBytes = 0;
    this.later(ms, () => this.#empty(id));
  }
  #empty(id: NodeId): void {
    this.cluster.disk(id).faults.freeBytes += this.#rooms.get(id) ?? 0;
    this.#rooms.delete(id);
  }

  // -------------------------------------------------------------------------------------------------- what happens

  #ended(id: NodeId, how: Ending): void {
    this.#tell(id, `ends: ${how}`);
    if (how === 'kill') this.#counts.crashes++;
    if (how === 'power' || how === 'failpoint') this.#counts.powerCuts++;
    if (how === 'failure') this.#failed(id);
    this.#clients.nodeEnded(id, how === 'power' || how === 'failpoint');
    const [from, to] = this.plan.downMs;
    this.later(this.dice.between(from, to), () => this.start(id));
  }

  #failed(id: NodeId): void {
    const reason = this.cluster.failures.at(-1)?.reason ?? '';
    const isExpected =
      (this.failing.has(id) && /EIO|no room/.test(reason)) ||
      (this.rotten.has(id) && reason.includes('the log cannot be read'));
    this.cluster.invariants.failed(id, reason, isExpected);
    this.#tell(id, reason.slice(0, 200));
    this.cluster.disk(id).faults.failingFsync = false;
  }

  /** The story ends a little behind the first thing that was broken. */
  #tell(node: NodeId | null, words: string): void {
    const { broken } = this.cluster.invariants;
    const first = broken[0];
    const now = this.cluster.clock.now();
    if (first && this.#toldBroken === 0) this.#story.tell(now, null, `BROKEN ${first.invariant}: ${first.words}`);
    if (first && this.#toldBroken++ > linesBehindBroken) return;
    this.#story.tell(now, node, words);
  }

  /** Tells more than the faults and the answers. */
  #narrator() {
    const told = new Set([
      'leader_elected',
      'leader_lost',
      'election_started',
      'log_damaged',
      'log_healed',
      'log_recovered',
      'disk_full',
    ]);
    const spoken = new Map<string, number>();
    return {
      line: ({ node, event, message }: LogLine): void => {
        if (told.has(event)) this.#tell(node, message);
      },
      spoke: (id: NodeId, to: NodeId, what: string, epoch: number): void => {
        // The first of a kind in an epoch to each.
        const name = `${id} ${to} ${what}`;
        if (spoken.get(name) === epoch) return;
        spoken.set(name, epoch);
        this.#tell(id, `${what.toUpperCase()} ${epochWords(epoch)} -> ${to}`);
      },
      event: (id: NodeId, target: string, event: { readonly type: string }): void => {
        if (target === 'ingress' && event.type === 'commit.advanced')
          this.#tell(id, `commit ${(event as unknown as CommitAdvanced).commit}`);
      },
    };
  }

  #result(broken: readonly Broken[]): Result {
    const { cluster, plan } = this;
    const { acknowledged, notDone, unknown, reads, tails } = this.#clients.counted;
    const elections = new Set(cluster.leaderships.map(({ epoch }) => epoch)).size;
    const hash = Math.imul(cluster.trace ^ cluster.clock.fired, 0x01000193) ^ this.#clients.events.length;
    return {
      seed: this.#seed,
      hash: (hash >>> 0).toString(16).padStart(8, '0'),
      plan,
      broken,
      counts: { ...this.#counts, elections, acknowledged, notDone, unknown, reads, tails },
      faults: this.#faults,
      failpoints: cluster.reached,
      simulatedMs: cluster.clock.now(),
      steps: cluster.clock.fired,
      story: this.#story.isWanted ? this.#story.lines(plan.voters) : [],
    };
  }
}
