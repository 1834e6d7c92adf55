/** A real Prometheus scrapes a real cluster while nodes and links fail: every panel has data, and alerts are raised. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseExposition } from '../support/expositionParser.ts';
import { startLoad } from '../support/loadClient.ts';
import { alertNames, dashboard, monitoringText, type Query, queries } from '../support/monitoring.ts';
import { needs } from '../support/needs.ts';
import {
  freePort,
  pause,
  type RealCluster,
  tell,
  until,
  untilTrue,
  withRunningCluster,
} from '../support/realCluster.ts';

type Labels = Readonly<Record<string, string>>;
interface Series {
  readonly metric: Labels;
  readonly values: readonly number[];
}
interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}
/** [time, number as text] */
type Point = readonly [number, string];

interface Alert {
  readonly labels: Labels;
  readonly state: 'pending' | 'firing';
}

class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #ended: Promise<void>;
  said = '';

  private constructor(folder: string, port: number) {
    this.#url = `http://127.0.0.1:${port}/api/v1/`;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    this.#child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.#ended = new Promise((resolve) => this.#child.on('close', () => resolve()));
    process.on('exit', () => this.#child.kill('SIGKILL'));
  }

  /** With the project's own files, but for ports and patience. */
  static async of({ folder, nodes }: RealCluster): Promise<Prometheus> {
    const own = join(folder, 'prometheus');
    mkdirSync(own);
    let config = monitoringText('prometheus.yml').replaceAll(': 5s', ': 1s');
    for (const { id, port } of nodes) config = config.replace(`127.0.0.1:${8000 + id}`, `127.0.0.1:${port}`);
    writeFileSync(join(own, 'prometheus.yml'), config);
    writeFileSync(join(own, 'alerts.yml'), monitoringText('alerts.yml').replaceAll(/for: \d+\w/g, 'for: 2s'));
    const prometheus = new Prometheus(own, await freePort());
    await until('Prometheus to answer', () => prometheus.ask('rules').then(Boolean, () => undefined), 60_000, 50);
    return prometheus;
  }

  async ask<T>(path: string, parameters: Labels = {}): Promise<T> {
    const answer = await fetch(`${this.#url}${path}?${new URLSearchParams(parameters)}`);
    const { status, error, data } = (await answer.json()) as Answer<T>;
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  async now(query: string): Promise<Series[]> {
    const { result } = await this.ask<{ result: { metric: Labels; value: Point }[] }>('query', { query });
    return result.map(({ metric, value }) => ({ metric, values: [Number(value[1])] }));
  }

  async since(query: string, begin: number): Promise<Series[]> {
    const { result } = await this.ask<{ result: { metric: Labels; values: Point[] }[] }>('query_range', {
      query,
      start: `${begin}`,
      end: `${Date.now() / 1000}`,
      step: '1',
    });
    return result.map(({ metric, values }) => ({ metric, values: values.map(([, value]) => Number(value)) }));
  }

  async alerts(name: string): Promise<Alert[]> {
    const { alerts } = await this.ask<{ alerts: Alert[] }>('alerts');
    return alerts.filter(({ labels }) => labels.alertname === name);
  }

  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#ended;
    clearTimeout(late);
  }
}

/** What Grafana puts in the place of variables; but a rate is of so long that some scrapes may come too late for it. */
const substituted = (expr: string): string =>
  expr.replaceAll('$cluster', 'local').replaceAll('$instance', '127.0.0.1:.+').replaceAll('$__rate_interval', '10s');

/** Clients that do all kinds of things, also wrong ones, until they are told to stop. */
function startVisits(cluster: RealCluster): () => Promise<void> {
  let stopping = false;
  const visit = async (): Promise<void> => {
    while (!stopping) {
      for (const node of cluster.nodes) {
        for (const path of ['/messages?limit=1', '/health', '/leader', '/nowhere', '/messages/x']) {
          await node.call(path, { withinMs: 2_000 }).catch(() => undefined);
        }
      }
      await pause(50);
    }
  };
  const visits = visit();
  return () => {
    stopping = true;
    return visits;
  };
}

const Monitoring = suite('monitoring');
const withPrometheus = needs('prometheus') ? Monitoring : Monitoring.skip;

/** The series that a query of the dashboard has now, or has had; at least one, and none without a number. */
async function dataNow(prometheus: Prometheus, { panel, expr, instant }: Query, begin: number): Promise<Series[]> {
  const query = substituted(expr);
  const found = await (instant ? prometheus.now(query) : prometheus.since(query, begin));
  assert.ok(found.length > 0, `${panel} is empty: ${query}`);
  for (const { metric, values } of found) {
    assert.ok(values.some(Number.isFinite), `${panel} has no number for ${JSON.stringify(metric)}: ${query}`);
  }
  return found;
}

/** The same, asked again for a while: a scrape of a busy node may have come to nothing just now. */
async function dataOf(prometheus: Prometheus, query: Query, begin: number): Promise<Series[]> {
  for (const deadline = performance.now() + 30_000; ; await pause(500)) {
    try {
      return await dataNow(prometheus, query, begin);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** The names of what a legend has in its braces, filled in: they must be there, or lines cannot be told apart. */
function legendsOf(legend: string, found: readonly Series[]): string[] {
  return found.map(({ metric }) =>
    legend.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      assert.ok(Object.hasOwn(metric, name), `${legend}: no label ${name} in ${JSON.stringify(metric)}`);
      return metric[name] as string;
    }),
  );
}

withPrometheus('has data for every panel, raises alerts while nodes and links are down, and lets them go', async () => {
  await withRunningCluster({ cables: true }, async (cluster) => {
    const begin = Date.now() / 1000;
    const [node1, node2, node3] = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) as [string, string, string];
    const prometheus = await Prometheus.of(cluster);
    const load = startLoad({ targets: cluster.targets, connections: 4, thinkMs: 5 });
    const stopVisits = startVisits(cluster);
    /** Until just these alerts of a name are there. */
    const alerted = (name: string, wanted: readonly string[], state: string): Promise<void> =>
      untilTrue(`${name} ${state} for ${wanted}`, async () => {
        const alerts = (await prometheus.alerts(name)).filter((alert) => state === 'any' || alert.state === state);
        const of = alerts.map(({ labels }) => [labels.instance, labels.peer].filter(Boolean).join(' '));
        return JSON.stringify(of.sort()) === JSON.stringify([...wanted].sort());
      }, 60_000); // biome-ignore format: one line
    try {
      await load.progress(500);
      await untilTrue('all to be scraped', async () => {
        return (await prometheus.now('dlog_build_info')).length === 3;
      });

      // The leader dies.
      await cluster.kill(3);
      await alerted('NodeDown', [node3], 'firing');
      const links = (await prometheus.alerts('LinkDown')).filter(({ labels }) => labels.peer === '3');
      assert.equal(links, [], 'a dead node is told once');
      await load.progress(200);
      // Whoever was first, the best of those left takes over in the end; and it must be seen before 3 comes back.
      await untilTrue('2 to be seen leading', async () => {
        const leading = await prometheus.now('dlog_is_leader == 1');
        return leading.some(({ metric }) => metric.instance === node2);
      }, 90_000); // biome-ignore format: one line
      cluster.start(3);
      await cluster.ready(3);
      await cluster.leads(3);
      await alerted('NodeDown', [], 'any');

      // A cable breaks between two that run.
      const lift = cluster.trouble({ cut: true }, 1, 2);
      await alerted('LinkDown', [`${node1} 2`, `${node2} 1`], 'firing');
      lift();
      await alerted('LinkDown', [], 'any');
      await load.progress(500);

      const data = new Map<string, Series[]>();
      for (const query of queries) {
        const found = await dataOf(prometheus, query, begin);
        const legends = legendsOf(query.legend, found);
        assert.is(new Set(legends).size, legends.length, `${query.panel} has two lines named alike: ${legends}`);
        data.set(query.panel, [...(data.get(query.panel) ?? []), ...found]);
      }
      const lanes = (title: string): number | undefined => data.get(title)?.length;

      assert.is(lanes('Who leads'), 3);
      const whoLed = data.get('Who leads')?.filter(({ values }) => values.includes(2));
      for (const node of [node2, node3])
        assert.ok(
          whoLed?.some(({ metric }) => metric.instance === node),
          node,
        );
      assert.is(lanes('Links'), 6);
      assert.ok(
        data.get('Links')?.some(({ values }) => values.includes(0)),
        'a link was down',
      );
      assert.is(lanes('Round trips'), 6);
      for (const [title, value] of Object.entries({
        'Nodes up': 3,
        'Nodes serving': 3,
        Leader: 3,
        Leaders: 1,
        'Failures survived': 1,
        'Causality violations': 0,
        'Cannot vote': 0,
      })) {
        const { expr } = queries.find(({ panel }) => panel === title) as Query;
        await untilTrue(`${title} to be ${value}`, async () => {
          return (await prometheus.now(substituted(expr)))[0]?.values[0] === value;
        });
      }
      assert.ok(Number(data.get('Messages held')?.[0]?.values[0]) >= 1_200);

      for (const { name, expr, titleFormat } of dashboard.annotations.list) {
        const marks = await prometheus.since(substituted(expr), begin);
        const titles = legendsOf(titleFormat, marks);
        for (const node of [node2, node3]) assert.ok(titles.includes(`${node} leads`), `${name}: ${titles}`);
      }
      for (const { definition, name } of dashboard.templating.list) {
        const [, match = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition ?? '') ?? [];
        if (definition === undefined) continue;
        const values = await prometheus.ask<string[]>(`label/${label}/values`, { 'match[]': substituted(match) });
        assert.equal(values.sort(), name === 'cluster' ? ['local'] : [node1, node2, node3].sort(), name);
      }

      const { groups } = await prometheus.ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
      const rules = groups.flatMap((group) => group.rules);
      assert.equal(rules.map(({ name, health }) => `${name} ${health}`), alertNames.map((name) => `${name} ok`)); // biome-ignore format: one line
      for (const name of ['SplitBrain', 'CausalityViolation', 'NodeCannotVote']) {
        assert.equal(await prometheus.now(`ALERTS{alertname="${name}"}`), [], name);
      }
      tell(`${queries.length} queries of ${data.size} panels, ${alertNames.length} alerts: all have data`);
    } catch (error) {
      process.stderr.write(`\n${prometheus.said.slice(-4_000)}\n`);
      throw error;
    } finally {
      await Promise.all([load.stop(), stopVisits()]);
      await prometheus.end();
    }
  });
});

Monitoring('knows every metric that real nodes tell', async () => {
  await withRunningCluster({}, async (cluster) => {
    const listed = [...monitoringText('README.md').matchAll(/^\| `((?:dlog|process)_\w+)` \|/gm)].map(
      ([, name]) => name,
    );
    await cluster.node(1).post('one');
    for (const node of cluster.nodes) {
      const { body } = await node.call('/metrics', { headers: { accept: 'text/plain' } });
      assert.equal([...parseExposition(body.toString(), false).keys()].sort(), listed.sort());
    }
  });
});
Monitoring.run();
