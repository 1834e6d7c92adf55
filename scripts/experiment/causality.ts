/**
 * Conversations of three clients at three nodes, who read each other's messages and answer them, and sometimes write at the
 * same time without knowing of each other. Does the log tell which message could have caused which?
 *
 *   Ana   a1 ------------- reads c1 - a2      a1 and c1 are sent side by side, and so are a2 and b2
 *   Ben      - reads a1 - b1 ------- b2
 *   Cleo  c1 ---------- reads b1 - c2
 *
 * A session is its token: the newest `Lamport-Time` that its client was shown, sent along with what it does next, at
 * another node each time.
 */
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { nodeOf, Unusable } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { jsonIn } from './node.ts';
import type { CausalMessage, CausalRelation, CausalRound, Relation, WriteSample } from './results.ts';
import { ms } from './statistics.ts';

class Client {
  readonly #name: string;
  readonly #context: Context;
  readonly #beganAt: number;
  readonly #text: string;
  /** The nodes that it asks in turn. */
  readonly #nodes: readonly number[];
  #at = 0;
  #token = 0;
  readonly #knows = new Set<string>();

  constructor(context: Context, name: string, nodes: readonly number[], text: string, beganAt: number) {
    this.#context = context;
    this.#name = name;
    this.#nodes = nodes;
    this.#text = text;
    this.#beganAt = beganAt;
  }

  get #node(): number {
    return this.#nodes[this.#at++ % this.#nodes.length] ?? 0;
  }

  /** Sees this message, and with it what its writer knew. */
  async read(message: CausalMessage): Promise<void> {
    const node = nodeOf(this.#context.cluster, this.#node);
    const token = Math.max(this.#token, message.lamport);
    const answer = await node.ask(`/messages/${message.id}`, { headers: { 'Lamport-Time': `${token}` } });
    if (answer?.status !== 200) throw new Unusable(`${node.url} does not show message ${message.id}: ${answer?.text}`);
    this.#token = Math.max(token, Number(answer.headers['lamport-time'] ?? 0));
    for (const known of [message.name, ...message.after]) this.#knows.add(known);
  }

  async write(name: string): Promise<CausalMessage> {
    const { cluster, now } = this.#context;
    const node = this.#node;
    const sentAtMs = now() - this.#beganAt;
    const after = [...this.#knows];
    const written = await nodeOf(cluster, node).write(`${this.#text} ${name}`, { lamportTime: this.#token });
    const { outcome, id, lamport, seen, code } = written;
    if (outcome !== 'acknowledged' || id === undefined || lamport === undefined || seen === undefined)
      throw new Unusable(`node ${node} did not take a message: ${code}`);
    this.#token = Math.max(this.#token, lamport);
    this.#knows.add(name);
    const acknowledgedAtMs = ms(now() - this.#beganAt);
    return { name, client: this.#name, node, id, lamport, seen, sentAtMs: ms(sentAtMs), acknowledgedAtMs, after };
  }
}

/** What the clients know of the order: pairs that were read or written one after the other, and those sent side by side. */
export function happenedIn(
  messages: readonly CausalMessage[],
  sideBySide: readonly (readonly [string, string])[],
): readonly Omit<CausalRelation, 'relation'>[] {
  const before = messages.flatMap(({ name, after }) => after.map((a) => ({ a, b: name, happened: 'before' }) as const));
  return [...before, ...sideBySide.map(([a, b]) => ({ a, b, happened: 'side by side' }) as const)];
}

const turned: Readonly<Record<Relation, Relation>> = {
  before: 'after',
  after: 'before',
  concurrent: 'concurrent',
  same: 'same',
};

/** As all nodes tell it, asked both ways. */
async function relationOf(
  { cluster }: Context,
  a: CausalMessage,
  b: CausalMessage,
): Promise<{ readonly relation: Relation; readonly contradictions: number }> {
  const headers = { 'Lamport-Time': `${Math.max(a.lamport, b.lamport)}` };
  const ask = async (url: string, isTurned: boolean): Promise<readonly Relation[]> =>
    Promise.all(
      cluster.nodes.map(async (node) => {
        const answer = await node.ask(url, { headers });
        if (answer?.status !== 200) throw new Unusable(`${node.url}${url}: ${answer?.text ?? 'no answer'}`);
        const said = String(jsonIn(answer.text).relation) as Relation;
        return isTurned ? turned[said] : said;
      }),
    );
  const told = [
    ...(await ask(`/messages/${a.id}/relation/${b.id}`, false)),
    ...(await ask(`/messages/${b.id}/relation/${a.id}`, true)),
  ];
  const relation = told[0] ?? 'same';
  return { relation, contradictions: told.filter((each) => each !== relation).length };
}

async function conversation(
  context: Context,
  number: number,
): Promise<{ readonly round: CausalRound; readonly contradictions: number }> {
  const { cluster, now, name } = context;
  const ids = cluster.nodes.map(({ id }) => id);
  const from = (first: number): readonly number[] => ids.map((_, i) => ids[(first + number + i) % ids.length] ?? 0);
  const beganAt = now();
  const client = (who: string, first: number): Client =>
    new Client(context, who, from(first), `${name} ${number}`, beganAt);
  const [ana, ben, cleo] = [client('Ana', 0), client('Ben', 1), client('Cleo', 2)];
  const [a1, c1] = await Promise.all([ana.write('a1'), cleo.write('c1')]);
  await ben.read(a1);
  const b1 = await ben.write('b1');
  await Promise.all([ana.read(c1), cleo.read(b1)]);
  const [a2, b2] = await Promise.all([ana.write('a2'), ben.write('b2')]);
  const c2 = await cleo.write('c2');
  const messages = [a1, c1, b1, a2, b2, c2];
  const named = (wanted: string): CausalMessage => messages.find((each) => each.name === wanted) ?? a1;
  const relations: CausalRelation[] = [];
  let contradictions = 0;
  for (const pair of happenedIn(messages, [
    ['a1', 'c1'],
    ['a2', 'b2'],
  ])) {
    const told = await relationOf(context, named(pair.a), named(pair.b));
    relations.push({ ...pair, relation: told.relation });
    contradictions += told.contradictions;
  }
  return { round: { messages, relations }, contradictions };
}

export async function causality(context: Context): Promise<Measured<'causality'>> {
  const { cluster, settings, name, say } = context;
  const after = await newestId(cluster);
  const rounds: CausalRound[] = [];
  let contradictions = 0;
  say.line(`${settings.conversations} conversations of three clients at ${cluster.nodes.length} nodes`);
  for (let number = 1; number <= settings.conversations; number++) {
    say.progress(`conversation ${number} of ${settings.conversations}`);
    const done = await conversation(context, number);
    rounds.push(done.round);
    contradictions += done.contradictions;
  }
  const relations = rounds.flatMap((round) => round.relations);
  const dependent = relations.filter(({ happened }) => happened === 'before');
  const sideBySide = relations.filter(({ happened }) => happened === 'side by side');
  const writes = rounds.flatMap((round, i) =>
    round.messages.map((each, client): WriteSample => {
      const { node, id, lamport, sentAtMs, acknowledgedAtMs } = each;
      const message = `${name} ${i + 1} ${each.name}`;
      const took = ms(acknowledgedAtMs - sentAtMs);
      return { client, node, message, atMs: sentAtMs, ms: took, outcome: 'acknowledged', id, lamport };
    }),
  );
  const audit = auditOf(writes, await logsOf(cluster, after), after);
  const figures = {
    messages: writes.length,
    dependent: dependent.length,
    dependentFound: dependent.filter(({ relation }) => relation === 'before').length,
    sideBySide: sideBySide.length,
    concurrentFound: sideBySide.filter(({ relation }) => relation === 'concurrent').length,
    contradictions,
  };
  return {
    parameters: { rounds: rounds.length },
    samples: rounds,
    figures,
    promises: [
      {
        promise: 'what a client had read or written is before what it wrote then',
        held: figures.dependentFound === figures.dependent,
        detail: `${figures.dependentFound} of ${figures.dependent} pairs, ${figures.contradictions} contradictions`,
      },
      {
        promise: 'every node tells the same relation, asked either way',
        held: contradictions === 0,
        detail: `${contradictions} answers differ`,
      },
      {
        // One of the two may have been committed where the other arrived a moment later: then it could have caused it.
        promise: 'messages sent side by side are seen to be concurrent, unless a node had one before it took the other',
        held: figures.concurrentFound > 0,
        detail: `${figures.concurrentFound} of ${figures.sideBySide} pairs are concurrent`,
      },
      ...promisesOf(audit, await violationsOf(cluster)),
    ],
  };
}
