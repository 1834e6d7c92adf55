/**
 * One torture: clients that never rest, faults one after the other or together, and in the end the accounts.
 *
 *   start, serve --> [ fault (sometimes more) --> mended: ready and serving again in bounded time --> calm ] ...
 *         --> clients stop --> logs read --> kill -9 of all, start --> logs read again --> judged
 *
 * Beside the invariants H1, H2 … of the checkers:
 *
 * T1. What a node showed in the end, it shows again after kill -9 of all.
 * T2. After each fault all nodes are ready, and clients are served, within `mendWithinMs`. No bound for speed: a hang limit.
 * T3. A node ends only when it is told to, or a fault takes it down.
 * T4. The nodes' own counter of messages against the order stays 0.
 * T5. Every answer is one that the API promises.
 */

import { judge } from '../history/checkers.ts';
import type { FaultWindow, FinalLogs, History, ShownMessage, Violation } from '../history/history.ts';
import { SeededDice } from '../support/dice.ts';
import { now } from '../support/loadClient.ts';
import { pause, RealCluster, type RealNode, until } from '../support/realCluster.ts';
import { judgeAnswers, judgeCounters, judgeRestart } from './accounts.ts';
import { Client, type Crowd } from './clients.ts';
import type { Fault } from './fault.ts';
import { type CallRecord, Recorder } from './recorder.ts';
import { TailClient } from './tails.ts';
import { type Mark, type Readiness, type Reign, TortureWorld } from './tortureWorld.ts';

export interface TortureOptions {
  readonly seed: string;
  readonly nodes: number;
  readonly clients: number;
  readonly faults: readonly Fault[];
  /** For so long, or until each fault has been done so many times; what is not begun by `orMs` is skipped. */
  readonly length: { readonly minutes: number } | { readonly rounds: number; readonly orMs: number };
  /** How often a fault gets another one beside it, and how many there are at most. */
  readonly overlap?: number;
  readonly together?: number;
  /** Longest pause between episodes. */
  readonly calmMs?: number;
  /** Pause of a client after a call, on average. */
  readonly thinkMs?: number;
  /** A line for each episode. */
  readonly say: (line: string) => void;
  /** Looks at the cluster when the nodes have ended, before its folder is removed. */
  readonly atEnd?: (cluster: RealCluster, violations: readonly Violation[]) => void;
}

/** One fault, or some that overlap, until the cluster served again. */
export interface Episode {
  readonly words: readonly string[];
  readonly beganAt: number;
  readonly mendedAt: number;
  readonly readyAt: number;
}

export interface Torture {
  readonly beganAt: number;
  readonly endedAt: number;
  readonly history: History;
  readonly calls: readonly CallRecord[];
  readonly episodes: readonly Episode[];
  readonly marks: readonly Mark[];
  readonly reigns: readonly Reign[];
  readonly readiness: readonly Readiness[];
  readonly messages: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly violations: readonly Violation[];
}

const mendWithinMs = 60_000;
/** The same for a fault itself, which waits for ends of processes. */
const breakWithinMs = 120_000;
const servedAfterMend = 20;
/** One of so many clients follows the log instead of asking. */
const clientsPerTail = 5;

export async function torture(options: TortureOptions): Promise<Torture> {
  const cluster = await RealCluster.plan({ nodes: options.nodes, cables: true });
  const run = new Run(options, cluster);
  try {
    return await run.run();
  } catch (error) {
    process.stderr.write(`\n${cluster.report()}\n`);
    throw error;
  } finally {
    await run.end();
  }
}

const within = <T>(ms: number, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not over after ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** Why a node has ended, as it said itself. */
const lastWords = ({ process }: RealNode): string => {
  const lines = process?.stderr.trim().split('\n') ?? [];
  return lines.find((line) => line.startsWith('node ')) ?? 'without a word';
};

class Run {
  readonly #options: TortureOptions;
  readonly #cluster: RealCluster;
  readonly #world: TortureWorld;
  readonly #recorder = new Recorder();
  readonly #dice: SeededDice;
  readonly #windows: FaultWindow[] = [];
  readonly #episodes: Episode[] = [];
  readonly #violations: Violation[] = [];
  readonly #faults: readonly Fault[];
  readonly #left: Fault[] = [];
  #rounds = 0;

  constructor(options: TortureOptions, cluster: RealCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#world = new TortureWorld(cluster);
    this.#dice = new SeededDice(options.seed);
    for (const { name, needs } of options.faults) if (needs !== undefined) this.#world.skip(needs, name);
    this.#faults = options.faults.filter(({ needs }) => needs === undefined);
  }

  async run(): Promise<Torture> {
    for (const fault of this.#faults) await fault.prepare?.(this.#world);
    this.#cluster.start();
    await this.#cluster.ready();
    const beganAt = now();
    this.#world.watch();
    const crowd = this.#startClients();
    await this.#torment(beganAt);
    await crowd.stop();
    const endedAt = now();
    for (const id of this.#cluster.ids) await this.#world.count(id);
    await this.#world.stopWatching();
    const history: History = { events: this.#recorder.events, faults: this.#windows };
    const logs = await this.#finalLogs();
    // Against no log everything would be wrong: what has been found already must do.
    if (logs.size > 0) this.#violations.push(...judge(history, logs));
    this.#violations.push(...judgeCounters(this.#world.causalityViolations));
    this.#violations.push(...judgeAnswers(this.#recorder.complaints));
    return {
      beganAt,
      endedAt,
      history,
      calls: this.#recorder.calls,
      episodes: this.#episodes,
      marks: this.#world.marks,
      reigns: this.#world.reigns,
      readiness: this.#world.readiness,
      messages: logs.values().next().value?.length ?? 0,
      skipped: this.#world.skipped,
      violations: this.#violations,
    };
  }

  async end(): Promise<void> {
    await this.#world.stopWatching();
    await this.#cluster.stop();
    this.#options.atEnd?.(this.#cluster, this.#violations);
    await this.#world.takeDown();
    await this.#cluster.end();
  }

  // ------------------------------------------------------------------------------------------------------ clients

  #startClients(): { stop(): Promise<void> } {
    const { clients, thinkMs = 20 } = this.#options;
    const recorder = this.#recorder;
    const crowd: Crowd = { targets: this.#cluster.targets, recorder, thinkMs, stopping: false, tokens: [] };
    const running = Array.from({ length: clients }, async (_, number) => {
      const dice = this.#dice.fork(`client ${number}`);
      const isTail = number % clientsPerTail === clientsPerTail - 1;
      try {
        await (isTail ? new TailClient(number, crowd, dice) : new Client(number, crowd, dice)).run();
      } catch (error) {
        recorder.complain(`client ${number} cannot go on: ${error instanceof Error ? error.stack : error}`);
      }
    });
    return {
      stop: async () => {
        crowd.stopping = true;
        await Promise.all(running);
      },
    };
  }

  // ------------------------------------------------------------------------------------------------------- faults

  get #isHung(): boolean {
    return this.#violations.some(({ invariant }) => invariant === 'T2');
  }

  async #torment(beganAt: number): Promise<void> {
    const { length } = this.#options;
    await this.#serving();
    for (let number = 0; !this.#isHung; number++) {
      const isOver = now() - beganAt > ('minutes' in length ? length.minutes * 60_000 : length.orMs);
      if (isOver) break;
      const dice = this.#dice.fork(`episode ${number}`);
      const fault = this.#next();
      if (fault === undefined) return;
      await this.#episode(fault, dice);
      if (dice.chance(0.6)) await pause(dice.between(0, this.#options.calmMs ?? 1_500));
    }
    if ('rounds' in length) for (const { name } of this.#left) this.#world.skip('no time left', name);
  }

  /** Every kind once, in another order each time; undefined after the last round. */
  #next(isWanted: (fault: Fault) => boolean = () => true): Fault | undefined {
    if (this.#left.length === 0) {
      const { length } = this.#options;
      if ('rounds' in length && this.#rounds === length.rounds) return undefined;
      this.#left.push(...this.#dice.fork(`round ${this.#rounds++}`).shuffle(this.#faults));
    }
    const at = this.#left.findIndex(isWanted);
    return at < 0 ? undefined : this.#left.splice(at, 1)[0];
  }

  async #episode(first: Fault, dice: SeededDice): Promise<void> {
    const { overlap = 0.4, together: most = 2 } = this.#options;
    const together = [first];
    while (first.alone !== true && together.length < most && dice.chance(overlap) && this.#left.length > 0) {
      const another = this.#next(({ alone }) => alone !== true);
      if (another === undefined) break;
      together.push(another);
    }
    const beganAt = now();
    const words = await Promise.all(
      together.map(async (fault, i) => {
        if (i > 0) await pause(dice.between(0, 800));
        return this.#break(fault, dice.fork(fault.name));
      }),
    );
    const mendedAt = now();
    const works = await this.#mended(words.join(' + '));
    const readyAt = now();
    this.#episodes.push({ words, beganAt, mendedAt, readyAt });
    this.#say(words.join(' + '), works ? `ready after ${((readyAt - mendedAt) / 1000).toFixed(2)} s` : 'HANGS');
  }

  async #break(fault: Fault, dice: SeededDice): Promise<string> {
    const beganAt = now();
    try {
      return await within(breakWithinMs, fault.run(this.#world, dice));
    } catch (error) {
      const words = `${fault.name} failed: ${error instanceof Error ? error.message : error}`;
      this.#violations.push({ invariant: 'T2', words });
      return words;
    } finally {
      this.#windows.push({ name: fault.name, beganAt, endedAt: now() });
    }
  }

  /** T2 and T3. */
  async #mended(words: string): Promise<boolean> {
    for (const node of this.#cluster.nodes) {
      if (node.running) continue;
      const why = lastWords(node);
      this.#violations.push({ invariant: 'T3', words: `node ${node.id} has ended by itself after ${words}: ${why}` });
      node.start();
    }
    try {
      await until(
        'all nodes to be ready',
        async () => {
          const answers = await Promise.all(this.#cluster.nodes.map((node) => node.health()));
          return answers.every((answer) => answer?.status === 200) ? true : undefined;
        },
        mendWithinMs,
        20,
      );
      await this.#serving();
      return true;
    } catch (error) {
      const states = await Promise.all(this.#cluster.nodes.map((node) => this.#stateOf(node)));
      const why = `${(error as Error).message}; ${states.join('; ')}`;
      this.#violations.push({ invariant: 'T2', words: `after ${words}: ${why}` });
      return false;
    }
  }

  async #stateOf(node: RealNode): Promise<string> {
    const health = node.running ? await node.health() : undefined;
    return `node ${node.id} ${node.running ? `says ${health?.body.toString().trim() ?? 'nothing'}` : `has ended: ${lastWords(node)}`}`;
  }

  async #serving(): Promise<void> {
    const { calls } = this.#recorder;
    let from = calls.length;
    let served = 0;
    await until(
      'clients to be served',
      () => {
        for (; from < calls.length; from++) {
          const { kind, outcome } = calls[from] as CallRecord;
          if (outcome === 'acknowledged' && (kind === 'append' || kind === 'batch')) served++;
        }
        return served >= servedAfterMend ? true : undefined;
      },
      mendWithinMs,
    );
  }

  #say(words: string, ending: string): void {
    const { calls } = this.#recorder;
    const last = this.#episodes.at(-1);
    const beganAt = this.#episodes.at(-2)?.readyAt ?? last?.beganAt ?? 0;
    const count = calls.reduceRight(
      (sum, { endedAt, outcome }) => sum + Number(endedAt > beganAt && outcome === 'acknowledged'),
      0,
    );
    const perSecond = last ? count / ((last.readyAt - beganAt) / 1000) : 0;
    const at = ((now() - (this.#episodes[0]?.beganAt ?? now())) / 1000).toFixed(0);
    this.#options.say(
      `${at.padStart(4)} s  ${words}; ${ending}  (${perSecond.toFixed(0)} calls/s, ${this.#world.leader()} leads)`,
    );
  }

  // ------------------------------------------------------------------------------------------------------ accounts

  async #logsNow(): Promise<Map<number, ShownMessage[]>> {
    const logs = new Map<number, ShownMessage[]>();
    for (const node of this.#cluster.nodes) logs.set(node.id, this.#recorder.ndjson(await node.messages()));
    return logs;
  }

  /** None when nodes cannot show theirs any more. */
  async #finalLogs(): Promise<FinalLogs> {
    if (this.#isHung) return new Map();
    try {
      return await this.#logsTwice();
    } catch (error) {
      this.#violations.push({
        invariant: 'T2',
        words: `in the end: ${error instanceof Error ? error.message : error}`,
      });
      return new Map();
    }
  }

  /** T1. */
  async #logsTwice(): Promise<FinalLogs> {
    const before = await this.#logsNow();
    await Promise.all(this.#cluster.nodes.map((node) => node.kill()));
    this.#cluster.start();
    await this.#cluster.ready();
    const after = await this.#logsNow();
    this.#violations.push(...judgeRestart(before, after));
    return after;
  }
}
