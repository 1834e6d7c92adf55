/**
 * Where the processor time of a leader and of a follower goes, by what it is spent on: V8's sampling profiler runs in every
 * node while 64 clients have one message outstanding each. It slows them by some percent, so throughput is not told.
 *
 * The profiles stay in `--out`: Chrome's developer tools and speedscope draw flame graphs of them.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ours, startOurs } from './ours.ts';
import { measured, type Stage, textBytes } from './stage.ts';
import type { System } from './systems.ts';

const profiler = new URL('profiler.js', import.meta.url).href;
const clients = 64;
/** Of the end of a profile: the load is over, and the node stops. */
const tailMs = 500;

// ---------------------------------------------------------------------------------------------------------- reading

interface Frame {
  readonly functionName: string;
  readonly url: string;
}
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  /** Microseconds. */
  readonly timeDeltas: readonly number[];
}

/** By name: what the engine and the kernel do. */
const natives: readonly (readonly [RegExp, string])[] = [
  [/^\(garbage collector\)$/, 'garbage collection'],
  [/^\(program\)$/, 'the engine and libuv'],
  [/^(writev|writeBuffer|writeUtf8String|writeLatin1String|writeAsciiString)$/, 'sending: system calls'],
];
/** By file; the first that fits. */
const places: readonly (readonly [RegExp, string])[] = [
  [/node_modules\/xstate\//, 'XState'],
  [/node_modules\/ws\//, 'WebSocket (ws)'],
  [/node_modules\//, 'Koa and its like'],
  [/^node:.*http/, 'HTTP in node'],
  [/^node:/, 'sockets, streams and queues in node'],
  [/dist[^/]*\/actors\/protocol\//, 'protocol: formats and decisions'],
  [/dist[^/]*\/actors\/(?:log\/|store)/, 'log store'],
  [/dist[^/]*\/actors\//, 'actors'],
  [/dist[^/]*\/transport\//, 'peer links'],
  [/dist[^/]*\/storage\//, 'disk'],
  [/dist[^/]*\/http\//, 'client API'],
  [/./, 'the rest'],
];

const fitting = (rules: readonly (readonly [RegExp, string])[], text: string): string | undefined =>
  rules.find(([pattern]) => pattern.test(text))?.[1];

/** Microseconds by what they were spent on, within the last `lastMs` before `tailMs`; idle ones are left out. */
export function spentOn({ nodes, samples, timeDeltas }: CpuProfile, lastMs: number): ReadonlyMap<string, number> {
  const purpose = new Map<number, string | undefined>();
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  // What has no file, a method of a Map say, is spent on what its caller does.
  const purposeOf = (id: number): string | undefined => {
    if (purpose.has(id)) return purpose.get(id);
    const { functionName = '', url = '' } = byId.get(id)?.callFrame ?? {};
    const parent = parents.get(id);
    const found =
      functionName === '(idle)'
        ? undefined
        : (fitting(natives, url === '' ? functionName : '') ??
          (url === '' && parent !== undefined ? purposeOf(parent) : fitting(places, url || functionName)));
    purpose.set(id, found);
    return found;
  };
  const end = timeDeltas.reduce((sum, each) => sum + each, 0) - tailMs * 1000;
  const spent = new Map<string, number>();
  let at = 0;
  samples.forEach((id, i) => {
    const us = timeDeltas[i] ?? 0;
    at += us;
    const what = at <= end && at > end - lastMs * 1000 ? purposeOf(id) : undefined;
    if (what !== undefined) spent.set(what, (spent.get(what) ?? 0) + us);
  });
  return spent;
}

// --------------------------------------------------------------------------------------------------------- measuring

const profileOf = (folder: string, id: number): string => join(folder, `node-${id}.cpuprofile`);

const underProfiler = (wayName: string): System => ({
  ...ours,
  name: `${wayName}, ${clients} clients`,
  start: (folder) =>
    startOurs(folder, {
      envOf: (id) => ({ NODE_OPTIONS: `--import=${profiler}`, PROFILE_TO: profileOf(folder, id) }),
    }),
});

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`.padStart(8);

export const profile = {
  name: 'profile',
  words: 'where the processor time of leader and follower goes',
  isLong: true,
  systems: ['socket', 'http'].map(underProfiler),
  run: async (stage: Stage): Promise<void> => {
    const { system, running, wanted, folder, book, say } = stage;
    const { cluster } = running as Awaited<ReturnType<typeof startOurs>>;
    const way = system.ways.find(({ name }) => system.name.startsWith(name));
    if (!way) throw new Error(`there is no way ${system.name}`);
    const { leader } = await running.endpoints();
    const leading = (await cluster.leader()).id;
    const ms = Math.max(3_000, wanted.seconds * 1000);
    const seen = await measured(
      { ...stage, system: ours },
      way,
      { at: [leader], bytes: textBytes, clients, window: 1, batch: 1 },
      ms,
    );
    await Promise.all(cluster.nodes.map((node) => node.kill('SIGTERM')));
    const roles = cluster.ids.map((id) => {
      const role = id === leading ? 'leader' : 'follower';
      const path = profileOf(folder, id);
      copyFileSync(path, join(wanted.out, `profile-${way.name}-${role}.cpuprofile`));
      return { role, spent: spentOn(JSON.parse(readFileSync(path, 'utf8')) as CpuProfile, ms) };
    });
    const [lead, follow] = ['leader', 'follower'].map((role) => roles.find((each) => each.role === role)?.spent);
    if (!lead || !follow) throw new Error('a leader and a follower are needed');
    const sums = [lead, follow].map((spent) => [...spent.values()].reduce((sum, us) => sum + us, 0));
    sums.forEach((us, i) => {
      const role = i === 0 ? 'leader' : 'follower';
      const row = { id: `profile-${role}`, scenario: 'profile', words: `processor time at the ${role}` };
      book.add({ ...row, unit: 'µs/message', best: 'low' }, system.name, us / seen.acknowledged);
    });
    const purposes = [...new Set([...lead.keys(), ...follow.keys()])];
    const partOf = (spent: ReadonlyMap<string, number>, i: number, what: string): number =>
      (spent.get(what) ?? 0) / (sums[i] ?? 1);
    const lines = purposes
      .sort((a, b) => partOf(lead, 0, b) - partOf(lead, 0, a))
      .map((what) => `${what.padEnd(38)}${percent(partOf(lead, 0, what))}${percent(partOf(follow, 1, what))}`);
    lines.unshift(`${'of what a node is busy'.padEnd(38)}  leader  follower`);
    say(`    profiles in ${wanted.out}`);
    book.verdicts.push({ scenario: 'profile', system: system.name, held: true, lines });
  },
};
