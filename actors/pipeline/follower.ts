/**
 * The follower's office: R7 and R8.
 *
 * A1. An ACK leaves only when the batch of its APPEND is durable; ACKs leave in the order of their APPENDs.
 * A2. A damaged node's ACK says so, and never counts (R-D3).
 */
import type { FrameReceived } from '../events.ts';
import type { Epoch, Index, NodeId } from '../protocol/epoch.ts';
import type { Append, Ping } from '../protocol/frames.ts';
import { tell, tellLink } from '../system.ts';
import type { Core, Office } from './core.ts';

interface WaitingAck {
  readonly ticket: number;
  readonly match: Index;
  readonly readRound: number;
}

export class Follower implements Office {
  readonly kind = 'following';
  readonly epoch: Epoch;
  readonly leader: NodeId;
  readonly #core: Core;
  readonly #waiting: WaitingAck[] = [];
  /** Highest match that this node has ACKed in this epoch. */
  #acknowledged: Index = 0;
  #leaderCommit: Index = 0;
  /** The newest read round heard of this leader; what this node confirms (PROTOCOL §6). */
  heardRound = 0;
  /** R-D3: the leader's end when this node joined; agreement up to there heals it. */
  #healsAt: Index | null = null;
  #healing = false;
  #behind = false;

  constructor(core: Core, epoch: Epoch, leader: NodeId) {
    this.#core = core;
    this.epoch = epoch;
    this.leader = leader;
  }

  append({ peer, frame }: FrameReceived<'append'>): void {
    const core = this.#core;
    const { log } = core;
    if (!log.holds(frame.previous)) {
      this.#note(true);
      core.send(peer, { kind: 'reject', epoch: this.epoch, hint: log.hintBelow(frame.previous) });
      return;
    }
    this.heardRound = Math.max(this.heardRound, frame.readRound);
    this.#leaderCommit = Math.max(this.#leaderCommit, frame.commit);
    if (frame.batch && !this.#keepOrWrite(frame, peer)) return;
    const match = frame.batch ? frame.batch.endIndex : frame.previous.index;
    if (!frame.quiet) this.#waiting.push({ ticket: core.lastTicket, match, readRound: frame.readRound });
    this.#note(frame.commit > log.last.index);
    this.persisted();
  }

  #keepOrWrite(frame: Append, peer: NodeId): boolean {
    const { log } = this.#core;
    const batch = frame.batch as NonNullable<Append['batch']>;
    // Same index and epoch is the same entry with the same prefix (L2): kept, whatever stands behind it.
    if (log.epochAt(batch.endIndex) === batch.epoch) return true;
    if (batch.baseIndex !== frame.previous.index + 1) {
      tellLink(this.#core.scope, peer, { type: 'peer.misbehaved', reason: 'it sent a batch that does not join' });
      return false;
    }
    this.#core.write(this.epoch, frame.previous, batch);
    return true;
  }

  /** Something became durable: the ACKs that waited for it leave, and the commit follows them (R8). */
  persisted(): void {
    const core = this.#core;
    while (this.#waiting.length > 0 && (this.#waiting[0] as WaitingAck).ticket <= core.durableTicket) {
      const { match, readRound } = this.#waiting.shift() as WaitingAck;
      this.#acknowledged = Math.max(this.#acknowledged, match);
      core.send(this.leader, { kind: 'ack', epoch: this.epoch, match, readRound, learner: core.damaged });
    }
    this.#advance();
  }

  /** This node may vote again (R-D3): what it acknowledged as a learner counts from now on, also when nothing new comes. */
  healed(): void {
    if (this.#acknowledged === 0) return;
    const ack = { epoch: this.epoch, match: this.#acknowledged, readRound: 0, learner: false } as const;
    this.#core.send(this.leader, { kind: 'ack', ...ack });
  }

  /** A ping of this leader: the same news as an empty APPEND, without the check of the log. */
  pinged(ping: Ping): void {
    this.heardRound = Math.max(this.heardRound, ping.readRound);
    this.#leaderCommit = Math.max(this.#leaderCommit, ping.commit);
    this.#healsAt ??= ping.position.index;
    this.#note(ping.commit > this.#core.log.last.index);
    this.#advance();
  }

  #advance(): void {
    const { log } = this.#core;
    const commit = Math.min(this.#leaderCommit, this.#acknowledged);
    if (commit > log.commit) this.#core.commitTo(commit);
    this.#heal(commit);
  }

  /** The leader's barrier is committed (without this node, whose ACKs do not count), and the logs agree that far. */
  #heal(commit: Index): void {
    const { damaged, log, scope } = this.#core;
    if (!damaged || this.#healing || this.#healsAt === null || this.#acknowledged < this.#healsAt) return;
    if (log.epochAt(commit) !== this.epoch) return;
    this.#healing = true;
    tell(scope, 'store', { type: 'damage.clear' });
  }

  /** For the picture: catching up, or level with the leader's commit. */
  #note(behind: boolean): void {
    if (behind === this.#behind) return;
    this.#behind = behind;
    tell(this.#core.scope, 'replicator', { type: behind ? 'follower.behind' : 'follower.level' });
  }
}
