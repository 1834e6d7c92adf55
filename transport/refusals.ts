/**
 * Refusals: greetings that led nowhere, as the log of the side that was called and /health tell of them.
 *
 * F1. Of one address, and of one peer that somebody there says to be, one refusal is told in `againMs`; of all addresses
 *     `mostTold` in that time. Strangers cannot fill the log.
 * F2. What is told is made of ids, addresses and our own words, never of bytes that came: no proof gets into a log.
 * F3. Who calls has proved nothing: whom it says to be is a hint for people, and no more.
 */
import type { NodeId } from '../actors/protocol/epoch.ts';
import { wrongSecret } from './handshake.ts';

export interface RefusedGreeting {
  readonly address: string;
  /** Which peer it said to be; null when it gave no id, or none of a peer. */
  readonly claimed: NodeId | null;
  readonly refusal: string;
}

/** A node that goes on trying dials every second or so. */
const againMs = 60_000;
const recentMs = 15_000;
const mostTold = 32;

export class Refusals {
  readonly #now: () => number;
  readonly #tell: (refused: RefusedGreeting) => void;
  /** When each was told, oldest first. */
  readonly #told = new Map<string, number>();
  /** With which peers the secret did not fit, and when. At most as many as there are peers. */
  readonly #wrongSecret = new Map<NodeId, number>();

  constructor(now: () => number, tell: (refused: RefusedGreeting) => void) {
    this.#now = now;
    this.#tell = tell;
  }

  /** Somebody called, and was refused. */
  called(refused: RefusedGreeting): void {
    const { address, claimed, refusal } = refused;
    if (claimed !== null) this.#note(claimed, refusal);
    const now = this.#now();
    for (const [key, at] of this.#told) {
      if (now - at < againMs) break;
      this.#told.delete(key);
    }
    const key = `${address} ${claimed}`;
    if (this.#told.has(key) || this.#told.size >= mostTold) return;
    this.#told.set(key, now);
    this.#tell(refused);
  }

  /** This side called, and it led nowhere; its log says so anyway. */
  dialled(peer: NodeId, reason: string): void {
    this.#note(peer, reason);
  }
  greeted(peer: NodeId): void {
    this.#wrongSecret.delete(peer);
  }

  /** With whom the secret has not fitted lately. */
  get wrongSecretWith(): readonly NodeId[] {
    const since = this.#now() - recentMs;
    return [...this.#wrongSecret].flatMap(([peer, at]) => (at >= since ? [peer] : [])).sort((a, b) => a - b);
  }

  #note(peer: NodeId, reason: string): void {
    if (reason.endsWith(wrongSecret)) this.#wrongSecret.set(peer, this.#now());
  }
}
