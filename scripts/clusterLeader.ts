/** Who leads a cluster on this machine, judged from what its nodes say, and when that is worth a line for people. */

/** How long nobody may lead before that is worth a line. */
const leaderlessMs = 1_000;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 995 ? 2 : 1)} s`;

/** What a running node has told last. */
export interface NodeReport {
  readonly type: 'status';
  readonly nodeId: number;
  readonly role: string;
  readonly leaderId: number | null;
  readonly epoch: number;
  /** It belongs to a cluster: the nodes have all met once. */
  readonly formed: boolean;
  /** Why it cannot vote, else null. */
  readonly trouble: string | null;
}

/**
 * Who leads, judged from what the nodes say. A node of ours leads only when it says so itself: others may not have
 * noticed yet that it ended. The newest epoch wins.
 */
export function leaderOf(reports: readonly NodeReport[], ours: ReadonlySet<number>): number | null {
  let newest: NodeReport | undefined;
  for (const report of reports) {
    const { leaderId, nodeId, role } = report;
    if (leaderId === null || (ours.has(leaderId) && !(leaderId === nodeId && role === 'leading'))) continue;
    if (newest === undefined || report.epoch > newest.epoch) newest = report;
  }
  return newest?.leaderId ?? null;
}

/** What a node that was started alone waits for; `absent` are the others that do not run, `all` the nodes of its cluster. */
export function waitingFor(report: NodeReport, absent: readonly number[], all: readonly number[]): string {
  const { nodeId, formed } = report;
  const others = `${absent.join(', ')} ${absent.length === 1 ? 'does' : 'do'} not run`;
  return formed
    ? `${nodeId} waits for a leader: ${Math.floor(all.length / 2) + 1} of ${all.length} nodes must see each other, and ${others}`
    : `${nodeId} waits for the others: they become a cluster when ${all.join(', ')} have all met once, and ${others}`;
}

/** The times are those of one clock, in ms. */
export class LeaderNews {
  #leader: number | null;
  #leaderlessSince: number | null = null;
  #leaderlessTold = false;

  constructor(leader: number | null) {
    this.#leader = leader;
  }

  /** The one that led last. */
  get leader(): number | null {
    return this.#leader;
  }

  /** Who leads now. What to say: that it is another one, or that the one before leads again. */
  note(leader: number | null, now: number): string | null {
    if (leader === null) {
      this.#leaderlessSince ??= now;
      return null;
    }
    const gapMs = this.#leaderlessSince === null ? 0 : now - this.#leaderlessSince;
    const isNews = leader !== this.#leader || this.#leaderlessTold;
    const line = `${leader} leads${leader === this.#leader ? ' again' : ' now'}${gapMs > 0 ? `, after ${seconds(gapMs)}` : ''}`;
    this.#leaderlessSince = null;
    this.#leaderlessTold = false;
    this.#leader = leader;
    return isNews ? line : null;
  }

  /** That nobody leads among so many nodes: once, when it has lasted. */
  leaderless(nodes: number, now: number): string | null {
    if (this.#leaderlessSince === null || this.#leaderlessTold || now - this.#leaderlessSince <= leaderlessMs)
      return null;
    this.#leaderlessTold = true;
    return `nobody leads: writes are refused until ${Math.floor(nodes / 2) + 1} of ${nodes} nodes see each other`;
  }
}
