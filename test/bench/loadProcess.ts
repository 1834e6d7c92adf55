/**
 * The load generator: a process of its own, so that the bench's clocks and files do not stand in its way. It is told what
 * to do by messages from load.ts, and ends when its parent does.
 */
import { Engine, type EngineJob, type Seen } from './engine.ts';
import { Histogram, type Percentiles } from './histogram.ts';
import { systemOf } from './registry.ts';
import type { Endpoint } from './systems.ts';

export type Order =
  | { readonly type: 'load'; readonly system: string; readonly way: string; readonly job: EngineJob }
  | { readonly type: 'mark' }
  | { readonly type: 'look' }
  | { readonly type: 'finish' }
  | { readonly type: 'deliver'; readonly system: string; readonly way: string; readonly job: DeliveryJob }
  | { readonly type: 'read'; readonly system: string; readonly at: Endpoint };
export type Told =
  | { readonly type: 'ok' }
  | { readonly type: 'seen'; readonly seen: Seen }
  | { readonly type: 'delivered'; readonly latencyMs: Percentiles }
  | { readonly type: 'read'; readonly messages: number; readonly ms: number }
  | { readonly type: 'failed'; readonly words: string };

export interface DeliveryJob {
  readonly writeAt: Endpoint;
  readonly readAt: Endpoint;
  readonly bytes: number;
  readonly ms: number;
}

/** Between two messages, so that each finds the system at rest. */
const betweenMs = 2;
/** The first ones warm up: connections, and what a compiler has not seen yet. Fewer than `least` say nothing. */
const warm = 200;
const least = 100;

let engine: Engine | undefined;

const wayOf = (system: string, name: string) => {
  const way = systemOf(system).ways.find((each) => each.name === name);
  if (!way) throw new Error(`${system} has no way ${name}`);
  return way;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One message after the other: from its sending at one node to its arrival at a reader at another. */
async function deliver(system: string, way: string, job: DeliveryJob): Promise<Percentiles> {
  const latency = new Histogram();
  const sentAt = new Map<number, number>();
  let arrived: () => void = () => undefined;
  const tail = await systemOf(system).tail?.(job.readAt, (n) => {
    const at = sentAt.get(n);
    if (at === undefined) return;
    sentAt.delete(n);
    latency.add(performance.now() - at);
    arrived();
  });
  if (!tail) throw new Error(`${system} has no tail`);
  let broken: string | undefined;
  const shape = { bytes: job.bytes, batch: 1, numbered: true };
  const client = await new Promise<ReturnType<ReturnType<typeof wayOf>['connect']>>((resolve) => {
    const made = wayOf(system, way).connect(job.writeAt, shape, {
      ready: () => setImmediate(() => resolve(made)),
      done: () => undefined,
      refused: (_, why) => {
        broken = why;
      },
      closed: (why) => {
        broken = why;
      },
    });
  });
  const until = performance.now() + job.ms;
  for (let n = 0; performance.now() < until || n < warm + least; n++) {
    if (n === warm) latency.clear();
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    sentAt.set(n, performance.now());
    client.send(n);
    await Promise.race([here, pause(5_000)]);
    if (broken !== undefined) throw new Error(`the writer was told ${broken}`);
    if (sentAt.size > 0) throw new Error('a message did not arrive within 5 s');
    await pause(betweenMs);
  }
  client.close();
  tail.close();
  return latency.percentiles();
}

async function obey(order: Order): Promise<Told> {
  switch (order.type) {
    case 'load':
      engine = new Engine(wayOf(order.system, order.way), order.job);
      await engine.start();
      return { type: 'ok' };
    case 'mark':
      engine?.mark();
      return { type: 'ok' };
    case 'look':
      return { type: 'seen', seen: seen() };
    case 'finish':
      await engine?.finished;
      return { type: 'seen', seen: seen() };
    case 'deliver':
      return { type: 'delivered', latencyMs: await deliver(order.system, order.way, order.job) };
    case 'read': {
      const beganAt = performance.now();
      const messages = (await systemOf(order.system).readAll?.(order.at)) ?? 0;
      return { type: 'read', messages, ms: performance.now() - beganAt };
    }
  }
}
function seen(): Seen {
  if (!engine) throw new Error('there is no load');
  return engine.look();
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: Order) => {
  obey(order)
    .catch((error: Error): Told => ({ type: 'failed', words: error.message }))
    .then((told) => process.send?.(told));
});
