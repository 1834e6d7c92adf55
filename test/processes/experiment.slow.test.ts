import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clusterAt, nodeOf } from '../../scripts/experiment/cluster.ts';
import { experimentNames, type Run, type Summary } from '../../scripts/experiment/results.ts';
import { aCluster, freePort, run } from '../support/clusterScript.ts';

const Experiments = suite('experiments');

const script = fileURLToPath(new URL('../../scripts/experiment.js', import.meta.url));
const folder = (): string => mkdtempSync(join(tmpdir(), 'experiment-'));
/** As little as shows each promise, also where a node waits for a busy machine for a second or two. */
const small = '--messages 30 --rounds 2 --samples 3 --every 200 --apart 5000 --down 200 --conversations 8'.split(' ');

Experiments('all run on a cluster that they start, and what is promised holds', async () => {
  const out = folder();
  const told = run(script, ['all', '--port', `${await freePort()}`, '--out', out, ...small], {});
  const code = await told.ends(300_000);
  assert.is(code, 0, told.text());
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Summary;
  for (const name of experimentNames) {
    const found = summary.runs.local?.[name];
    assert.is(found?.held, true, name);
    assert.ok((found?.promises.length ?? 0) > 0, name);
    assert.ok(Object.keys(found?.pictures ?? {}).length > 0, name);
    const kept = JSON.parse(readFileSync(join(out, found?.file ?? ''), 'utf8')) as Run;
    assert.is(kept.cluster.own, true);
  }
  const { local = {} } = summary.runs;
  assert.is(local.concurrency?.figures.acknowledged, 30);
  assert.is(local['leader-failure']?.figures.recoveredMs.count, 2);
  assert.is(local.latency?.figures.pairs.length, 6);
  assert.is(local.partition?.figures.minority.length, 1);
  assert.is(local.causality?.figures.dependentFound, 8 * 8);
  assert.match(told.text(), /^\| leader killed: until a write is acknowledged again \| 8 s \| [\d.]+ s \|$/m);
  assert.is(readdirSync(out).filter((name) => name.endsWith('.png')).length, 8);
});

Experiments('leave a cluster that ran before as they found it, also when they are interrupted', async () => {
  const { cluster, port } = await aCluster('--chaos');
  await cluster.says(/ready in/);
  const urls = [0, 1, 2].map((offset) => `http://127.0.0.1:${port + offset}`);
  const told = run(script, ['partition', '--urls', urls.join(), '--apart', '60000', '--out', folder()], {});
  await told.says(/apart for/);
  told.child.kill('SIGINT');
  assert.is(await told.ends(), 130, told.text());
  await cluster.says(/is mended/);

  const found = await clusterAt(urls, 'local');
  const written = await nodeOf(found, port + 2).write('after it', { timeoutMs: 20_000 });
  await found.end();
  assert.is(written.outcome, 'acknowledged');
  cluster.child.kill('SIGTERM');
  assert.is(await cluster.ends(), 0);
});

Experiments('with faults are refused by a cluster without chaos', async () => {
  const { cluster, port } = await aCluster();
  await cluster.says(/ready in/);
  const urls = [0, 1, 2].map((offset) => `http://127.0.0.1:${port + offset}`).join();
  const told = run(script, ['leader-failure', '--urls', urls, '--out', folder()], {});
  assert.is(await told.ends(), 2);
  assert.match(
    told.text(),
    'chaos is off, or this machine may not order it. Start the cluster with npm start -- --chaos',
  );
  cluster.child.kill('SIGTERM');
  assert.is(await cluster.ends(), 0);
});

Experiments.run();
