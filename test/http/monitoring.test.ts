/** Dashboard, alerts and metrics fit each other: what is asked for is told, and what is told is shown. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EventLoop } from '../../http/eventLoop.ts';
import { counterHelps } from '../../http/metrics.ts';
import { type ParsedFamily, parseExposition } from '../support/expositionParser.ts';
import { inWorld } from '../support/httpWorld.ts';
import {
  alertNames,
  dashboard,
  familyOf,
  monitoringFolder,
  monitoringText,
  queries,
  seriesIn,
} from '../support/monitoring.ts';
import { needs } from '../support/needs.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a node tells that has been asked for something. */
const inExposition = (use: (text: string, families: Map<string, ParsedFamily>) => void): (() => Promise<void>) =>
  inWorld(async ({ node, url }) => {
    node.metricsPatch = { counters: {} };
    await fetch(url, { method: 'POST', body: 'one' });
    const text = await (await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } })).text();
    use(text, parseExposition(text, false));
  });

// -------------------------------------------------------------------------------------------------------- metrics

const Metrics = suite('metrics for the dashboard');

Metrics(
  'are there for every panel, every variable, every annotation and every alert',
  inExposition((_, families) => {
    const asked = [monitoringText('grafana.json'), monitoringText('alerts.yml')].flatMap(seriesIn).map(familyOf);
    assert.ok(asked.length > 40, `${asked.length} metrics are asked for`);
    for (const name of asked) assert.ok(families.has(name), `no node tells ${name}`);
  }),
);

/** Shown nowhere, and why. */
const notShown: Readonly<Record<string, string>> = {
  dlog_http_ticks_skipped_total: 'each page tells how many it missed',
  dlog_priority: 'a setting, which does not change while a node runs',
  dlog_node_id: 'the label node of dlog_build_info tells it too, and is shown',
};

Metrics(
  'are all shown in a panel, or it is said why not',
  inExposition((_, families) => {
    const shown = new Set(queries.flatMap(({ expr }) => seriesIn(expr)).map(familyOf));
    for (const name of families.keys()) {
      assert.is(shown.has(name), !Object.hasOwn(notShown, name), `${name} is shown nowhere, or not left out any more`);
    }
  }),
);
Metrics(
  'are listed in the page about monitoring, in the words that nodes use',
  inExposition((_, families) => {
    const rows = [...families.values()].map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`);
    const table = ['| metric | type | what it tells |', '| --- | --- | --- |', ...rows.sort()].join('\n');
    const [, listed = ''] = /<!-- metrics -->\n([\s\S]*?)\n<!-- \/metrics -->/.exec(monitoringText('README.md')) ?? [];
    assert.is(listed, table);
  }),
);
Metrics('begin at 0 for everything that a node counts', () => {
  const source = readFileSync(`${root}actors/metrics.ts`, 'utf8');
  const counted = [...source.matchAll(/#count\('(\w+)'/g)].map(([, name]) => name);
  assert.equal(Object.keys(counterHelps).sort(), [...new Set(counted)].sort());
});
Metrics('show a blocked event loop', async () => {
  const loop = new EventLoop();
  loop.watch();
  const beganAt = performance.now();
  while (performance.now() - beganAt < 150);
  while (loop.lag.read().sumSeconds === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  loop.stop();
  const { boundsSeconds, counts } = loop.lag.read();
  const within = (seconds: number): number => counts[boundsSeconds.indexOf(seconds)] as number;
  assert.ok(within(Number.POSITIVE_INFINITY) > within(0.1), 'one timer came more than 100 ms late');
  assert.ok(loop.busySeconds() > 0.15);
});
Metrics.run();

// ------------------------------------------------------------------------------------------------------ dashboard

const Board = suite('dashboard');

Board('is what its source makes', () => {
  const { stdout } = spawnSync(process.execPath, [`${monitoringFolder}dashboard.mjs`], { encoding: 'utf8' });
  assert.equal(dashboard, JSON.parse(stdout));
});
Board(
  'can be imported into any Grafana: no fixed uid, the reader chooses the Prometheus, the cluster, the nodes',
  () => {
    const uids = [...monitoringText('grafana.json').matchAll(/"uid": ("[^"]*"|\w+)/g)].map(([, uid]) => uid);
    assert.equal([...new Set(uids)], ['"$datasource"']);
    const variables = dashboard.templating.list.map(({ type, name }) => `${type} ${name}`);
    assert.equal(variables, ['datasource datasource', 'query cluster', 'query instance']);
    assert.is((dashboard as { id?: unknown }).id, null);
  },
);
Board('asks only for what was chosen', () => {
  const all = [...queries, ...dashboard.annotations.list];
  for (const { expr } of all) {
    const selectors = expr.match(/\b(?:dlog|process|up)(?:_\w+)?\{/g) ?? [];
    assert.ok(selectors.length > 0, expr);
    assert.is(expr.split('{cluster=~"$cluster",instance=~"$instance"').length - 1, selectors.length, expr);
    assert.is(seriesIn(expr).every((name) => expr.includes(`${name}{`)), true, expr); // biome-ignore format: one line
  }
});
Board('has ids that are unique, titles that differ, and panels that do not overlap', () => {
  const { panels } = dashboard;
  for (const values of [panels.map(({ id }) => `${id}`), panels.map(({ title }) => title)]) {
    assert.is(new Set(values).size, panels.length);
  }
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.not(taken.has(`${x} ${y}`), `${title} covers ${taken.get(`${x} ${y}`)}`);
        taken.set(`${x} ${y}`, title);
      }
    }
  }
});
Board('has no two queries that are the same, and a word about every panel', () => {
  const seen = new Map<string, string>();
  for (const { panel, expr } of queries) {
    assert.not(seen.has(expr), `${panel} shows what ${seen.get(expr)} shows: ${expr}`);
    seen.set(expr, panel);
  }
  for (const { type, title, description = '', targets = [] } of dashboard.panels) {
    assert.is(description !== '' && targets.length > 0, type !== 'row', title);
  }
});
Board.run();

// --------------------------------------------------------------------------------------------------------- alerts

const Alerts = suite('alerts');

Alerts('are all explained in the page about monitoring, with what to do', () => {
  const rows = [...monitoringText('README.md').matchAll(/^\| `([A-Z]\w+)` \| (.+) \| (.+) \|$/gm)];
  assert.equal(rows.map(([, name]) => name).sort(), [...alertNames].sort());
});
Alerts('have a case in which they must fire', () => {
  const cases = readFileSync(`${root}test/http/monitoring.alerts.yml`, 'utf8');
  const fired = [...cases.matchAll(/alertname: (\w+)\n +eval_time: .+\n +exp_alerts:\n/g)].map(([, name]) => name);
  assert.equal([...new Set(fired)].sort(), [...alertNames].sort());
});
Alerts.run();

// ------------------------------------------------------------------------------------------------------- promtool

const Promtool = suite('promtool');
const withPromtool = needs('promtool') ? Promtool : Promtool.skip;

function promtool(args: readonly string[], input?: string): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', cwd: monitoringFolder, input });
  assert.is(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`);
  assert.is(stderr, '', args.join(' '));
}

withPromtool(
  'finds nothing wrong with names, types and words of the metrics',
  inExposition((text) => promtool(['check', 'metrics'], text)),
);
withPromtool('takes the example configuration and the alerts', () => promtool(['check', 'config', 'prometheus.yml']));
withPromtool('sees every alert fire where it must, and only there', () =>
  promtool(['test', 'rules', `${root}test/http/monitoring.alerts.yml`]),
);
Promtool.run();
