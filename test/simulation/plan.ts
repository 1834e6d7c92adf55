/**
 * Plan: what one seed makes of a run: how big the cluster is, how fast its disks, links and clocks are, what its clients
 * do, and which kinds of faults happen.
 *
 * Each seed switches a random part of the fault kinds on (swarm testing: Groce and others, 2012): with all of them on,
 * all the time, a cluster would only ever see short quiet spells, and faults that hide each other.
 */
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { defaultTiming, type TimingConfig } from '../../actors/protocol/timing.ts';
import type { SeededDice } from '../support/dice.ts';
import type { WireShape } from '../support/simulatedNetwork.ts';
import { type FaultName, faultNames } from './faults.ts';
import type { ClientPlan } from './simulatedClients.ts';

export interface Plan {
  readonly voters: readonly NodeId[];
  readonly faults: readonly FaultName[];
  /** Between two faults, on average. */
  readonly faultEveryMs: number;
  /** How long a node that ended stays down. */
  readonly downMs: readonly [number, number];
  readonly safetyMs: number;
  readonly shape: Required<WireShape>;
  readonly writeMs: readonly [number, number];
  readonly segmentBytes: number;
  readonly tailBytes: number;
  readonly priorities: ReadonlyMap<NodeId, number>;
  readonly clockRates: ReadonlyMap<NodeId, number>;
  readonly wallRates: ReadonlyMap<NodeId, number>;
  readonly timing: TimingConfig;
  readonly clients: ClientPlan;
  /** Nodes whose log may rot, or whose disk may be wiped: never more than a minority (R-D3, R-D4). */
  readonly fragile: readonly NodeId[];
  /** Only a majority comes back in the end. */
  readonly bareMajority: boolean;
}

export interface PlanOptions {
  readonly nodes?: number;
  readonly faults?: readonly FaultName[];
  readonly safetyMs?: number;
  readonly faultEveryMs?: number;
  /** No faults, and clients that write about once a second: what the simulator itself costs. */
  readonly calm?: boolean;
}

const calmPlan = { faults: [], safetyMs: 120_000, nodes: 3 } as const;
const calmClients = { writers: 2, readers: 0, tails: 0, streams: 0, thinkMs: [1000, 3000] } as const;

/** Links: in one rack, in one country, across an ocean. */
const shapes = [
  { latencyMs: 0.25, jitterMs: 0.1, bytesPerSecond: 1e9 },
  { latencyMs: 0.5, jitterMs: 2, bytesPerSecond: 1e8 },
  { latencyMs: 5, jitterMs: 10, bytesPerSecond: 2e7 },
  { latencyMs: 40, jitterMs: 20, bytesPerSecond: 5e6 },
] as const;
/** Disks: fast, usual, a tired hard disk. */
const disks = [
  [0.05, 0.2],
  [0.2, 2],
  [2, 25],
] as const;

export function drawPlan(dice: SeededDice, { calm = false, ...wanted }: PlanOptions = {}): Plan {
  const options: PlanOptions = calm ? { ...calmPlan, ...wanted } : wanted;
  const count = options.nodes ?? dice.pick([3, 3, 3, 3, 5, 5, 7]);
  const voters = Array.from({ length: count }, (_, i) => i + 1);
  const drawnBytes = dice.pick([32, 64, 128, 512]) * 1024;
  const each = (value: () => number): ReadonlyMap<NodeId, number> => new Map(voters.map((id) => [id, value()]));
  // Quartz is off by some millionths; a virtual machine may be off by much more.
  const drift = dice.pick([0, 0.0001, 0.05]);
  const pace = dice.pick([1, 1, 2, 5]);
  const share = dice.pick([0.15, 0.3, 0.6, 1]);
  const drawn = faultNames.filter(() => dice.chance(share));
  const faults = options.faults ?? (drawn.length > 0 ? drawn : [dice.pick(faultNames)]);
  // Only what lies in an old segment may rot.
  const segmentBytes = faults.includes('rot') ? 32 * 1024 : drawnBytes;
  return {
    voters,
    faults,
    faultEveryMs: options.faultEveryMs ?? dice.pick([150, 300, 600, 1500]),
    downMs: dice.pick([
      [0, 300],
      [100, 2000],
      [500, 5000],
    ] as const),
    safetyMs: options.safetyMs ?? dice.pick([5000, 10_000, 20_000]),
    shape: dice.pick(shapes),
    writeMs: dice.pick(disks),
    segmentBytes,
    tailBytes: dice.pick([4, 32, 256]) * 1024,
    priorities: dice.chance(0.2) ? each(() => dice.int(3) - 1) : new Map(),
    clockRates: each(() => 1 + drift * (2 * dice.next() - 1)),
    wallRates: each(() => 1 + 0.2 * (2 * dice.next() - 1)),
    timing: dice.chance(0.7) ? defaultTiming : { ...defaultTiming, stableMs: dice.pick([0, 500, 4000]) },
    clients: {
      writers: 2 + dice.int(8),
      readers: dice.int(4),
      tails: dice.int(3),
      streams: dice.int(3),
      thinkMs: [0, 40 * pace],
      // A segment holds a batch of everything that may wait at once.
      textBytes: Math.min(2000, segmentBytes / 512),
      keyed: dice.pick([0, 0.3, 0.9]),
      several: dice.pick([0, 0.2]),
      sessions: dice.pick([0.3, 1]),
      ...(calm && calmClients),
    },
    fragile: dice.shuffle(voters).slice(0, (count - 1) / 2),
    bareMajority: !calm && dice.chance(0.3),
  };
}
