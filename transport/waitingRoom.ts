/**
 * WaitingRoom: the sockets that have not proved who they are.
 *
 * A stranger may open as many as it likes; here they are bounded, in number and in time, so that peers still get in:
 *
 * W1. At most `capacity` sockets wait, at most `capacityPerAddress` of one address, none longer than `deadlineMs`.
 * W2. At a bound the oldest goes, of the address with the most sockets: a flood from one place displaces only itself, and
 *     a peer needs only the few milliseconds of its greeting.
 */
import type { Socket } from 'node:net';

export interface WaitingRoomOptions {
  readonly capacity: number;
  readonly capacityPerAddress: number;
  readonly deadlineMs: number;
}

export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  /** By address, oldest first. */
  readonly #waiting = new Map<string, Set<Socket>>();
  readonly #leave = new WeakMap<Socket, () => void>();
  #size = 0;
  /** Sockets that were turned out: because of a bound, or of the deadline. */
  displaced = 0;
  expired = 0;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  enter(socket: Socket): void {
    const { capacity, capacityPerAddress, deadlineMs } = this.#options;
    const address = socket.remoteAddress ?? 'unknown';
    const ofAddress = this.#waiting.get(address);
    if (ofAddress && ofAddress.size >= capacityPerAddress) this.#displace(ofAddress);
    else if (this.#size >= capacity) this.#displace(this.#mostCrowded());

    const together = this.#waiting.get(address) ?? new Set();
    this.#waiting.set(address, together.add(socket));
    this.#size++;
    const deadline = setTimeout(() => {
      this.expired++;
      this.#turnOut(socket);
    }, deadlineMs);
    const leave = (): void => {
      if (!together.delete(socket)) return;
      this.#size--;
      clearTimeout(deadline);
      if (together.size === 0 && this.#waiting.get(address) === together) this.#waiting.delete(address);
    };
    this.#leave.set(socket, leave);
    socket.once('close', leave);
  }

  /** The socket has proved who it is. */
  leave(socket: Socket): void {
    this.#leave.get(socket)?.();
  }

  clear(): void {
    for (const sockets of [...this.#waiting.values()]) for (const socket of [...sockets]) this.#turnOut(socket);
  }

  #mostCrowded(): Set<Socket> {
    let most = new Set<Socket>();
    for (const sockets of this.#waiting.values()) if (sockets.size > most.size) most = sockets;
    return most;
  }

  #displace(sockets: Set<Socket>): void {
    const [oldest] = sockets;
    if (!oldest) return;
    this.displaced++;
    this.#turnOut(oldest);
  }

  #turnOut(socket: Socket): void {
    this.leave(socket); // At once: its `close` event comes a turn later.
    socket.destroy();
  }
}
