/**
 * What the experiments leave behind: the one place that says how their files look.
 *
 *   <experiment>-<label>-<time>.json     a `Run`: when, where, how, every sample, the figures, which promises held
 *   <experiment>-<label>-<time>-<picture>.svg and .png
 *   latency-<label>-<time>.csv           the same samples as a table
 *   summary.json                         a `Summary`: the newest run of every experiment by label, and the table
 *   table.md                             that table for people
 *
 * Times are in milliseconds. `atMs` counts from the beginning of the run; in a round of leader-failure from the order to
 * kill, in partition from the cut, in durability from the kill, in causality from the beginning of the conversation.
 */

export const experimentNames = [
  'concurrency',
  'leader-failure',
  'latency',
  'partition',
  'durability',
  'causality',
] as const;
export type ExperimentName = (typeof experimentNames)[number];

/** Where the nodes were: on one machine, on one machine behind the delays of three regions, in three regions. */
export const labels = ['local', 'wan', 'cloud'] as const;
export type Label = (typeof labels)[number];

// ------------------------------------------------------------------------------------------------------------ parts

/** Of latencies in milliseconds. Percentiles are measured values (nearest rank), `stdev` is that of the sample. */
export interface Spread {
  readonly count: number;
  readonly average: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly stdev: number;
}

export interface Promised {
  /** What was promised, in words. */
  readonly promise: string;
  readonly held: boolean;
  /** What was seen. */
  readonly detail: string;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Before it began: what else was running. */
  readonly loadAverage: number;
}

export interface ClusterSeen {
  readonly nodes: readonly { readonly id: number; readonly url: string; readonly region: string | null }[];
  /** When the run began. */
  readonly leader: number | null;
  /** Whether the experiment started it. */
  readonly own: boolean;
  /** What its network is made to be like, in the words of `npm run wan`. */
  readonly links: string | null;
}

export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** One write, as its client saw it. */
export interface WriteSample {
  readonly client: number;
  readonly node: number;
  readonly message: string;
  readonly atMs: number;
  /** Until the answer. */
  readonly ms: number;
  readonly outcome: Outcome;
  /** Of an acknowledged one. */
  readonly id?: number;
  readonly lamport?: number;
  /** Of any other. */
  readonly code?: string;
}

/** Something that a node told of itself, for the timeline. */
export interface StoryMark {
  readonly node: number;
  readonly atMs: number;
  readonly event: string;
  readonly words: string;
}

/** From when to when a node named whom as the leader; null: nobody; silent: it did not answer. */
export interface LeaderSpell {
  readonly node: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly leader: number | null | 'silent';
}

// ------------------------------------------------------------------------------------------- each experiment's own

export interface Concurrency {
  readonly parameters: { readonly messages: number; readonly clients: number; readonly node: number };
  readonly samples: readonly WriteSample[];
  readonly figures: {
    readonly sent: number;
    readonly acknowledged: number;
    readonly latencyMs: Spread;
    readonly messagesPerSecond: number;
    readonly violations: number;
    readonly leader: number | null;
    readonly node: number;
    /**
     * What the network alone takes: the way from the node to the leader and back, and the round trip from the leader to
     * the nearest peers that make a majority; from the nodes' own pings. Null on one machine: there is no network.
     */
    readonly floorMs: number | null;
    /** The same if light in glass took the shortest ways: null where the places are not known. */
    readonly lightMs: number | null;
  };
}

export interface FailureRound {
  readonly killed: number;
  readonly successor: number | null;
  /** From the order to kill. */
  readonly stepsMs: {
    /** The first survivor no longer names the dead one. */
    readonly noticed: number | null;
    /** A majority names the same new leader. */
    readonly agreed: number | null;
    /** The first write sent after that is acknowledged. */
    readonly written: number | null;
    /** The dead one, started again, is healthy; and leads, if it is the one to lead. */
    readonly back: number | null;
  };
  /** The longest time without an acknowledged write around the kill, under the steady load. */
  readonly gap: { readonly fromMs: number; readonly ms: number };
  readonly refused: number;
  readonly samples: readonly WriteSample[];
  readonly leaders: readonly LeaderSpell[];
  readonly story: readonly StoryMark[];
}
export interface LeaderFailure {
  readonly parameters: { readonly rounds: number; readonly clients: number };
  readonly samples: readonly FailureRound[];
  readonly figures: {
    readonly rounds: number;
    readonly agreedMs: Spread;
    /** Until a write is acknowledged again: what is compared with the plan's time to recover. */
    readonly recoveredMs: Spread;
    readonly gapMs: Spread;
    readonly backMs: Spread;
    readonly acknowledged: number;
    /** Writes that a survivor answered, but not with an acknowledgement. */
    readonly refused: number;
    readonly lost: number;
  };
}

export interface PairSample {
  readonly source: number;
  readonly target: number;
  /** Its number among the source's pings that came back from the target. */
  readonly ping: number;
  /** When it was asked for. */
  readonly atMs: number;
  /** Round trip of this ping alone, as the source measures it. */
  readonly ms: number;
}
export interface PairFigures {
  readonly source: number;
  readonly target: number;
  readonly sourceRegion: string | null;
  readonly targetRegion: string | null;
  readonly ms: Spread;
  /** Light in glass along the great circle, there and back; null where the places are not known. */
  readonly lightMs: number | null;
}
export interface Latency {
  readonly parameters: { readonly samples: number; readonly everyMs: number };
  readonly samples: readonly PairSample[];
  readonly figures: { readonly pairs: readonly PairFigures[] };
}

export interface Partition {
  readonly parameters: { readonly apartMs: number; readonly clients: number; readonly timeoutMs: number };
  readonly samples: {
    readonly writes: readonly WriteSample[];
    readonly leaders: readonly LeaderSpell[];
    readonly story: readonly StoryMark[];
  };
  readonly figures: {
    readonly minority: readonly number[];
    readonly majority: readonly number[];
    /** From the cut to the order to heal. */
    readonly apartMs: number;
    /** From the cut to the first write that the majority acknowledged to a client who sent it after the cut. */
    readonly majorityResumedMs: number | null;
    /** From the healing to all nodes naming one leader, and to the minority's first acknowledged write. */
    readonly agreedAgainMs: number | null;
    readonly minorityResumedMs: number | null;
    readonly acknowledgedByMajority: number;
    readonly acknowledgedByMinority: number;
    readonly refusedByMinority: number;
    readonly refusals: Readonly<Record<string, number>>;
    readonly readByMinority: number;
    readonly lost: number;
    readonly doubled: number;
  };
}

export interface Durability {
  readonly parameters: { readonly loadMs: number; readonly downMs: number; readonly clients: number };
  readonly samples: {
    readonly writes: readonly WriteSample[];
    readonly leaders: readonly LeaderSpell[];
  };
  readonly figures: {
    /** From the kill; the time that they were left dead is in it. */
    readonly allBackMs: number | null;
    readonly firstWriteMs: number | null;
    readonly acknowledgedBefore: number;
    readonly acknowledgedAfter: number;
    readonly lost: number;
    readonly moved: number;
    readonly doubled: number;
  };
}

export type Relation = 'before' | 'after' | 'concurrent' | 'same';
export interface CausalMessage {
  readonly name: string;
  readonly client: string;
  readonly node: number;
  readonly id: number;
  readonly lamport: number;
  readonly seen: number;
  readonly sentAtMs: number;
  readonly acknowledgedAtMs: number;
  /** Names of the messages that its client had read or written, by its session. */
  readonly after: readonly string[];
}
export interface CausalRelation {
  readonly a: string;
  readonly b: string;
  /** What the clients did: one had seen the other, or they were sent side by side. */
  readonly happened: 'before' | 'side by side';
  readonly relation: Relation;
}
export interface CausalRound {
  readonly messages: readonly CausalMessage[];
  readonly relations: readonly CausalRelation[];
}
export interface Causality {
  readonly parameters: { readonly rounds: number };
  readonly samples: readonly CausalRound[];
  readonly figures: {
    readonly messages: number;
    readonly dependent: number;
    readonly dependentFound: number;
    readonly sideBySide: number;
    readonly concurrentFound: number;
    /** Answers to the same question at different nodes, or turned round, that do not fit. */
    readonly contradictions: number;
  };
}

export interface Experiments {
  readonly concurrency: Concurrency;
  readonly 'leader-failure': LeaderFailure;
  readonly latency: Latency;
  readonly partition: Partition;
  readonly durability: Durability;
  readonly causality: Causality;
}

// ------------------------------------------------------------------------------------------------------------ files

export interface RunOf<Name extends ExperimentName> {
  readonly format: 1;
  readonly experiment: Name;
  readonly label: Label;
  /** ISO 8601, UTC. */
  readonly began: string;
  readonly durationMs: number;
  readonly command: string;
  /** For how long the measuring process itself stood still at most: times are up to so much too long. */
  readonly stallMsMax: number;
  readonly version: { readonly release: string; readonly commit: string };
  readonly machine: Machine;
  readonly cluster: ClusterSeen;
  readonly parameters: Experiments[Name]['parameters'];
  readonly figures: Experiments[Name]['figures'];
  readonly promises: readonly Promised[];
  readonly held: boolean;
  readonly samples: Experiments[Name]['samples'];
}
export type Run = { readonly [Name in ExperimentName]: RunOf<Name> }[ExperimentName];

/** Of a run all but the samples; paths are relative to the summary. */
export type SummaryOf<Name extends ExperimentName> = Omit<RunOf<Name>, 'samples'> & {
  readonly file: string;
  /** By the picture's name, such as `latency-over-time`. */
  readonly pictures: Readonly<Record<string, { readonly svg: string; readonly png: string }>>;
};

export interface Summary {
  readonly format: 1;
  readonly made: string;
  readonly runs: {
    readonly [L in Label]?: { readonly [Name in ExperimentName]?: SummaryOf<Name> };
  };
  readonly table: readonly TableRow[];
}

/** One line of the plan against what was measured. */
export interface TableRow {
  /** Stable, for the report: `concurrency.average`, `latency.us-eu`, … */
  readonly key: string;
  readonly experiment: ExperimentName;
  readonly words: string;
  readonly unit: 'ms' | 's' | 'msg/s' | 'messages' | '';
  readonly plan: number | null;
  /** Which way is better; null where neither is: a distance. */
  readonly better: 'less' | 'more' | null;
  readonly ours: { readonly [L in Label]?: number };
  /** What physics or the network leaves at best, in the same unit. */
  readonly floor: { readonly [L in Label]?: number };
  /** Of what ours is the average, where that is shown. */
  readonly spread?: { readonly [L in Label]?: Pick<Spread, 'stdev' | 'min' | 'max'> };
}
