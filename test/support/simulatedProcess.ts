/**
 * SimulatedProcess: one life of a simulated node, between its start and its crash. Holds what the operating system does to
 * a process: it may be paused (SIGSTOP, a long GC, a moved VM) and killed. Its `clock` is the node's Clock port; the
 * network and the disk of the simulation reach the node through `deliver`.
 *
 * A1. While paused, nothing of the node runs. At resume come first the timers that are overdue, in due order, and then what
 *     was delivered meanwhile, in its order: the order in which libuv looks, and the worst one for R20.
 * A2. After `kill` nothing of the node ever runs again (P3).
 * A3. The node's clock runs at its own rate and from its own start, and never goes back. When a timer fires, `now()` is
 *     at least its due time, whatever the rounding.
 */
import type { Clock } from '../../actors/ports.ts';

export interface ProcessOptions {
  /** How fast this node's clock runs; 1.001 = a millisecond a second too fast. Default 1. */
  readonly rate?: number;
  /** What this node's clock shows at its start. Default: what the world's clock shows. */
  readonly startsAt?: number;
}

interface NodeTimer {
  readonly callback: () => void;
  readonly dueAt: number;
  outer: unknown;
  cleared: boolean;
}

export class SimulatedProcess {
  readonly clock: Clock;
  readonly #world: Clock;
  readonly #overdue: NodeTimer[] = [];
  readonly #delivered: (() => void)[] = [];
  /** The latest time that this node's clock has shown. */
  #shown: number;
  #paused = false;
  #alive = true;
  #draining = false;

  constructor(world: Clock, options: ProcessOptions = {}) {
    const { rate = 1, startsAt = world.now() } = options;
    const bornAt = world.now();
    this.#world = world;
    this.#shown = startsAt;

    const now = (): number => {
      this.#shown = Math.max(this.#shown, startsAt + (world.now() - bornAt) * rate);
      return this.#shown;
    };
    this.clock = {
      now,
      setTimeout: (callback, delayMs) => {
        const timer: NodeTimer = { callback, dueAt: now() + Math.max(0, delayMs), outer: undefined, cleared: false };
        if (this.#alive) timer.outer = world.setTimeout(() => this.#fire(timer), delayMs / rate);
        return timer;
      },
      clearTimeout: (id) => {
        const timer = id as NodeTimer | null | undefined;
        if (!timer) return;
        timer.cleared = true; // It may be overdue already, and held.
        world.clearTimeout(timer.outer);
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }
  get paused(): boolean {
    return this.#paused;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#drainSoon();
  }

  kill(): void {
    this.#alive = false;
    this.#overdue.length = 0;
    this.#delivered.length = 0;
  }

  /** Something reaches the process from outside: at once when it runs, at resume when it is paused, never when killed. */
  deliver(callback: () => void): void {
    if (!this.#alive) return;
    if (this.#paused || this.#delivered.length > 0)
      this.#delivered.push(callback); // Behind what waits: keeps the order.
    else callback();
  }

  #fire(timer: NodeTimer): void {
    if (!this.#alive) return;
    if (this.#paused || this.#overdue.length > 0) this.#overdue.push(timer);
    else this.#run(timer);
  }

  #run(timer: NodeTimer): void {
    this.#shown = Math.max(this.#shown, timer.dueAt); // A3
    timer.callback();
  }

  /** One step of the world for each held callback, so that a checker can look in between, and a pause can come. */
  #drainSoon(): void {
    if (this.#draining || this.#overdue.length + this.#delivered.length === 0) return;
    this.#draining = true;
    this.#world.setTimeout(() => {
      this.#draining = false;
      if (!this.#alive || this.#paused) return;
      const timer = this.#overdue.shift();
      try {
        if (!timer) this.#delivered.shift()?.();
        else if (!timer.cleared) this.#run(timer);
      } finally {
        this.#drainSoon();
      }
    }, 0);
  }
}
