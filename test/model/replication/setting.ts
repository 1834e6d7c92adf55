/**
 * What all steps of the replication model share: its size, its rules, all logs, and the acts that several steps have in
 * common. Acts change a node or a world that the step has copied.
 */
import { Ballot } from '../../../actors/protocol/ballot.ts';
import { type Epoch, epochOf, ownerOf, roundOf } from '../../../actors/protocol/epoch.ts';
import { defaultTiming } from '../../../actors/protocol/timing.ts';
import { emptyLogId, type LogId, Logs } from '../logs.ts';
import { allReplicationRules, type ReplicationRules, type ReplicationWorld, smallReplicationWorld } from './rules.ts';
import { damaged, following, type NodeState, none, replaced, type World, whole } from './state.ts';

export const name = (i: number): string => `n${i + 1}`;

export class Setting {
  readonly size: ReplicationWorld;
  readonly rules: ReplicationRules;
  readonly logs = new Logs();
  readonly voters: readonly number[];
  /** In their order; the place of an epoch is that of its term. */
  readonly epochs: readonly Epoch[];
  readonly #ballots = new Map<number, Ballot>();

  constructor(size: Partial<ReplicationWorld>, rules: Partial<ReplicationRules>) {
    this.size = { ...smallReplicationWorld, ...size };
    this.rules = { ...allReplicationRules, ...rules };
    this.voters = Array.from({ length: this.size.nodes }, (_, i) => i + 1);
    const rounds = Array.from({ length: this.size.rounds }, (_, r) => r + 1);
    this.epochs = rounds.flatMap((round) => this.voters.map((id) => epochOf(round, id)));
  }

  /** In memory at once, on disk at once or later. Whatever office it had ends. */
  promise(node: NodeState, epoch: Epoch): void {
    node.promised = epoch;
    node.role = following;
    node.acknowledged = 0;
    node.target = emptyLogId;
    node.donor = 0;
    node.healsAt = none;
    if (!this.size.slowPromise && this.rules.promiseIsDurable) this.save(node);
  }

  /** The older slot matters only where one may rot. */
  save(node: NodeState): void {
    if (this.size.rots > 0) node.older = this.rules.promiseInBothSlots ? node.promised : node.saved;
    node.saved = node.promised;
  }

  promiseIsSaved({ promised, saved, older }: NodeState): boolean {
    if (!this.rules.promiseIsDurable) return true;
    const isInBoth = this.size.rots === 0 || !this.rules.promiseInBothSlots || older >= promised;
    return saved >= promised && isInBoth;
  }

  /** PROMISE with the end of what is on disk; the owner's own goes with its PREPARE. */
  sendPromise(world: World, i: number, epoch: Epoch): void {
    const { log, disk, clock } = world.node(i);
    const term = world.changeTerm(this.termOf(epoch));
    const isOwner = ownerOf(epoch) === i + 1;
    if (isOwner) term.opened = 2;
    term.promises = replaced(term.promises, i, isOwner ? log : disk);
    if (this.size.clocks) term.clocks = replaced(term.clocks, i, clock);
  }

  append(node: NodeState, value: number): void {
    const ofLog = this.logs.lamport(node.log);
    const lamport = (this.rules.lamportFollowsLog ? Math.max(node.clock, ofLog) : node.clock) + 1;
    if (this.size.clocks) node.clock = lamport;
    this.setLog(node, this.logs.append(node.log, { epoch: node.promised, lamport, value }));
  }

  setLog(node: NodeState, log: LogId): void {
    node.log = log;
    if (!this.size.slowLog) node.disk = log;
  }

  /** R8. `world` and its node i are copies. */
  acknowledge(world: World, i: number, t: number, index: number): void {
    const node = world.node(i);
    const isNoted = this.epochs[t] === node.promised && (this.size.followersCommit || node.health === damaged);
    if (isNoted) node.acknowledged = Math.max(node.acknowledged, index);
    const { acks } = world.term(t);
    if (this.mayVote(node) && index > (acks[i] as number)) world.changeTerm(t).acks = replaced(acks, i, index);
  }

  mayVote({ health }: NodeState): boolean {
    return health === whole || (health === damaged && !this.rules.damagedAbstains);
  }

  /** One for each node and promise; it remembers nothing else. */
  ballot(i: number, promised: Epoch): Ballot {
    const key = promised * 8 + i;
    let ballot = this.#ballots.get(key);
    if (ballot === undefined) {
      const position = { epoch: 0, index: 0 };
      const about = {
        self: i + 1,
        voters: this.voters,
        priority: 0,
        timing: defaultTiming,
        promised,
        position,
        now: 0,
      };
      ballot = new Ballot({ ...about, bound: true, damaged: false });
      this.#ballots.set(key, ballot);
    }
    return ballot;
  }

  openedAbove(world: World, promised: Epoch): readonly Epoch[] {
    return this.epochs.filter((epoch, t) => epoch > promised && world.term(t).opened > 0);
  }

  termOf(epoch: Epoch): number {
    return (roundOf(epoch) - 1) * this.size.nodes + ownerOf(epoch) - 1;
  }
}
