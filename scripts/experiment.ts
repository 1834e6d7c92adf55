/**
 * `npm run experiment`: measures a cluster, says whether what is promised held, and leaves samples, figures and pictures.
 *
 *   arguments > a cluster > each experiment: measure, judge, save, draw > summary and table
 *
 * E1. However it ends, the cluster is left in order (cluster.ts C2, C3).
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { causality } from './experiment/causality.ts';
import {
  type Cluster,
  checkChaos,
  clusterAt,
  leaderOf,
  settled,
  startCluster,
  Unusable,
} from './experiment/cluster.ts';
import { type Understood, understand, usage, type Wanted } from './experiment/commandLine.ts';
import { concurrency } from './experiment/concurrency.ts';
import { durability } from './experiment/durability.ts';
import type { Measure } from './experiment/experiment.ts';
import { savePictures, saveRun, stemOf } from './experiment/files.ts';
import { latency } from './experiment/latency.ts';
import { leaderFailure } from './experiment/leaderFailure.ts';
import { machine, version } from './experiment/machine.ts';
import { partition } from './experiment/partition.ts';
import { picturesOf } from './experiment/pictures/draw.ts';
import { publish, showTable, summarise } from './experiment/publish.ts';
import type { ExperimentName, Promised, Run } from './experiment/results.ts';
import { type Say, sayOn } from './experiment/say.ts';
import { ms } from './experiment/statistics.ts';
import { isMain } from './main.ts';

const measures: { readonly [Name in ExperimentName]: Measure<Name> } = {
  concurrency,
  'leader-failure': leaderFailure,
  latency,
  partition,
  durability,
  causality,
};
const needsChaos: ReadonlySet<ExperimentName> = new Set(['leader-failure', 'partition', 'durability']);
const settleWithinMs = 30_000;

const stallMsWorthTelling = 50;
const stalled = (stallMs: number): string =>
  `  note    the measuring process stood still for up to ${Math.round(stallMs)} ms: this machine is busy, and times may be too long`;
const verdict = ({ promise, held, detail }: Promised): string =>
  `  ${held ? 'ok    ' : 'FAILED'}  ${promise}: ${detail}`;

async function run(name: ExperimentName, cluster: Cluster, wanted: Wanted, say: Say): Promise<Run> {
  const measure = measures[name] as Measure<ExperimentName>;
  const began = new Date();
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;
  const leader = await leaderOf(cluster);
  const before = machine();
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  stalls.enable();
  const { promises, ...measured } = await measure({
    cluster,
    now,
    name: `${name} ${began.toISOString()}`,
    settings: wanted.settings,
    say,
  });
  stalls.disable();
  const nodes = cluster.nodes.map(({ id, url }) => ({ id, url, region: cluster.regions.get(id) ?? null }));
  return {
    format: 1,
    experiment: name,
    label: wanted.label,
    began: began.toISOString(),
    durationMs: Math.round(now()),
    stallMsMax: ms(stalls.max / 1e6),
    command: `npm run experiment -- ${process.argv.slice(2).join(' ')}`,
    version: version(),
    machine: before,
    cluster: { nodes, leader, own: cluster.own, links: cluster.links },
    ...measured,
    promises,
    held: promises.every(({ held }) => held),
  } as Run;
}

async function runAll(wanted: Wanted, say: Say): Promise<boolean> {
  const { urls, label, experiments, out, language } = wanted;
  if (urls.length === 0) say.line(`starting ${wanted.nodes} nodes${wanted.wan ? ' in three regions' : ''} …`);
  const token = process.env.API_TOKEN || undefined;
  const coming = urls.length === 0 ? startCluster(wanted) : clusterAt(urls, label, token);
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return; // npm passes the terminal's signal on a second time.
    isStopping = true;
    const ended = coming.then((cluster) => cluster.end()).catch(() => {});
    void ended.then(() => process.exit(130)); // E1.
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const cluster = await coming;
  let held = true;
  try {
    if (experiments.some((name) => needsChaos.has(name))) await checkChaos(cluster);
    for (const name of experiments) {
      if ((await settled(cluster, settleWithinMs)) === null) {
        throw new Unusable('the nodes are not all healthy under one leader: see GET /health of each');
      }
      say.line(`\n${name}`);
      const done = await run(name, cluster, wanted, say);
      for (const promise of done.promises) say.line(verdict(promise));
      if (done.stallMsMax > stallMsWorthTelling) say.line(stalled(done.stallMsMax));
      saveRun(out, stemOf(done), done); // Before it is drawn: samples cannot be made again.
      savePictures(out, stemOf(done), picturesOf(done, language));
      say.line(`  ${out}/${stemOf(done)}*`);
      held &&= done.held;
    }
  } finally {
    for (const signal of signals) process.off(signal, stop);
    await cluster.end(); // E1.
  }
  say.line('');
  showTable(summarise(out), say);
  return held;
}

async function main(understood: Understood): Promise<number> {
  const say = sayOn(process.stdout);
  switch (understood.kind) {
    case 'help':
      say.line(usage);
      return 0;
    case 'faulty':
      process.stderr.write(`npm run experiment:\n  ${understood.faults.join('\n  ')}\n`);
      return 2;
    case 'table':
      showTable(summarise(understood.shown.out), say);
      return 0;
    case 'publish':
      publish(understood.shown, say);
      return 0;
    case 'run':
      return (await runAll(understood.wanted, say)) ? 0 : 1;
  }
}

if (isMain(import.meta.url)) {
  process.stdout.on('error', () => {}); // Whoever read may have gone; the run goes on.
  try {
    process.exitCode = await main(understand(process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    process.stderr.write(`npm run experiment: ${error.message}\n`);
    process.exitCode = 2;
  }
}
