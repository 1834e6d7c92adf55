/**
 * Scenario: a simulated cluster with clients that write all the time, and the questions that a directed test asks of it.
 *
 * What the clients were told is kept; `verdict` compares it with the logs, whatever happened in between.
 */
import type { Appended, AppendRequest, ReadPoint, ReadRequest, Trouble } from '../../actors/facade.ts';
import type { Node } from '../../actors/node.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import { type ClusterOptions, SimulatedCluster } from './simulatedCluster.ts';

export interface Told {
  readonly texts: readonly string[];
  readonly at: NodeId;
  /** The life of that node: another one answers nothing that this one was asked. */
  readonly node: Node;
  readonly askedAt: number;
  answer: Appended | Trouble | null;
  answeredAt: number;
}

export class Scenario {
  readonly cluster: SimulatedCluster;
  readonly told: Told[] = [];
  #count = 0;
  #isWriting = false;

  constructor(options: ClusterOptions = {}) {
    this.cluster = new SimulatedCluster({ segmentBytes: 128 * 1024, ...options });
  }
  /** A cluster that has come up: the best node leads. */
  static up(options: ClusterOptions = {}): Scenario {
    const scenario = new Scenario(options);
    scenario.cluster.start();
    const best = Math.max(...scenario.cluster.voters);
    if (scenario.cluster.settleLeader(best) !== best) throw new Error(scenario.because(`node ${best} does not lead`));
    return scenario;
  }

  // ------------------------------------------------------------------------------------------------------- clients

  write(at: NodeId, more: Partial<AppendRequest> = {}, count = 1): Told {
    const texts = Array.from({ length: count }, () => `message ${++this.#count}`);
    return this.writeText(at, texts, more);
  }
  writeText(at: NodeId, texts: readonly string[], more: Partial<AppendRequest> = {}): Told {
    const told: Told = { texts, at, node: this.cluster.node(at), askedAt: this.now, answer: null, answeredAt: 0 };
    this.told.push(told);
    const settle = (answer: Appended | Trouble): void => {
      if (told.answer) this.cluster.violations.push(`A1: ${texts[0]} was answered twice`);
      Object.assign(told, { answer, answeredAt: this.now });
    };
    // As the façade says it: nobody is at the desk yet.
    if (!told.node.facade.status().serving)
      settle({ kind: 'trouble', code: 'STARTING', outcome: 'not_done', detail: 'this node is reading its log' });
    else this.cluster.append(at, texts, settle, more);
    return told;
  }
  /** A write whose answer is waited for. */
  written(at: NodeId, more: Partial<AppendRequest> = {}, count = 1): Appended | Trouble {
    const told = this.write(at, more, count);
    this.cluster.runUntil(() => told.answer !== null, 30_000);
    if (!told.answer) throw new Error(this.because(`node ${at} does not answer`));
    return told.answer;
  }
  read(at: NodeId, request: Partial<ReadRequest> = {}): ReadPoint | Trouble {
    let answer: ReadPoint | Trouble | null = null;
    this.cluster.readPoint(at, request, (given) => {
      answer = given;
    });
    this.cluster.runUntil(() => answer !== null, 30_000);
    if (!answer) throw new Error(this.because(`node ${at} does not answer a read`));
    return answer;
  }

  /** From now on one write each so many milliseconds, at each running node in turn. */
  writeAlways(everyMs = 50, more: Partial<AppendRequest> = {}): void {
    const { cluster } = this;
    this.#isWriting = true;
    let turn = 0;
    const next = (): void => {
      if (!this.#isWriting) return;
      const at = cluster.voters[turn++ % cluster.voters.length] as NodeId;
      if (cluster.isUp(at) && cluster.node(at).facade.status().serving) this.write(at, more);
      cluster.clock.setTimeout(next, everyMs);
    };
    next();
  }
  stopWriting(): void {
    this.#isWriting = false;
  }

  // ----------------------------------------------------------------------------------------------------- questions

  get now(): number {
    return this.cluster.clock.now();
  }
  run(ms: number): void {
    this.cluster.run(ms);
  }
  done(since = 0): readonly Told[] {
    return this.told.filter(({ answer, answeredAt }) => answer?.kind === 'done' && answeredAt >= since);
  }
  /** The epochs that were led, in order; of those after `since`. */
  leaderships(since = 0): readonly { readonly at: number; readonly id: NodeId; readonly epoch: Epoch }[] {
    const seen = new Set<Epoch>();
    const first = this.cluster.leaderships.filter(({ epoch }) => !seen.has(epoch) && seen.add(epoch));
    return first.filter(({ at }) => at > since);
  }
  /** The longest time between two answers "done" from `since` until now. */
  longestPauseMs(since: number): number {
    const times = [since, ...this.done(since).map(({ answeredAt }) => answeredAt), this.now].sort((a, b) => a - b);
    return times.reduce((longest, at, i) => Math.max(longest, at - (times[i - 1] ?? at)), 0);
  }
  lines(event: string, since = 0): readonly { readonly at: number; readonly node: NodeId; readonly message: string }[] {
    return this.cluster.lines.filter((line) => line.event === event && line.at >= since);
  }

  /**
   * Runs `ms`: in the last two seconds of it one of these nodes leads, leadership does not change, and writes pass.
   * Gives the leader.
   */
  settled(ms: number, leaders: readonly NodeId[] = this.cluster.voters, minDone = 15): NodeId {
    this.run(ms - 2000);
    const since = this.now;
    this.run(2000);
    const { leader } = this.cluster;
    if (leader === null || !leaders.includes(leader)) throw new Error(this.because(`${leader} leads, not ${leaders}`));
    const changes = this.leaderships(since).length;
    if (changes > 0) throw new Error(this.because(`${changes} leader changes in the last two seconds`));
    const done = this.done(since).length;
    if (done < minDone) throw new Error(this.because(`only ${done} writes were done in the last two seconds`));
    return leader;
  }

  /** Heals and restarts everything. */
  healAll(): void {
    const { cluster } = this;
    cluster.network.heal();
    cluster.undoom();
    for (const id of cluster.voters) {
      cluster.resume(id);
      cluster.disk(id).faults.slowFsyncMs = 0;
      cluster.disk(id).faults.failingFsync = false;
      if (!cluster.isUp(id)) cluster.start(id);
    }
  }

  /**
   * Waits until these nodes hold the same log, wholly committed, and gives everything that is wrong with it: of what was
   * acknowledged all must be there, once, as it was answered; of what was not done nothing.
   */
  verdict(nodes: readonly NodeId[] = this.cluster.voters, ms = 20_000): readonly string[] {
    this.stopWriting();
    const { cluster } = this;
    const wrong: string[] = [];
    const isLevel = (): boolean => {
      const all = nodes.map((id) => (cluster.isUp(id) ? cluster.node(id).facade.status() : null));
      return all.every(
        (one) => one?.serving && one.commitIndex === all[0]?.commitIndex && one.lastIndex === one.commitIndex,
      );
    };
    const isQuiet = (): boolean =>
      this.told.every(({ answer, at, node }) => answer !== null || !cluster.isUp(at) || cluster.node(at) !== node);
    if (!cluster.runUntil(isQuiet, ms)) wrong.push('A1: a write was not answered');
    if (!cluster.runUntil(isLevel, ms)) wrong.push(`§10: nodes ${nodes} do not become equal`);
    wrong.push(...cluster.violations, ...cluster.failures.map(({ node, reason }) => `node ${node} failed: ${reason}`));
    const logs = nodes.filter((id) => cluster.isUp(id)).map((id) => cluster.messages(id));
    const log = logs[0] ?? [];
    const places = new Map<string, number[]>();
    for (const [i, { id, text }] of log.entries()) {
      if (id !== i + 1) wrong.push(`§8: id ${id} stands at place ${i + 1}`);
      const found = places.get(text);
      if (found) found.push(i);
      else places.set(text, [i]);
    }
    for (const other of logs)
      if (
        other.length !== log.length ||
        other.some(({ text, lamport }, i) => text !== log[i]?.text || lamport !== log[i]?.lamport)
      )
        wrong.push('L4: two nodes show different logs');
    for (const { texts, answer } of this.told) {
      for (const [i, text] of texts.entries()) {
        const found = places.get(text) ?? [];
        if (found.length > 1) wrong.push(`R10a: "${text}" stands ${found.length} times in the log`);
        if (answer?.kind === 'trouble' && answer.outcome === 'not_done' && found.length > 0)
          wrong.push(`R10: "${text}" was not done (${answer.code}), and is there`);
        if (answer?.kind !== 'done') continue;
        const at = log[found[0] ?? -1];
        if (!at) wrong.push(`R9: "${text}" was acknowledged, and is lost`);
        else if (at.id !== answer.firstId + i || at.lamport !== answer.firstLamport + i)
          wrong.push(`§8: "${text}" was acknowledged as ${answer.firstId + i}, and is ${at.id}`);
      }
    }
    return wrong;
  }

  because(what: string): string {
    return `${what}\n${this.cluster.story()}`;
  }
}
