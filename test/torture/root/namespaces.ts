/**
 * Nodes in network namespaces of their own, joined by a switch: what is cut or lost here are packets, in the kernel.
 *
 *   clients --127.0.0.1:port--> gate 1 > node 1 --eth0 10.99.0.1--.
 *                               gate 2 > node 2 --eth0 10.99.0.2--+-- a bridge in a namespace that has no node
 *                               gate 3 > node 3 --eth0 10.99.0.3--'
 *
 * Once moved, the cluster's own `cut`, `dropFrom`, `dropAll`, `delay` and `heal` work on packets.
 *
 * A1. Rules stand where packets come in, in the namespace of the node that is not to hear them: one-way is the rule, both
 *     ways are two. They are replaced all at once, so that nothing passes in between.
 * A2. Clients are never cut off: they come through the gate, over no link that is touched here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type ClusterOptions, type RealCluster, withCluster } from '../../support/realCluster.ts';
import { Room, reasonAgainst, runNow, startBy } from './room.ts';

const pairOfLinks = 'ip link add eth0 type veth peer name far; ip link add switch type bridge; ip link set lo up;';
const rulesFile = (rules: readonly string[]): string =>
  ['table ip torture {', 'chain in {', 'type filter hook input priority 0', ...rules, '}', '}', ''].join('\n');

/** Why namespaces and rules for packets cannot be had here. */
export const reasonAgainstNamespaces = (): string | undefined =>
  reasonAgainst(
    'net',
    `${pairOfLinks} nft '${rulesFile([`ip saddr 10.99.0.1 ${ruleOf(50)}`, ruleOf('reject')])}'`,
    'ip',
    'nft',
  );

export const reasonAgainstNarrowLinks = (): string | undefined =>
  reasonAgainst('net', `${pairOfLinks} tc qdisc add dev eth0 root ${narrow(1)}`, 'ip', 'tc');

const narrow = (mbit: number): string => `tbf rate ${mbit}mbit burst 16kb latency 100ms`;

const addressOf = (id: number): string => `10.99.0.${id}`;
const gateScript = fileURLToPath(new URL('./gate.js', import.meta.url));

/** What becomes of packets: in silence, with a word to the sender, or this many of a hundred in silence. */
type Verdict = 'drop' | 'reject' | number;
type Way = readonly [from: number, to: number];
interface Rule {
  readonly from: number;
  readonly to: number;
  readonly verdict: Verdict;
}
/** Ends what was imposed, and nothing else. */
export type Lift = () => void;

const ruleOf = (verdict: Verdict): string => {
  if (verdict === 'reject') return 'tcp flags != rst reject with tcp reset';
  return verdict === 'drop' ? 'drop' : `numgen random mod 100 < ${verdict} drop`;
};

export class Namespaces {
  readonly #cluster: RealCluster;
  readonly #rooms = new Map<number, Room>();
  readonly #gates: ChildProcess[] = [];
  readonly #rules = new Set<Rule>();
  #switch: Room | undefined;

  private constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  /** Before the nodes start. */
  static async around(cluster: RealCluster): Promise<Namespaces> {
    const made = new Namespaces(cluster);
    try {
      await made.#make();
    } catch (error) {
      await made.end();
      throw error;
    }
    cluster.cut = (id) => void made.cut(id);
    cluster.dropFrom = (from, to) => void made.drop(from, to);
    cluster.dropAll = (id) => void made.isolate(id);
    cluster.delay = (ms) => made.delay(ms);
    cluster.heal = () => made.heal();
    return made;
  }

  /** `to` does not hear `from`, and nobody is told. */
  drop(from: number, to: number): Lift {
    return this.#impose([[from, to]], 'drop');
  }

  /** `id` neither hears nor is heard, and nobody is told. */
  isolate(id: number): Lift {
    return this.#impose(this.#waysOf(id), 'drop');
  }

  /** Both ends of each connection hear that it is over, and nobody gets through. */
  cut(id: number): Lift {
    return this.#impose(this.#waysOf(id), 'reject');
  }

  /** Loses this many of a hundred packets, of a node or between all. */
  lose(percent: number, ...ids: readonly number[]): Lift {
    const all = ids.length === 0 ? this.#cluster.ids : ids;
    return this.#impose(
      all.flatMap((id) => this.#waysOf(id)),
      percent,
    );
  }

  /** Packets leave this much later; only with netem. */
  delay(ms: number): void {
    this.#shape(`netem delay ${ms}ms`);
  }

  /** Links carry no more than this; what a node sends beyond it waits, then is lost. */
  narrow(mbit: number): void {
    this.#shape(narrow(mbit));
  }

  /** Lifts everything. */
  heal(): void {
    this.#rules.clear();
    for (const id of this.#cluster.ids) this.#apply(id);
    this.#shape(undefined);
  }

  /** When no node runs any more. */
  async end(): Promise<void> {
    for (const gate of this.#gates) gate.kill('SIGKILL');
    await Promise.all([...this.#rooms.values(), ...(this.#switch ? [this.#switch] : [])].map((room) => room.end()));
  }

  /** From and to everybody else. */
  #waysOf(id: number): readonly Way[] {
    return this.#cluster.ids
      .filter((other) => other !== id)
      .flatMap((other): Way[] => [
        [id, other],
        [other, id],
      ]);
  }

  #impose(ways: readonly Way[], verdict: Verdict): Lift {
    const rules = ways.map(([from, to]): Rule => ({ from, to, verdict }));
    const receivers = new Set(rules.map(({ to }) => to));
    const applyAll = (): void => {
      for (const to of receivers) this.#apply(to);
    };
    for (const rule of rules) this.#rules.add(rule);
    applyAll();
    return () => {
      for (const rule of rules) this.#rules.delete(rule);
      applyAll();
    };
  }

  /** A1. */
  #apply(to: number): void {
    const rules = [...this.#rules]
      .filter((rule) => rule.to === to)
      .map(({ from, verdict }) => `ip saddr ${addressOf(from)} ${ruleOf(verdict)}`);
    const all = `table ip torture\ndelete table ip torture\n${rulesFile(rules)}`;
    runNow([...this.#roomOf(to).enter, 'nft', '--file', '-'], all);
  }

  #shape(discipline: string | undefined): void {
    for (const id of this.#cluster.ids) {
      const clear = 'tc qdisc del dev eth0 root 2> /dev/null || true';
      const line = discipline === undefined ? clear : `tc qdisc replace dev eth0 root ${discipline}`;
      runNow([...this.#roomOf(id).enter, 'sh', '-c', line]);
    }
  }

  #roomOf(id: number): Room {
    const room = this.#rooms.get(id);
    if (!room) throw new Error(`there is no namespace of ${id}`);
    return room;
  }

  async #make(): Promise<void> {
    const bridge = await Room.open('net');
    this.#switch = bridge;
    await bridge.run('sh', '-ec', 'ip link add switch type bridge; ip link set switch up');
    const peers = this.#cluster.nodes.map(({ id, peerPort }) => `${id}@${addressOf(id)}:${peerPort}`).join(',');
    for (const node of this.#cluster.nodes) {
      const room = await Room.open('net');
      this.#rooms.set(node.id, room);
      const lines = [
        `ip link add eth0 type veth peer name port${node.id} netns ${bridge.pid}`,
        `ip addr add ${addressOf(node.id)}/24 dev eth0`,
        'ip link set lo up',
        'ip link set eth0 up',
      ];
      await room.run('sh', '-ec', lines.join('; '));
      await bridge.run('sh', '-ec', `ip link set port${node.id} master switch; ip link set port${node.id} up`);
      await this.#openGate(room, node.port);
      node.env.PEER_HOST = addressOf(node.id);
      node.env.PEERS = peers;
      startBy(node, room.enter);
    }
  }

  async #openGate(room: Room, port: number): Promise<void> {
    const [program = '', ...args] = [...room.enter, process.execPath, gateScript];
    const gate = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    gate.on('error', () => {});
    this.#gates.push(gate);
    const outside = createServer();
    outside.listen({ port, host: '127.0.0.1' });
    await once(outside, 'listening');
    gate.send(port, outside);
    await Promise.race([
      once(gate, 'message'),
      once(gate, 'close').then(() => {
        throw new Error('a gate ended at once');
      }),
    ]);
    outside.close(); // From now on only the gate listens.
  }
}

/** A cluster that runs, whose nodes have networks of their own. */
export const withNamespaces = (
  options: ClusterOptions,
  use: (cluster: RealCluster, network: Namespaces) => Promise<void>,
): Promise<void> =>
  withCluster(options, async (cluster) => {
    const network = await Namespaces.around(cluster);
    try {
      cluster.start();
      await cluster.ready();
      await cluster.leads(Math.max(...cluster.ids));
      await use(cluster, network);
    } finally {
      await network.end();
    }
  });
