/**
 * Whom each node names as the leader, asked all the time; and what the nodes tell of themselves afterwards.
 */
import { WebSocket } from 'ws';
import type { Hello, Tick, Want } from '../../http/live/protocol.ts';
import { type Cluster, leaderNamed, majorityOf, pause } from './cluster.ts';
import type { LogNode } from './node.ts';
import type { LeaderSpell, StoryMark } from './results.ts';
import { ms } from './statistics.ts';

const everyMs = 10;
const answerWithinMs = 1_000;

interface Named {
  readonly leader: LeaderSpell['leader'];
  readonly healthy: boolean;
}

type Spell = { -readonly [Key in keyof LeaderSpell]: LeaderSpell[Key] };

export class LeaderWatch {
  readonly #cluster: Cluster;
  readonly #now: () => number;
  readonly #named = new Map<number, Named>();
  readonly #spells: Spell[] = [];
  #watching: Promise<void>[] = [];
  #stopping = false;

  constructor(cluster: Cluster, now: () => number) {
    this.#cluster = cluster;
    this.#now = now;
  }

  start(): this {
    this.#watching = this.#cluster.nodes.map((node) => this.#watch(node));
    return this;
  }

  /** Whom a majority names now. */
  get leader(): number | null {
    const named = [...this.#named.values()].map(({ leader }) => (leader === 'silent' ? null : leader));
    return leaderNamed(named, majorityOf(this.#cluster));
  }
  /** Whom all name, all being healthy. */
  get leaderOfAll(): number | null {
    const all = [...this.#named.values()];
    const isOne = new Set(all.map(({ leader }) => leader)).size === 1;
    return isOne && all.length === this.#cluster.nodes.length && all.every(({ healthy }) => healthy)
      ? this.leader
      : null;
  }

  async stop(): Promise<readonly LeaderSpell[]> {
    this.#stopping = true;
    await Promise.all(this.#watching);
    return this.#spells.map((spell) => ({ ...spell, fromMs: ms(spell.fromMs), toMs: ms(spell.toMs) }));
  }

  async #watch(node: LogNode): Promise<void> {
    let spell: Spell | undefined;
    while (!this.#stopping) {
      const health = await node.health(answerWithinMs);
      const leader = health === undefined ? 'silent' : health.leader;
      this.#named.set(node.id, { leader, healthy: health?.healthy === true });
      const at = this.#now();
      if (spell?.leader !== leader) {
        spell = { node: node.id, fromMs: spell?.toMs ?? at, toMs: at, leader };
        this.#spells.push(spell);
      }
      spell.toMs = at;
      await pause(everyMs);
    }
  }
}

const storyWithinMs = 3_000;

/** The story of one node's life, by its dashboard's feed; nothing when it does not tell. */
function storyOf({ id, url, authorization }: LogNode): Promise<readonly (StoryMark & { readonly wallMs: number })[]> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/live`, { headers: authorization });
    const done = (story: readonly (StoryMark & { readonly wallMs: number })[]): void => {
      clearTimeout(late);
      socket.terminate();
      resolve(story);
    };
    const late = setTimeout(() => done([]), storyWithinMs);
    socket.on('error', () => done([]));
    socket.on('open', () => {
      const want: Want = { type: 'want', everyMs: 100, trace: false, actors: false, oneOf: 1 };
      socket.send(JSON.stringify(want));
    });
    socket.on('message', (data) => {
      const said = JSON.parse(String(data)) as Hello | Tick;
      const view = said.type === 'tick' ? said.views.find((each) => each.view.node === id)?.view : undefined;
      if (view) done(view.story.map(({ wallMs, event, words }) => ({ node: id, atMs: 0, wallMs, event, words })));
    });
  });
}

/**
 * What all nodes tell of the time since `fromMs`. By their own wall clocks: on machines of their own these may be a few
 * milliseconds apart. `epochMs` is the wall clock when `now` was 0.
 */
export async function storiesOf({ nodes }: Cluster, fromMs: number, epochMs: number): Promise<readonly StoryMark[]> {
  const all = (await Promise.all(nodes.map(storyOf))).flat();
  return all
    .map(({ wallMs, ...mark }) => ({ ...mark, atMs: ms(wallMs - epochMs) }))
    .filter(({ atMs }) => atMs >= fromMs)
    .sort((a, b) => a.atMs - b.atMs);
}
