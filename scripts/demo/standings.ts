/** How each node stands, asked all the time: for the headings on the stage, and to know when somebody leads. */
import { type Cluster, leaderNamed, majorityOf, pause } from '../experiment/cluster.ts';
import type { Health, LogNode } from '../experiment/node.ts';
import type { Standing } from './stage.ts';

const everyMs = 25;
/** Of a dead node comes at once that it is dead; a busy one is not. */
const answerWithinMs = 5_000;

/** Pure. */
export function standingOf(id: number, health: Health | undefined): Standing {
  if (health === undefined) return 'dead';
  if (health.leader === null) return 'chooses';
  return health.leader === id ? 'leads' : 'follows';
}

export class Standings {
  readonly #cluster: Cluster;
  readonly #changed: (node: number, standing: Standing) => void;
  readonly #leaders = new Map<number, number | null | undefined>();
  readonly #watching: Promise<void>;
  #isStopping = false;

  constructor(cluster: Cluster, changed: (node: number, standing: Standing) => void) {
    this.#cluster = cluster;
    this.#changed = changed;
    this.#watching = Promise.all(cluster.nodes.map((node) => this.#watch(node))).then(() => {});
  }

  /** Whom a majority names now. */
  get leader(): number | null {
    return leaderNamed([...this.#leaders.values()], majorityOf(this.#cluster));
  }
  /** Whom all of them name; null also while one is silent. */
  get leaderOfAll(): number | null {
    const [first, ...others] = this.#cluster.nodes.map(({ id }) => this.#leaders.get(id));
    return typeof first === 'number' && others.every((leader) => leader === first) ? first : null;
  }
  /** For whoever waits in vain. */
  get told(): string {
    const named = (id: number): string => {
      const leader = this.#leaders.get(id);
      return leader === undefined ? `${id} is silent` : `${id} follows ${leader ?? 'nobody'}`;
    };
    return this.#cluster.nodes.map(({ id }) => named(id)).join(', ');
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#watching;
  }

  async #watch(node: LogNode): Promise<void> {
    let told: Standing | undefined;
    while (!this.#isStopping) {
      const health = await node.health(answerWithinMs);
      this.#leaders.set(node.id, health?.leader);
      const standing = standingOf(node.id, health);
      if (standing !== told) this.#changed(node.id, standing);
      told = standing;
      await pause(everyMs);
    }
  }
}
