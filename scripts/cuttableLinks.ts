/**
 * Links that can be cut on purpose: the Links port around another one. Without a cut it only passes on.
 *
 * U1. A cut link has no connection: open ones are closed, new ones refused, dials fail.
 * U2. Cut one way, what this node says is lost and what it hears is not. A connection that has lost a frame says nothing
 *     more, and is closed when the link is mended: a connection keeps the order of its frames or ends.
 */
import type { Connection, ConnectionHandlers, Links } from '../actors/ports.ts';
import type { NodeId } from '../actors/protocol/epoch.ts';

type DialHandlers = Parameters<Links['dial']>[1];
export type Cut = 'both ways' | 'outgoing';

const reason = 'the link is cut on purpose';

export class CuttableLinks implements Links {
  readonly #links: Links;
  readonly #cuts = new Map<NodeId, Cut>();
  readonly #open = new Set<CuttableConnection>();

  constructor(links: Links) {
    this.#links = links;
  }

  cut(peer: NodeId, cut: Cut): void {
    this.#cuts.set(peer, cut);
    if (cut === 'both ways') this.#close(peer, () => true);
  }

  mend(peer: NodeId): void {
    if (this.#cuts.delete(peer)) this.#close(peer, ({ hasLost }) => hasLost);
  }

  listen(accept: (connection: Connection) => ConnectionHandlers): void {
    this.#links.listen((connection) => {
      if (this.#cuts.get(connection.peer) === 'both ways') {
        connection.close(reason);
        return deaf;
      }
      const wrapped = this.#wrap(connection);
      return this.#forgetting(wrapped, accept(wrapped));
    });
  }

  dial(peer: NodeId, handlers: DialHandlers): void {
    if (this.#cuts.get(peer) === 'both ways') {
      process.nextTick(() => handlers.closed({ byThisSide: true, reason }));
      return;
    }
    let forget = (): void => {};
    this.#links.dial(peer, {
      opened: (connection) => {
        const wrapped = this.#wrap(connection);
        forget = () => this.#open.delete(wrapped);
        if (this.#cuts.get(peer) === 'both ways') connection.close(reason); // Cut while it was dialled.
        handlers.opened(wrapped);
      },
      frame: (frame) => handlers.frame(frame),
      closed: (why) => {
        forget();
        handlers.closed(why);
      },
    });
  }

  #wrap(connection: Connection): CuttableConnection {
    const wrapped = new CuttableConnection(connection, () => this.#cuts.has(connection.peer));
    this.#open.add(wrapped);
    return wrapped;
  }

  #forgetting(wrapped: CuttableConnection, handlers: ConnectionHandlers): ConnectionHandlers {
    return {
      frame: (frame) => handlers.frame(frame),
      closed: (why) => {
        this.#open.delete(wrapped);
        handlers.closed(why);
      },
    };
  }

  #close(peer: NodeId, which: (connection: CuttableConnection) => boolean): void {
    for (const connection of this.#open) if (connection.peer === peer && which(connection)) connection.close(reason);
  }
}

const deaf: ConnectionHandlers = { frame: () => {}, closed: () => {} };

class CuttableConnection implements Connection {
  readonly peer: NodeId;
  readonly dialled: boolean;
  hasLost = false;
  readonly #connection: Connection;
  readonly #isCut: () => boolean;

  constructor(connection: Connection, isCut: () => boolean) {
    this.peer = connection.peer;
    this.dialled = connection.dialled;
    this.#connection = connection;
    this.#isCut = isCut;
  }

  send(frame: Buffer): void {
    if (this.hasLost || this.#isCut())
      this.hasLost = true; // U2.
    else this.#connection.send(frame);
  }
  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }
  get receivedBytes(): number {
    return this.#connection.receivedBytes;
  }
  close(why: string): void {
    this.#connection.close(why);
  }
}
