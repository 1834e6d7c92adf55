/**
 * `npm start`: a whole cluster on this machine, one process a node, told in a few human lines.
 *
 *   check the arguments and ports > prepare the folder > start > ready > (a node ends, the leader changes) > stop
 *
 * L1. Nothing is started or removed before the arguments are valid and all ports are free.
 * L2. Nodes get SIGTERM once; only a second Ctrl-C of a person, or the stop's deadline, ends them harder. npm passes
 *     the terminal's SIGINT on a second time: signals within `sameSignalMs` are one.
 * L3. A node that ended is not started again by this script: the person gets the command for it. Only with --chaos a page
 *     may have it started, and one that was killed by a page comes back after its time.
 * L4. Before the nodes are stopped, those that were paused go on: a paused process hears no SIGTERM. Should this script be
 *     killed meanwhile, a paused node goes on after its time all the same (waking.ts), finds it gone, and ends.
 */
import type { ToCluster } from './chaosMessages.ts';
import { prepareFolder } from './clusterFolder.ts';
import { LeaderNews, leaderOf, type NodeReport, seconds, waitingFor } from './clusterLeader.ts';
import {
  argumentsOf,
  type ClusterOptions,
  environmentOf,
  help,
  type Plan,
  type PlannedNode,
  planOf,
  restartCommand,
  startCommand,
} from './clusterPlan.ts';
import { healthOf, takenPorts } from './clusterPorts.ts';
import { Faults } from './faults.ts';
import { isMain } from './main.ts';
import { type NodeEnd, type NodeProcess, startNode } from './nodeProcess.ts';
import { wakeAfter } from './waking.ts';

const readyPollMs = 25;
const awayPollMs = 500;
const sameSignalMs = 500;
/** How long a node that was started alone may look for the others before that is worth a line. */
const aloneMs = 3_000;
/** A little more than a node gives itself (serve.ts). */
const stopDeadlineMs = 12_000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// -------------------------------------------------------------------------------------------------------- running

class Cluster {
  readonly #plan: Plan;
  readonly #options: ClusterOptions;
  readonly #processes = new Map<number, NodeProcess>();
  readonly #reports = new Map<number, NodeReport>();
  /** Nodes that ended here; true when one answers again, started elsewhere. */
  readonly #away = new Map<number, boolean>();
  readonly #faults: Faults;
  /** Of paused nodes: calls off their waking. */
  readonly #wakers = new Map<number, () => void>();
  #startedAt = performance.now();
  /** Null until it is ready. */
  #news: LeaderNews | null = null;
  /** It has been told what a node alone waits for. */
  #waitTold = false;
  #stoppingSince: number | null = null;
  #killed = false;
  #exitCode = 0;

  constructor(plan: Plan, options: ClusterOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#faults = this.#makeFaults();
  }

  start(): void {
    const { started, nodes } = this.#plan;
    say(
      started.length === nodes.length
        ? `distributed-log: ${nodes.length === 1 ? 'one node' : `${nodes.length} nodes`} on this machine`
        : `distributed-log: node ${started[0]?.id}, beside the others of its cluster`,
    );
    this.#startedAt = performance.now();
    const kept = this.#options.memory ? 'log in memory, identity in' : 'data in';
    for (const node of started) {
      this.#spawn(node);
      const pid = this.#processes.get(node.id)?.pid ?? '?';
      say(
        `  ${node.id}${node.place && `  ${node.place}`}  http://127.0.0.1:${node.port}  peers on ${node.peerPort}  pid ${pid}  ${kept} ${node.dataDir}`,
      );
    }
    for (const line of this.#plan.about) say(line);
    if (this.#options.chaos)
      say('chaos is on: whoever is on this machine can kill, pause and cut these nodes (dashboard, POST /chaos/…)');
    setInterval(() => this.#watch(), awayPollMs);
    void this.#untilReady();
  }

  /** L2. */
  stop(): void {
    if (this.#stoppingSince !== null) {
      if (performance.now() - this.#stoppingSince < sameSignalMs || this.#killed) return;
      say('ending the nodes at once');
      this.#killAll();
      return;
    }
    this.#stoppingSince = performance.now();
    say('stopping …');
    this.#faults.resumeAll(); // L4.
    for (const node of this.#running()) node.kill('SIGTERM');
    setTimeout(() => {
      const late = this.#running().map(({ node }) => node.id);
      say(`${late.join(', ')} did not stop within ${stopDeadlineMs / 1000} s: ended at once`);
      this.#killAll();
    }, stopDeadlineMs);
    this.#exitWhenDone();
  }

  #killAll(): void {
    this.#killed = true;
    this.#exitCode = 1;
    for (const node of this.#running()) node.kill('SIGKILL');
  }

  #running(): NodeProcess[] {
    return [...this.#processes.values()].filter((node) => node.running());
  }

  #spawn(node: PlannedNode): void {
    const env = environmentOf(this.#plan, node, this.#options, process.env);
    const started = startNode(node, env, {
      reported: (report) => {
        const before = this.#reports.get(node.id)?.trouble ?? null;
        this.#reports.set(node.id, report);
        if (report.trouble !== null && report.trouble !== before)
          say(`${node.id} cannot vote: ${report.trouble}. What to do:  curl http://127.0.0.1:${node.port}/health`);
        this.#showLeader();
      },
      ordered: (message) => this.#ordered(node.id, message),
      ended: (end) => this.#ended(node, end),
    });
    this.#processes.set(node.id, started);
    if (!this.#options.chaos) return;
    // It may come in the middle of faults; they wait in the channel until it listens.
    started.send({ type: 'chaos.active', active: this.#faults.active });
    for (const cut of this.#faults.cutsOf(node.id)) this.#cutAt(node.id, cut);
  }

  // ------------------------------------------------------------------------------------------------------ faults

  #ordered(from: number, { ask, order }: ToCluster): void {
    const why = this.#options.chaos && this.#stoppingSince === null ? this.#faults.order(order) : 'not now';
    this.#processes.get(from)?.send({ type: 'chaos.answer', ask, why: why ?? null });
  }

  #makeFaults(): Faults {
    const running = (id: number): NodeProcess | undefined => this.#running().find(({ node }) => node.id === id);
    const signal = (id: number, name: NodeJS.Signals): string | undefined => {
      const found = running(id);
      found?.kill(name);
      return found ? undefined : `${id} does not run here`;
    };
    return new Faults({
      revives: true,
      kill: (id) => signal(id, 'SIGKILL'),
      pause: (id, ms) => {
        this.#callOffWaking(id);
        const pid = running(id)?.pid;
        if (pid !== undefined) this.#wakers.set(id, wakeAfter(pid, ms));
        return signal(id, 'SIGSTOP');
      },
      resume: (id) => {
        this.#callOffWaking(id);
        signal(id, 'SIGCONT');
      },
      revive: (id) => this.#revive(id),
      cut: (id, peer, oneWay) => {
        const ends = oneWay ? [id] : [id, peer];
        if (!ends.some((end) => running(end))) return `${ends.join(' and ')} do not run here`;
        for (const end of ends) this.#cutAt(end, { node: id, peer, oneWay });
        return undefined;
      },
      mend: (id, peer) => {
        running(id)?.send({ type: 'chaos.mend', peer });
        running(peer)?.send({ type: 'chaos.mend', peer: id });
      },
      changed: (active) => {
        for (const node of this.#running()) node.send({ type: 'chaos.active', active });
      },
      say,
    });
  }

  #callOffWaking(id: number): void {
    this.#wakers.get(id)?.();
    this.#wakers.delete(id);
  }

  /** Tells one end of a cut what it has to do. */
  #cutAt(end: number, { node, peer, oneWay }: { node: number; peer: number; oneWay: boolean }): void {
    const process = this.#processes.get(end);
    if (!oneWay) process?.send({ type: 'chaos.cut', peer: end === node ? peer : node, cut: 'both ways' });
    else if (end === node) process?.send({ type: 'chaos.cut', peer, cut: 'outgoing' });
  }

  #revive(id: number): string | undefined {
    const node = this.#plan.started.find((one) => one.id === id);
    if (!node) return `${id} was not started here`;
    if (this.#processes.get(id)?.running() || this.#away.get(id)) return `${id} runs`;
    this.#away.delete(id);
    this.#spawn(node);
    return undefined;
  }

  async #untilReady(): Promise<void> {
    for (const { id, port } of this.#plan.started) {
      // Over IPC it says that it knows a leader; over HTTP, that clients are served. Asking earlier would only be refused.
      // One that cannot vote will not come to know a leader: it has been told of, and the others are ready without it.
      const serves = async (): Promise<boolean> =>
        this.#cannotVote(id) ||
        (typeof this.#reports.get(id)?.leaderId === 'number' && (await healthOf(port, 1_000))?.status === 200);
      while (!(await serves())) {
        if (this.#stoppingSince !== null || this.#processes.get(id)?.running() !== true) return;
        await pause(readyPollMs);
      }
    }
    // The leader may still be waiting for its first majority.
    for (let tries = 0; this.#leaderNow() === null && tries < 20; tries++) await pause(readyPollMs);
    if (this.#stoppingSince !== null) return;
    const { port = 0 } = this.#plan.started[0] ?? {};
    const leader = this.#leaderNow();
    this.#news = new LeaderNews(leader);
    say(`ready in ${seconds(performance.now() - this.#startedAt)}${leader === null ? '' : `: ${leader} leads`}`);
    say(
      `  try   curl --request POST 'http://127.0.0.1:${port}/?message=hello'  and  curl http://127.0.0.1:${port}/messages`,
    );
    say(`  see   http://127.0.0.1:${port}/dashboard`);
    say(`  logs  ${this.#plan.logDir}/node_<id>.log    Ctrl-C stops ${this.#plan.started.length === 1 ? 'it' : 'all'}`);
    this.#showLeader();
  }

  #cannotVote(id: number): boolean {
    const trouble = this.#reports.get(id)?.trouble;
    return trouble === 'IDENTITY_LOST' || trouble === 'CONFIG_MISMATCH';
  }

  #leaderNow(): number | null {
    const running = this.#running().map(({ node }) => node.id);
    const reports = [...this.#reports.values()].filter(({ nodeId }) => running.includes(nodeId));
    return leaderOf(reports, new Set(running));
  }

  #showLeader(): void {
    if (this.#stoppingSince !== null) return;
    const line = this.#news?.note(this.#leaderNow(), performance.now());
    if (line) say(line);
  }

  /** Every now and then: is one that ended back, and does anybody lead? */
  #watch(): void {
    if (this.#stoppingSince !== null) return;
    const line = this.#news?.leaderless(this.#plan.nodes.length, performance.now());
    if (line) say(line);
    if (this.#news === null && performance.now() - this.#startedAt > aloneMs) void this.#tellWaiting();
    for (const [id, back] of this.#away) {
      const port = this.#plan.nodes.find((node) => node.id === id)?.port ?? 0;
      void healthOf(port, 1_000).then((health) => {
        const answers = health?.nodeId === id;
        if (answers === back || this.#stoppingSince !== null) return;
        this.#away.set(id, answers);
        if (answers) this.#faults.started(id);
        say(answers ? `${id} is back (started in another terminal)` : `${id} is gone again`);
      });
    }
  }

  /** Why a node that was started alone is not ready, and what helps: once. */
  async #tellWaiting(): Promise<void> {
    const { nodes, started, launcher } = this.#plan;
    const others = nodes.filter((node) => !started.includes(node));
    const answers = await Promise.all(others.map(({ port }) => healthOf(port, 1_000)));
    const absent = others.map(({ id }) => id).filter((_, i) => answers[i] === null);
    const [own] = this.#reports.values();
    if (absent.length === 0 || !own || this.#waitTold || this.#news !== null || this.#stoppingSince !== null) return;
    if (own.leaderId !== null || own.trouble !== null) return;
    this.#waitTold = true;
    say(waitingFor(own, absent, nodes.map(({ id }) => id))); // biome-ignore format: one line
    const commands = absent.map((id) => this.#restart(id));
    say(`  start ${own.formed ? 'one' : 'them'}, in another terminal:  ${commands.join('    ')}`);
    say(`  or stop this one, and start all:  ${startCommand({ ...this.#options, only: null }, launcher)}`);
  }

  #ended(node: PlannedNode, end: NodeEnd): void {
    this.#reports.delete(node.id);
    this.#callOffWaking(node.id);
    if (this.#stoppingSince !== null) {
      if (end.code !== 0 && !this.#killed) {
        say(`${node.id} did not stop cleanly: ${reasonOf(end)}`);
        this.#exitCode = 1;
      }
      this.#exitWhenDone();
      return;
    }
    const led = this.#news?.leader === node.id;
    say(`${node.id} ended${led ? ', it was the leader' : ''}: ${reasonOf(end)}`);
    for (const line of end.lastWords.split('\n').slice(-6)) if (line !== '') say(`    ${line}`);
    const logFile = `${this.#plan.logDir}/node_${node.id}.log`;
    this.#faults.ended(node.id);
    if (this.#news && (this.#running().length > 0 || this.#faults.willRevive)) {
      say(`  bring it back, in another terminal:  ${this.#restart(node.id)}    (its log: ${logFile})`);
      this.#away.set(node.id, false);
      this.#showLeader();
      return;
    }
    this.#exitCode = 1;
    if (this.#running().length > 0) {
      say('  the cluster was not ready yet');
      this.stop();
      return;
    }
    if (this.#plan.started.length > 1)
      say(`no node is left here; start all again: ${startCommand(this.#options, this.#plan.launcher)}`);
    else if (this.#news) say(`  bring it back:  ${this.#restart(node.id)}    (its log: ${logFile})`);
    process.exit(this.#exitCode);
  }

  #restart(id: number): string {
    return restartCommand(this.#options, id, this.#plan.launcher);
  }

  #exitWhenDone(): void {
    if (this.#running().length > 0 || this.#stoppingSince === null) return;
    const elsewhere = [...this.#away].filter(([, back]) => back).map(([id]) => id);
    say(`stopped in ${seconds(performance.now() - this.#stoppingSince)}`);
    if (elsewhere.length > 0) say(`${elsewhere.join(', ')}: started in another terminal, not stopped`);
    process.exit(this.#exitCode);
  }
}

const reasonOf = ({ code, signal }: NodeEnd): string =>
  signal !== null ? `killed by ${signal}` : code === null ? 'it could not be started' : `exit code ${code}`;

// ----------------------------------------------------------------------------------------------------------- main

/** What a person asked for; ends the process when that was wrong, or when it was help. */
export function understood<T extends { readonly help: boolean }>(
  command: string,
  parsed: { readonly ok: T } | { readonly faults: readonly string[] },
  helpText: string,
): T {
  if ('faults' in parsed) {
    process.stderr.write(`${command}:\n  ${parsed.faults.join('\n  ')}\n`);
    process.exit(2);
  }
  if (parsed.ok.help) {
    say(helpText);
    process.exit(0);
  }
  return parsed.ok;
}

/** What the nodes need beside themselves: proxies on their links. */
export interface Surroundings {
  readonly ports: readonly number[];
  open(): Promise<void>;
}

/** Until it is stopped: then the process ends. */
export async function runCluster(plan: Plan, options: ClusterOptions, around?: Surroundings): Promise<void> {
  const taken = await takenPorts(plan, options, around?.ports ?? []); // L1.
  if (taken.length > 0) {
    process.stderr.write(`${taken.join('\n')}\n`);
    process.exit(1);
  }
  const prepared = prepareFolder(plan, options);
  if (prepared.kind === 'refused') {
    process.stderr.write(`${prepared.reason}\n`);
    process.exit(1);
  }
  for (const line of prepared.said) say(line);
  process.stdout.on('error', () => {}); // The terminal may be gone; the nodes are ended all the same.
  await around?.open();
  const cluster = new Cluster(plan, options);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => cluster.stop());
  cluster.start();
}

if (isMain(import.meta.url)) {
  const options = understood('npm start', argumentsOf(process.argv.slice(2)), help);
  await runCluster(planOf(options, process.env.LOG_DIR || 'logs'), options);
}
