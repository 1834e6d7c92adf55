/**
 * The feed of the dashboard: JSON texts over the WebSocket `/live`. Version 4; docs/dashboard.md tells it at length.
 *
 * The server says `hello` once: it is the complete state, a reconnect needs nothing else. Then `tick`, at most ten times a
 * second: the views that are new (A1 of actors/observation.ts), with what is new of the story. Who takes them too slowly
 * gets fewer, never a queue: `missed` says how many ticks those were, messages and trace of them are lost to it, and of
 * the stories it then gets all (`stories`), as does whoever asks for something else or comes back from wanting nothing.
 * Of messages a peer shows only what this node has not reached yet, and violations: all nodes have the same log.
 * A page that shows no messages wants none; violations come to it all the same.
 * The client says `want` whenever what it shows changes; a page that is hidden wants nothing.
 */
import type { ChartView, NodeView, StoryView, Wanted } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import type { PackedMessage } from './packedMessages.ts';
import type { PackedEvents } from './packedTrace.ts';

export const liveVersion = 4;
/** Points of the histories of throughput and latency: one a second for ten minutes. */
export const historyPoints = 600;
export const historyMessages = 500;
export const historyTraceEvents = 500;

export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  /** The node that serves this page. */
  readonly node: NodeId;
  readonly release: string;
  readonly voters: readonly NodeId[];
  /** What POST /chaos/… and /kill may do here; null where chaos is off. */
  readonly chaos: ChaosOffer | null;
  /** Whether the insides of the actors may be asked for. */
  readonly inspect: boolean;
  /** A write needs a token: the page asks for it. */
  readonly needsToken: boolean;
  /** Whoever gets this has shown the token already: all calls need it here. */
  readonly signedIn?: true;
  /** Where people reach the nodes, `https://name`, as far as this one was told. */
  readonly nodeUrls: Readonly<Record<NodeId, string>>;
  readonly charts: readonly ChartView[];
  /** Of which actors: `link:2` -> `link`. */
  readonly chartOf: Readonly<Record<string, string>>;
  readonly views: readonly SeenView[];
  readonly history: {
    /**
     * Of this node, a second each, oldest first: wall clock ms, messages a second, average and p95 latency in ms. The leader
     * measures latency: null where there was nothing to measure, or another node led and nobody looked here.
     */
    readonly points: readonly (readonly [
      wallMs: number,
      perSecond: number,
      averageMs: number | null,
      p95Ms: number | null,
    ])[];
    readonly messages: readonly PackedMessage[];
    readonly stories: StoriesOf;
    readonly trace: readonly (readonly [node: NodeId, trace: PackedEvents])[];
  };
}

/** Of each node the newest, at most 200, oldest first. */
export type StoriesOf = readonly (readonly [node: NodeId, story: readonly StoryView[]])[];

export interface Tick {
  readonly type: 'tick';
  readonly wallMs: number;
  /** Ticks that this client did not get since the last. */
  readonly missed: number;
  /** New ones only; a node that is not among them has said nothing new. */
  readonly views: readonly SeenView[];
  readonly stories?: StoriesOf;
  readonly chaos?: readonly ActiveFault[];
}

/** A view as it goes to a page. */
export interface LiveView extends Omit<NodeView, 'messages' | 'trace'> {
  readonly messages: Omit<NodeView['messages'], 'shown'> & { readonly shown: readonly PackedMessage[] };
  readonly trace?: Omit<NonNullable<NodeView['trace']>, 'events'> & PackedEvents;
}
/** A view, and how old it was when it was sent on: of this node itself 0. */
export interface SeenView {
  readonly ageMs: number;
  readonly view: LiveView;
}

export interface ChaosOffer {
  /** Whether a supervisor is there that can kill, pause and revive the other nodes too. */
  readonly supervised: boolean;
  readonly active: readonly ActiveFault[];
}
export interface ActiveFault {
  readonly id: string;
  readonly what: 'pause' | 'cut' | 'killed';
  readonly node: NodeId;
  readonly peer?: NodeId;
  /** When it heals by itself, or null. */
  readonly healsAtWallMs: number | null;
}

export type ToClient = Hello | Tick;

/** `everyMs` 100 to 10,000; 0: nothing until the next `want`. */
export interface Want extends Wanted {
  readonly type: 'want';
  readonly everyMs: number;
  /** False: of messages only how many there were, and violations. */
  readonly messages?: boolean;
}
export type ToServer = Want;
