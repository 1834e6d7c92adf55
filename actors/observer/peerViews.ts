/**
 * Peer views: what the peers told of themselves.
 *
 * A1. They are read once a turn, a few a peer: whoever sends more, or nonsense, or speaks of another node, is not heard.
 */
import type { NodeView, SeenView } from '../observation.ts';
import type { NodeId } from '../protocol/epoch.ts';
import { readView } from './viewText.ts';

/** A peer sends one in a turn; on a bad line some arrive together. */
const maxUnread = 4;

interface Heard {
  /** Arrived since the last turn, with its time. */
  unread: { readonly bytes: Buffer; readonly at: number }[];
  newest: { readonly view: NodeView; readonly at: number } | null;
}

export class PeerViews {
  readonly #heard = new Map<NodeId, Heard>();
  /** Views that nobody was shown. */
  refused = 0;

  arrived(peer: NodeId, bytes: Buffer, at: number): void {
    const heard = this.#heard.get(peer) ?? { unread: [], newest: null };
    this.#heard.set(peer, heard);
    heard.unread.push({ bytes, at });
    if (heard.unread.length <= maxUnread) return;
    heard.unread.shift();
    this.refused++;
  }

  /** Those that came since the last turn, in their order; of a peer that sent none its newest once more. */
  turn(now: number): SeenView[] {
    return [...this.#heard].flatMap(([peer, heard]) => {
      const fresh = heard.unread.splice(0).flatMap(({ bytes, at }) => {
        const view = readView(bytes);
        if (view && view.node === peer && isNewer(view, heard.newest?.view)) {
          heard.newest = { view, at };
          return [heard.newest];
        }
        this.refused++;
        return [];
      });
      const shown = fresh.length > 0 || !heard.newest ? fresh : [heard.newest];
      return shown.map(({ view, at }) => ({ ageMs: now - at, view }));
    });
  }

  forget(): void {
    this.#heard.clear();
  }
}

/** A node that began anew counts from 1 again. */
const isNewer = (view: NodeView, before: NodeView | undefined): boolean =>
  before === undefined || view.boot !== before.boot || view.seq > before.seq;
