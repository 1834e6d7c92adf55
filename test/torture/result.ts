/** The figures of a torture, as they go into its JSON file and its picture. Times are milliseconds since its beginning. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { type Gap, longestGap, unavailability } from '../history/checkers.ts';
import type { Violation } from '../history/history.ts';
import type { NodeState } from './fault.ts';
import { type CallOutcome, type CallRecord, callKinds } from './recorder.ts';
import type { Torture } from './run.ts';

/** How long after its mending a fault still counts as going on: a node starts again, an election is held. */
const graceMs = 3_000;

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}
export interface Second {
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly unsent: number;
}
/** A node was like this in [fromMs, toMs]; up where nothing is said. */
export interface Spell {
  readonly node: number;
  readonly state: NodeState;
  readonly fromMs: number;
  readonly toMs: number;
}
interface Outage {
  readonly ms: number;
  readonly atMs: number;
}

export interface Configuration {
  readonly nodes: number;
  readonly clients: number;
  readonly seed: string;
  readonly faults: readonly string[];
  readonly command: string;
}

export interface Result {
  readonly began: string;
  readonly durationMs: number;
  readonly configuration: Configuration;
  readonly machine: {
    readonly cpus: string;
    readonly memoryGiB: number;
    readonly node: string;
    readonly commit: string;
  };
  readonly nodes: readonly number[];
  readonly violations: readonly Violation[];
  readonly messages: number;
  readonly counts: Readonly<Record<string, Readonly<Record<CallOutcome, number>>>>;
  /** Why calls were not acknowledged. */
  readonly codes: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Record<string, Percentiles>>;
  /** Longest time without an acknowledged append. */
  readonly unavailability: { readonly longest: Outage; readonly inFaults: Outage; readonly outside: Outage };
  readonly slowestRecoveryMs: number;
  readonly faults: readonly { readonly name: string; readonly fromMs: number; readonly toMs: number }[];
  readonly episodes: readonly {
    readonly words: readonly string[];
    readonly fromMs: number;
    readonly mendedMs: number;
    readonly readyMs: number;
  }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly leaders: readonly { readonly leader: number | null; readonly fromMs: number; readonly toMs: number }[];
  readonly spells: readonly Spell[];
  /** When nodes did not say that they are healthy. */
  readonly unready: readonly { readonly node: number; readonly fromMs: number; readonly toMs: number }[];
  /** By kind of call: one entry a second. */
  readonly seconds: Readonly<Record<string, readonly Second[]>>;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

function percentilesOf(ms: readonly number[]): Percentiles {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (part: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

function secondsOf(calls: readonly CallRecord[], beganAt: number, count: number): Second[] {
  const seconds = Array.from({ length: count }, () => ({ acknowledged: 0, refused: 0, unknown: 0, unsent: 0 }));
  for (const { endedAt, outcome } of calls) {
    const second = seconds[Math.floor((endedAt - beganAt) / 1000)];
    if (second) second[outcome]++;
  }
  return seconds;
}

/** From the marks: overlapping ones of a node end at the next. */
function spellsOf({ marks, beganAt, endedAt }: Torture): Spell[] {
  return marks.flatMap(({ node, state, at }, i) => {
    if (state === 'up') return [];
    const next = marks.slice(i + 1).find((mark) => mark.node === node);
    return [{ node, state, fromMs: round(at - beganAt), toMs: round((next?.at ?? endedAt) - beganAt) }];
  });
}

function unreadyOf({ readiness, beganAt, endedAt }: Torture): Result['unready'] {
  return readiness.flatMap(({ node, ready, at }, i) => {
    if (ready) return [];
    const next = readiness.slice(i + 1).find((each) => each.node === node);
    return [{ node, fromMs: round(Math.max(0, at - beganAt)), toMs: round((next?.at ?? endedAt) - beganAt) }];
  });
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

export function resultOf(run: Torture, configuration: Configuration, began: Date): Result {
  const { beganAt, endedAt, calls, history, episodes, reigns, violations, skipped, messages } = run;
  const since = (at: number): number => round(at - beganAt);
  const outage = ({ ms, at }: Gap): Outage => ({ ms: round(ms), atMs: since(at) });
  const count = Math.max(1, Math.ceil((endedAt - beganAt) / 1000));
  const byKind = callKinds.map((kind) => [kind, calls.filter((call) => call.kind === kind)] as const);
  const codes: Record<string, number> = {};
  for (const { outcome, code } of calls) if (outcome !== 'acknowledged') codes[code] = (codes[code] ?? 0) + 1;
  const { inside, outside } = unavailability(history, beganAt, endedAt, graceMs);
  const longest = longestGap(history.events, beganAt, endedAt);
  const processors = cpus();
  return {
    began: began.toISOString(),
    durationMs: since(endedAt),
    configuration,
    machine: {
      cpus: `${processors.length} x ${processors[0]?.model.trim() ?? '?'}`,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      commit: commit(),
    },
    nodes: Array.from({ length: configuration.nodes }, (_, i) => i + 1),
    violations,
    messages,
    counts: Object.fromEntries(
      byKind.map(([kind, own]) => {
        const sum = { acknowledged: 0, refused: 0, unknown: 0, unsent: 0 };
        for (const { outcome } of own) sum[outcome]++;
        return [kind, sum];
      }),
    ),
    codes,
    latencyMs: Object.fromEntries(
      byKind
        .filter(([kind]) => kind !== 'tail')
        .map(([kind, own]) => [
          kind,
          percentilesOf(own.filter(({ outcome }) => outcome === 'acknowledged').map(({ ms }) => ms)),
        ]),
    ),
    unavailability: {
      longest: outage(longest),
      inFaults: outage(inside),
      outside: outage(outside),
    },
    slowestRecoveryMs: round(Math.max(0, ...episodes.map(({ mendedAt, readyAt }) => readyAt - mendedAt))),
    faults: history.faults.map(({ name, beganAt: from, endedAt: to }) => ({
      name,
      fromMs: since(from),
      toMs: since(to),
    })),
    episodes: episodes.map(({ words, beganAt: from, mendedAt, readyAt }) => ({
      words,
      fromMs: since(from),
      mendedMs: since(mendedAt),
      readyMs: since(readyAt),
    })),
    skipped,
    leaders: reigns.map(({ leader, at }, i) => ({
      leader,
      fromMs: Math.max(0, since(at)),
      toMs: since(reigns[i + 1]?.at ?? endedAt),
    })),
    spells: spellsOf(run),
    unready: unreadyOf(run),
    seconds: Object.fromEntries(byKind.map(([kind, own]) => [kind, secondsOf(own, beganAt, count)])),
  };
}
