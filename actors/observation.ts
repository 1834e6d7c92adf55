/**
 * What people may see of a node. Each node makes its own view, at most ten times a second and only while somebody looks;
 * peers ask for it by WATCH and get it as VIEW, so that one node's page can show all of them.
 *
 * A1. Views are for people and decide nothing. Numbers are absolute: a view that was lost does no harm. Lists hold what is
 *     new, bounded: of messages and trace what is new since the view before, and what was left out is counted; the story
 *     is told whole every few seconds, and between that in each view from there on, so that a lost view loses none of it.
 * A2. Everything is bounded: a view, encoded as JSON, has at most `maxViewBytes`.
 */
import type { PeerStatus, Role } from './facade.ts';
import type { Epoch, Lamport, NodeId } from './protocol/epoch.ts';
import type { FrameKind } from './protocol/frames.ts';

export { maxOneOf, maxViewBytes, type Wanted } from './protocol/watching.ts';

export const viewEveryMs = 100;
/** A WATCH is good for so long; who goes on looking sends it again in time. */
export const watchMs = 3000;
export const maxShownMessages = 50;
export const maxShownBytes = 200;
export const maxTraceEvents = 200;
export const maxStories = 100;

export interface NodeView {
  readonly node: NodeId;
  /** This node's life, and its views within it: rising by one. */
  readonly boot: number;
  readonly seq: number;
  /** Wall clock of that node in milliseconds since 1970, for people. */
  readonly wallMs: number;
  readonly status: StatusView;
  readonly links: readonly LinkView[];
  readonly metrics: MetricsView;
  /** Elections, leader changes and faults of this life, newest last, at most 100: all of them, or those that are new. */
  readonly story: readonly StoryView[];
  readonly messages: {
    /** Committed since the view before, shown or not. */
    readonly count: number;
    readonly shown: readonly MessageView[];
  };
  /** Only while wanted. */
  readonly trace?: { readonly oneOf: number; readonly dropped: number; readonly events: readonly TraceEvent[] };
  readonly actors?: readonly ActorView[];
}

/** A view, and how long ago it came; of this node itself 0. */
export interface SeenView {
  readonly ageMs: number;
  readonly view: NodeView;
}

export interface StatusView {
  readonly role: Role;
  readonly leader: NodeId | null;
  readonly epoch: Epoch;
  readonly lamport: Lamport;
  readonly lastIndex: number;
  readonly durableIndex: number;
  readonly commitIndex: number;
  readonly lastId: number;
  readonly uptimeSeconds: number;
  readonly diskFull: boolean;
  readonly diskUsed: number | null;
  /** Why it has no part in the log, else null. */
  readonly trouble: string | null;
}
export interface LinkView {
  readonly peer: NodeId;
  readonly link: PeerStatus['link'];
  readonly up: boolean;
  readonly rttMs: number | null;
  /** Entries behind this node, known only to a leader. */
  readonly lag: number | null;
  /** For how long it has been behind. Older nodes do not say. */
  readonly lagMs?: number | null;
  /** Why it broke last, else null. */
  readonly error: string | null;
}
export interface MetricsView {
  readonly sent: number;
  readonly received: number;
  readonly violations: number;
  readonly elections: number;
  readonly averageMs: number;
  readonly p95Ms: number;
  readonly perSecond: number;
}
/** `event` is one of these; a page that does not know it shows `words`, which are English. */
const storyEvents = [
  'started',
  'joined',
  'campaigns',
  'adopts',
  'leads',
  'follows',
  'lost the leader',
  'hands over',
  'handover failed',
  'steps down',
  'connected',
  'cut',
  'refused',
  'damaged',
  'healed',
  'lost log',
  'lost identity',
  'mismatch',
  'disk full',
  'disk nearly full',
  'disk has room',
  'violation',
  'failed',
] as const;
export type StoryEvent = (typeof storyEvents)[number];
export interface StoryView {
  readonly wallMs: number;
  readonly lamport: Lamport;
  readonly event: string;
  readonly words: string;
  readonly epoch: Epoch;
  readonly leader: NodeId | null;
}
export interface MessageView {
  readonly id: number;
  readonly lamport: Lamport;
  readonly origin: NodeId;
  readonly seen: number;
  readonly physicalSeconds: number;
  /** The first `maxShownBytes` or so; text, never markup. */
  readonly content: string;
  readonly bytes: number;
  readonly violation: boolean;
}

/** One event of the space-time diagram (Lamport 1978), recorded where it happens. */
export interface TraceEvent {
  /** Rising by one within the life of the node, counted also when it is left out: a gap is seen. */
  readonly seq: number;
  readonly lamport: Lamport;
  readonly wallMs: number;
  readonly kind: 'send' | 'receive' | 'local';
  /** Of a frame its kind, of a local event the name of the story. */
  readonly what: FrameKind | string;
  readonly group: 'election' | 'replication' | 'client' | 'fault';
  /** Of both ends of a frame the same: `<from>><to>:<Lamport time of the sending>`. */
  readonly frame?: string;
  readonly peer?: NodeId;
  /** Ids of the messages in it, first and last. */
  readonly ids?: readonly [number, number];
  readonly epoch?: Epoch;
  readonly violation?: boolean;
}

export interface ActorView {
  /** Its system id: `election`, `link:2`, … */
  readonly id: string;
  readonly parent: string | null;
  /** Of a statechart the ids of its active states, as in `ChartView`; of a service nothing. */
  readonly states?: readonly string[];
  /** A few figures worth seeing, by name. */
  readonly figures: Readonly<Record<string, number | string | boolean | null>>;
  readonly events: number;
  readonly perSecond: number;
  /** The newest, newest last: at most 8. */
  readonly last: readonly { readonly event: string; readonly from: string | null; readonly wallMs: number }[];
}

/** A statechart as data: the drawing is made from it. */
export interface ChartView {
  /** Of the machine, not of the actor: all links have one. */
  readonly id: string;
  /** Digest of the rest: a drawing made for another one does not fit. */
  readonly hash: string;
  readonly states: readonly ChartState[];
  readonly edges: readonly ChartEdge[];
}
export interface ChartState {
  readonly id: string;
  readonly parent: string | null;
  readonly label: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly initial: boolean;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly invokes: readonly string[];
}
export interface ChartEdge {
  readonly id: string;
  readonly from: string;
  /** None: an internal transition. */
  readonly to: string | null;
  /** `always` and `after 300 ms` included. */
  readonly event: string;
  readonly guard: string | null;
  readonly actions: readonly string[];
}
