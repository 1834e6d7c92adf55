/**
 * Story book: what happened to this node, for people. It stands in the way of the log lines and keeps those that tell of
 * elections, leaders and faults: an actor says a thing once, and nobody sends an event so that it can be shown.
 *
 * A1. Always kept, the newest `maxStories`; every line goes on unchanged.
 */

import { maxStories, type StoryEvent, type StoryView, type TraceEvent } from '../observation.ts';
import type { LogFields, LogLines, WallClock } from '../ports.ts';
import type { Epoch, Lamport, NodeId } from '../protocol/epoch.ts';

/** Of the words of one; some come with a stack. */
const maxWords = 300;

/** Where the node stands at the moment. */
export interface Standing {
  readonly lamport: Lamport;
  readonly epoch: Epoch;
  readonly leader: NodeId | null;
}
export type Group = TraceEvent['group'];

interface Told {
  readonly event: StoryEvent;
  readonly group: 'election' | 'fault';
}
const election = (event: StoryEvent): Told => ({ event, group: 'election' });
const fault = (event: StoryEvent): Told => ({ event, group: 'fault' });
/** Names of log lines, and what they are called in the story. */
const told: ReadonlyMap<string, Told> = new Map([
  ['node_started', fault('started')],
  ['cluster_joined', fault('joined')],
  ['election_started', election('campaigns')],
  ['log_adopting', election('adopts')],
  ['leader_elected', election('follows')],
  ['leader_lost', election('lost the leader')],
  ['handover_started', election('hands over')],
  ['handover_failed', election('handover failed')],
  ['leader_stepped_down', election('steps down')],
  ['peer_connected', fault('connected')],
  ['peer_disconnected', fault('cut')],
  ['peer_refused', fault('refused')],
  ['log_damaged', fault('damaged')],
  ['log_healed', fault('healed')],
  ['log_lost', fault('lost log')],
  ['memory_lost_everywhere', fault('lost log')],
  ['identity_lost', fault('lost identity')],
  ['config_mismatch', fault('mismatch')],
  ['disk_full', fault('disk full')],
  ['disk_nearly_full', fault('disk nearly full')],
  ['disk_has_room', fault('disk has room')],
  ['causality_violation', fault('violation')],
  ['node_failed', fault('failed')],
]);

export class StoryBook implements LogLines {
  readonly #self: NodeId;
  readonly #lines: LogLines;
  readonly #wallClock: WallClock;
  readonly #standing: () => Standing;
  readonly #heard: (story: StoryView, group: Group) => void;
  readonly #stories: StoryView[] = [];
  #told = 0;
  readonly #connected = new Set<NodeId>();
  /** Why a peer was refused last; it will try again. */
  readonly #refusals = new Map<NodeId, string>();
  /** Why a connection that was up broke last. */
  readonly #breaks = new Map<NodeId, string>();
  /** The same, and while there is no connection why there is none. */
  readonly errors = new Map<NodeId, string>();

  constructor(
    self: NodeId,
    ports: { readonly log: LogLines; readonly wallClock: WallClock },
    standing: () => Standing,
    heard: (story: StoryView, group: Group) => void,
  ) {
    this.#self = self;
    this.#lines = ports.log;
    this.#wallClock = ports.wallClock;
    this.#standing = standing;
    this.#heard = heard;
  }

  get stories(): readonly StoryView[] {
    return [...this.#stories];
  }
  /** How many were told in this life, kept or not. */
  get told(): number {
    return this.#told;
  }
  /** Those that are kept of what was told after the first so many. */
  since(told: number): readonly StoryView[] {
    const fresh = Math.min(this.#stories.length, this.#told - told);
    return this.#stories.slice(this.#stories.length - fresh);
  }
  get wantsDebug(): boolean {
    return this.#lines.wantsDebug ?? false;
  }

  write(level: 'debug' | 'info' | 'warn' | 'error', event: string, message: string, fields?: LogFields): void {
    this.#lines.write(level, event, message, fields);
    const entry = told.get(event);
    if (!entry || !this.#isNews(event, message, fields)) return;
    const isOwn = event === 'leader_elected' && fields?.leader === this.#self;
    const story = {
      ...this.#standing(),
      wallMs: this.#wallClock.now(),
      event: isOwn ? 'leads' : entry.event,
      words: message.slice(0, maxWords),
    };
    this.#stories.push(story);
    this.#told++;
    if (this.#stories.length > maxStories) this.#stories.shift();
    this.#heard(story, entry.group);
  }

  /** What was in the way of a connection that is there now is no error any more. */
  #overcome(peer: NodeId): void {
    const broken = this.#breaks.get(peer);
    if (broken === undefined) this.errors.delete(peer);
    else this.errors.set(peer, broken);
  }

  /** A peer that is away is dialled again and again: only what changes is news. */
  #isNews(event: string, message: string, fields?: LogFields): boolean {
    const peer = fields?.peer;
    if (typeof peer !== 'number') return true;
    const reason = String(fields?.reason ?? message).slice(0, maxWords);
    switch (event) {
      case 'peer_connected':
        this.#connected.add(peer);
        this.#refusals.delete(peer);
        this.#overcome(peer);
        return true;
      case 'peer_disconnected':
        this.errors.set(peer, reason);
        if (!this.#connected.delete(peer)) return false;
        this.#breaks.set(peer, reason);
        return true;
      case 'peer_refused': {
        this.errors.set(peer, reason);
        const isNew = this.#refusals.get(peer) !== reason;
        this.#refusals.set(peer, reason);
        return isNew;
      }
      default:
        return true;
    }
  }
}
