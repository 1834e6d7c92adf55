/**
 * Chaos: one seed decides what clients write and what breaks, then everything heals and the outcome is judged.
 *
 * What must hold, whatever happened: nothing acknowledged is lost or doubled, what was "not done" never shows up, what is
 * unknown shows up at most once, all logs are equal, ids and Lamport times are as they were answered.
 */
import type { Appended, Trouble } from '../../actors/facade.ts';
import type { FailpointName } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from './dice.ts';
import { type ClusterOptions, SimulatedCluster } from './simulatedCluster.ts';

export interface ChaosResult {
  readonly faults: readonly string[];
  readonly acknowledged: number;
  readonly notDone: number;
  readonly unknown: number;
  readonly leaderships: number;
  readonly trace: number;
  readonly cluster: SimulatedCluster;
}

const failpoints: readonly FailpointName[] = [
  'promise.written',
  'promise.persisted',
  'batch.encoded',
  'batch.sent',
  'batch.persisted',
  'commit.advanced',
  'adoption.batch',
  'barrier.appended',
  'handover.sent',
];

export interface ChaosOptions extends ClusterOptions {
  readonly seed: number;
  readonly ms?: number;
  /** Faults a second. */
  readonly faultsPerSecond?: number;
  /** Disks that get slow, wall clocks that jump, and a minority whose old frames rot while it is down. */
  readonly diskFaults?: boolean;
}

export function runChaos({
  ms = 10_000,
  faultsPerSecond = 3,
  diskFaults = false,
  ...options
}: ChaosOptions): ChaosResult {
  const cluster = new SimulatedCluster(options);
  const dice = new SeededDice(`chaos ${options.seed}`);
  const faults: string[] = [];
  const outcomes = new Map<string, Appended | Trouble | 'none'>();
  let count = 0;
  const { voters } = cluster;
  /** R-D3 bears the rot of a minority; who rots is drawn once. */
  const rotting = new SeededDice(`rot ${options.seed}`).shuffle(voters).slice(0, Math.floor((voters.length - 1) / 2));
  const someone = (): NodeId => dice.pick(voters);
  const possible = diskFaults ? [...breakages, ...diskBreakages] : breakages;

  let isOver = false;
  const write = (): void => {
    if (isOver) return;
    const id = someone();
    if (cluster.isUp(id)) {
      const n = dice.chance(0.1) ? 1 + dice.int(5) : 1;
      const key = dice.chance(0.2) ? `key ${count}` : undefined;
      const texts = Array.from({ length: n }, () => `message ${++count}`);
      for (const text of texts) outcomes.set(text, 'none');
      let tries = 0;
      let answers = 0;
      let verdict: Appended | Trouble | null = null;
      const attempt = (node: NodeId, left: number): void => {
        if (isOver || !cluster.isUp(node)) return;
        tries++;
        if (verdict?.kind !== 'done') for (const text of texts) outcomes.set(text, 'none');
        cluster.append(
          node,
          texts,
          (outcome) => {
            answers++;
            if (verdict?.kind === 'done' && outcome.kind === 'done' && verdict.firstId !== outcome.firstId)
              cluster.violations.push(`§8: key ${key} was answered with ids ${verdict.firstId} and ${outcome.firstId}`);
            // One try that is done makes the write done, one that is unknown leaves it so.
            if (!verdict || outcome.kind === 'done' || (verdict.kind !== 'done' && outcome.outcome === 'unknown'))
              verdict = outcome;
            const known = verdict.kind === 'done' || answers === tries ? verdict : 'none';
            for (const text of texts) outcomes.set(text, known);
            if (outcome.kind === 'trouble' && key && left > 0) attempt(someone(), left - 1);
          },
          {
            timeoutMs: dice.pick([300, 2000, 10_000]),
            ...(key && { key: { key, bodyHash: Buffer.alloc(16, texts.length) } }),
          },
        );
        // Sometimes a client with a key tries again without waiting for the answer.
        if (key && left > 0 && dice.chance(0.3))
          cluster.clock.setTimeout(() => attempt(someone(), 0), dice.between(0, 500));
      };
      attempt(id, 2);
    }
    cluster.clock.setTimeout(write, dice.between(1, 40));
  };

  const fault = (): void => {
    if (isOver) return;
    const id = someone();
    const other = someone();
    const at = cluster.clock.now().toFixed(0);
    const what = dice.pick(possible)({ cluster, dice, rotting, id, other });
    if (what !== null) faults.push(`${at} ${what}`);
    cluster.clock.setTimeout(fault, dice.between(0, 2000 / faultsPerSecond));
  };

  cluster.start();
  cluster.settleLeader(undefined, 5000);
  write();
  cluster.clock.setTimeout(fault, 100);
  cluster.run(ms);
  // Liveness: everything heals, faults off, and within bounded time all agree.
  isOver = true;
  return finish(cluster, outcomes, faults);
}

interface Place {
  readonly cluster: SimulatedCluster;
  readonly dice: SeededDice;
  readonly rotting: readonly NodeId[];
  readonly id: NodeId;
  readonly other: NodeId;
}
/** Breaks something, or mends it, and says what; null when there was nothing to break. */
type Breakage = (place: Place) => string | null;

const startAll: Breakage = ({ cluster }) => {
  const down = cluster.voters.filter((id) => !cluster.isUp(id));
  for (const id of down) cluster.start(id);
  return down.length === 0 ? null : `start ${down.join(' ')}`;
};

const breakages: readonly Breakage[] = [
  // Nodes that are down come back more often than others go.
  startAll,
  startAll,
  startAll,
  ({ cluster, id }) => {
    cluster.kill(id);
    return `kill ${id}`;
  },
  ({ cluster, dice, id }) => {
    cluster.crash(id, { silent: dice.chance(0.5) });
    return `power ${id}`;
  },
  ({ cluster, dice, id }) => {
    const point = dice.pick(failpoints);
    cluster.doom(id, point);
    return `doom ${id} ${point}`;
  },
  ({ cluster, dice, id }) => {
    if (!cluster.isUp(id)) return null;
    cluster.pause(id);
    cluster.clock.setTimeout(() => cluster.resume(id), dice.between(20, 1500));
    return `pause ${id}`;
  },
  ({ cluster, dice, id, other }) => {
    if (id === other) return null;
    const oneWay = dice.chance(0.5);
    cluster.network.cut(id, other, { oneWay });
    return `cut ${id} ${other} ${oneWay ? 'one way' : ''}`;
  },
  ({ cluster, dice, id }) => {
    cluster.network.isolate(id);
    cluster.clock.setTimeout(() => cluster.network.heal(), dice.between(50, 1500));
    return `isolate ${id}`;
  },
  ({ cluster, id, other }) => {
    if (id === other) return null;
    cluster.network.reset(id, other);
    return `reset ${id} ${other}`;
  },
  ({ cluster, dice, id, other }) => {
    if (id === other) return null;
    cluster.network.strand(id, other, dice.between(5, 400));
    cluster.network.reset(id, other);
    return `strand ${id} ${other}`;
  },
  ({ cluster }) => {
    cluster.network.heal();
    return 'heal';
  },
];

/** Seldom possible: there must be an old segment. */
const rotSomebody: Breakage = ({ cluster, dice, rotting }) => {
  if (rotting.length === 0) return null;
  const victim = dice.pick(rotting);
  return rot(cluster, victim, dice) ? `rot ${victim}` : null;
};

const diskBreakages: readonly Breakage[] = [
  ({ cluster, dice, id }) => {
    const { faults: disk } = cluster.disk(id);
    disk.slowFsyncMs = dice.pick([5, 60, 400, 3000]);
    cluster.clock.setTimeout(() => Object.assign(disk, { slowFsyncMs: 0 }), dice.between(100, 3000));
    return `slow disk ${id} ${disk.slowFsyncMs}`;
  },
  ({ cluster, dice, id }) => {
    cluster.jumpWall(id, dice.between(-1e8, 1e8));
    return `wall clock ${id}`;
  },
  rotSomebody,
  rotSomebody,
  rotSomebody,
];

/** Turns a bit of the oldest segment, which later ones prove to have been fsynced; the node starts again with it. */
function rot(cluster: SimulatedCluster, id: NodeId, dice: SeededDice): boolean {
  const disk = cluster.disk(id);
  const segments = disk.names.filter((name) => name.startsWith('segment-'));
  const [oldest] = segments;
  // The newest may be blank: it is made in advance.
  if (!oldest || segments.length < 3) return false;
  cluster.kill(id);
  const content = disk.content(oldest);
  const used = content.findLastIndex((byte) => byte !== 0) + 1;
  disk.flip(oldest, dice.int(used), dice.int(8));
  cluster.start(id);
  return true;
}

function finish(
  cluster: SimulatedCluster,
  outcomes: ReadonlyMap<string, Appended | Trouble | 'none'>,
  faults: readonly string[],
): ChaosResult {
  const { voters, network, violations } = cluster;
  network.heal();
  cluster.undoom();
  for (const id of voters) {
    cluster.resume(id);
    cluster.disk(id).faults.slowFsyncMs = 0;
    if (!cluster.isUp(id)) cluster.start(id);
  }
  const highest = Math.max(...voters);
  if (cluster.settleLeader(highest, 60_000) !== highest)
    violations.push(`§10: node ${highest} does not lead after healing`);
  cluster.run(15_000);
  const level = cluster.runUntil(() => {
    if (!voters.every((id) => cluster.isUp(id))) return false;
    const commits = voters.map((id) => cluster.node(id).facade.status());
    return commits.every(
      ({ commitIndex, lastIndex }) => commitIndex === commits[0]?.commitIndex && lastIndex === commitIndex,
    );
  }, 10_000);
  if (!level) violations.push('§10: the nodes do not become equal');
  for (const { node, reason } of cluster.failures) violations.push(`node ${node} failed: ${reason.slice(0, 400)}`);

  const logs = voters.filter((id) => cluster.isUp(id)).map((id) => cluster.messages(id));
  const log = logs[0] ?? [];
  for (const [i, other] of logs.entries())
    if (JSON.stringify(other) !== JSON.stringify(log)) violations.push(`node ${voters[i]} has another log`);
  const places = new Map<string, { id: number; lamport: number }[]>();
  for (const [i, { id, text, lamport }] of log.entries()) {
    if (id !== i + 1) violations.push(`§8: id ${id} stands at place ${i + 1}`);
    places.set(text, [...(places.get(text) ?? []), { id, lamport }]);
  }
  let acknowledged = 0;
  let notDone = 0;
  let unknown = 0;
  const firsts = new Map<object, string>();
  for (const [text, outcome] of outcomes) {
    const found = places.get(text) ?? [];
    if (found.length > 1) violations.push(`R10a: "${text}" stands ${found.length} times in the log`);
    if (typeof outcome === 'string' || (outcome.kind === 'trouble' && outcome.outcome === 'unknown')) unknown++;
    else if (outcome.kind === 'trouble') {
      notDone++;
      if (found.length > 0) violations.push(`R10: "${text}" was not done, and is there (${outcome.code})`);
    } else {
      acknowledged++;
      const first = firsts.get(outcome) ?? text;
      firsts.set(outcome, first);
      const offset = Number(text.split(' ')[1]) - Number(first.split(' ')[1]);
      if (found.length === 0) violations.push(`R9: "${text}" was acknowledged, and is lost`);
      else if (found[0]?.id !== outcome.firstId + offset || found[0]?.lamport !== outcome.firstLamport + offset)
        violations.push(`§8: "${text}" was acknowledged as ${outcome.firstId + offset}, and is ${found[0]?.id}`);
    }
  }
  return {
    faults,
    acknowledged,
    notDone,
    unknown,
    leaderships: cluster.leaderships.length,
    trace: cluster.trace,
    cluster,
  };
}
