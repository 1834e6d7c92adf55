/**
 * The bench's end of a load generator's process.
 *
 *   const load = await Load.start('ours', 'http', job);  await load.mark();  …  const seen = await load.look();  await load.end();
 *
 * A1. Every process that was started here is ended, at the latest when this one ends.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineJob, Seen } from './engine.ts';
import type { Percentiles } from './histogram.ts';
import type { DeliveryJob, Order, Told } from './loadProcess.ts';
import type { Endpoint } from './systems.ts';

const script = fileURLToPath(new URL('./loadProcess.js', import.meta.url));
const all = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of all) child.kill('SIGKILL');
});

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve(told: Told): void; reject(error: Error): void }[] = [];

  constructor() {
    this.#child = fork(script, [], { execArgv: [] });
    all.add(this.#child);
    this.#child.on('message', (told: Told) => {
      const waiting = this.#waiting.shift();
      if (told.type === 'failed') waiting?.reject(new Error(`load generator: ${told.words}`));
      else waiting?.resolve(told);
    });
    this.#child.on('exit', (code, signal) => {
      all.delete(this.#child);
      const error = new Error(`the load generator ended: ${signal ?? code}`);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  static async start(system: string, way: string, job: EngineJob): Promise<LoadProcess> {
    const load = new LoadProcess();
    try {
      await load.#ask({ type: 'load', system, way, job });
      return load;
    } catch (error) {
      await load.end();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async mark(): Promise<void> {
    await this.#ask({ type: 'mark' });
  }
  look(): Promise<Seen> {
    return this.#seen({ type: 'look' });
  }
  /** When all `messages` of the job have been acknowledged. */
  finished(): Promise<Seen> {
    return this.#seen({ type: 'finish' });
  }
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async deliver(system: string, way: string, job: DeliveryJob): Promise<Percentiles> {
    const told = await this.#ask({ type: 'deliver', system, way, job });
    if (told.type !== 'delivered') throw new Error(`unexpected: ${told.type}`);
    return told.latencyMs;
  }
  async read(system: string, at: Endpoint): Promise<{ readonly messages: number; readonly ms: number }> {
    const told = await this.#ask({ type: 'read', system, at });
    if (told.type !== 'read') throw new Error(`unexpected: ${told.type}`);
    return told;
  }

  async #seen(order: Order): Promise<Seen> {
    const told = await this.#ask(order);
    if (told.type !== 'seen') throw new Error(`unexpected: ${told.type}`);
    return told.seen;
  }
  /** Answers come in the order of the orders, except that of `finish`: nothing else may be asked while it is awaited. */
  #ask(order: Order): Promise<Told> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(order, (error) => {
        if (error) reject(error);
      });
    });
  }
}
