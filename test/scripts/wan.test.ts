import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { environmentOf, restartCommand, startCommand } from '../../scripts/clusterPlan.ts';
import { readConfig } from '../../scripts/config.ts';
import { chanceOf } from '../../scripts/wan/chance.ts';
import { type WanOptions, wanArgumentsOf, wanHelp, wanPlanOf } from '../../scripts/wan/wanPlan.ts';

const Arguments = suite('wan arguments');
const Planning = suite('wan plan');
const Chance = suite('wan chance');

function optionsOf(...words: string[]): WanOptions {
  const parsed = wanArgumentsOf(words);
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.ok;
}
const faultsOf = (...words: string[]): readonly string[] => {
  const parsed = wanArgumentsOf(words);
  return 'faults' in parsed ? parsed.faults : [];
};

Arguments('are the published round trips, led from the us, when there are none', () => {
  const { links, jitterMs, lossPercent, cluster } = optionsOf();
  assert.equal(links.map(({ rttMs }) => rttMs), [100, 154, 252]); // biome-ignore format: one line
  assert.equal([jitterMs, lossPercent, cluster.leader, cluster.dataDir], [2, 0.01, 8001, 'data/wan']);
});

Arguments('change some of the round trips, named from either end', () => {
  const { links, jitterMs } = optionsOf('--rtt', 'asia-eu=300,us-eu=0.5', '--jitter=0');
  assert.equal(links.map(({ rttMs }) => rttMs), [0.5, 154, 300]); // biome-ignore format: one line
  assert.is(jitterMs, 0);
});

Arguments('that are wrong are all told together, its own and those of every cluster', () => {
  const wrong = ['--leader', 'mars', '--rtt', 'us-eu=x', '--jitter', '-1', '--loss=101', '--seed='];
  assert.equal(
    faultsOf(...wrong, '--loud').map((fault) => fault.split(':')[0]),
    ['--loud', '--leader', '--rtt', '--jitter', '--loss', '--seed'],
  );
  assert.match(faultsOf('--nodes', '5').join(), 'there are three regions');
  for (const rtt of ['us-us=1', 'us-eu=1,us-eu=2', 'us-eu=2001', 'us-eu', ''])
    assert.is(faultsOf('--rtt', rtt).length, 1, rtt);
  assert.is(faultsOf('--port', '63534').length, 1, 'no room for the ports of the links');
  assert.is(faultsOf('--leader', '--fresh').length, 1);
});

Arguments('are all in the help', () => {
  for (const name of ['leader', 'rtt', 'jitter', 'loss', 'seed', 'port', 'data', 'fresh', 'memory', 'chaos', 'only'])
    assert.match(wanHelp, `--${name}`);
});

Planning('lays one cable for each pair, and the one that dials finds the other at its end', () => {
  const plan = wanPlanOf(optionsOf(), 'logs');
  assert.equal(
    plan.cables.map(({ from, to, port, target, rttMs }) => [from, to, port, target, rttMs]),
    [
      [8002, 8001, 10_001, 9001, 100],
      [8003, 8001, 10_002, 9001, 154],
      [8003, 8002, 10_003, 9002, 252],
    ],
  );
  const options = optionsOf().cluster;
  const peersOf = plan.nodes.map((node) => {
    const outcome = readConfig(environmentOf(plan, node, options, {}), () => 'a-secret-of-enough-letters');
    if ('faults' in outcome) throw new Error(JSON.stringify(outcome.faults));
    assert.is(outcome.ok.priority, node.id === 8001 ? 1 : 0);
    return outcome.ok.peers.map(({ id, port }) => `${id}:${port}`).join(' ');
  });
  assert.equal(peersOf, ['8002:9002 8003:9003', '8001:10001 8003:9003', '8001:10002 8002:10003']);
});

Planning('says how far the regions are, and the least time of a commit by who leads', () => {
  const { about } = wanPlanOf(optionsOf('--rtt=us-asia=90', '--seed', 'seven'), 'logs');
  assert.match(about.join('\n'), 'us-eu 100 ms, us-asia 90 ms, eu-asia 252 ms');
  assert.match(about.join('\n'), 'seed seven');
  assert.match(about.join('\n'), 'us 90 ms, eu 100 ms, asia 90 ms');
});

Planning('brings a node back, or all, by a command that means the same', () => {
  const words = ['--leader', 'eu', '--rtt', 'us-eu=80', '--chaos', '--port', '8101'];
  const options = optionsOf(...words);
  const plan = wanPlanOf(options, 'logs');
  const command = startCommand(options.cluster, plan.launcher);
  assert.is(command, 'npm run wan -- --port 8101 --chaos --leader eu --rtt us-eu=80');
  assert.equal(optionsOf(...command.replace('npm run wan -- ', '').split(' ')), options);
  assert.is(restartCommand(options.cluster, 8103, plan.launcher), `${command} --only 8103`);
  const alone = wanPlanOf(optionsOf(...words, '--only', '8103'), 'logs');
  assert.equal([...(alone.started[0]?.finds ?? [])], [...(plan.nodes[2]?.finds ?? [])]);
  assert.equal(alone.started.map(({ id }) => id), [8103]); // biome-ignore format: one line
});

Chance('is repeated by its seed, and spread over [0, 1)', () => {
  const [a, b, c] = ['x', 'x', 'y'].map((seed) => {
    const chance = chanceOf(seed);
    return Array.from({ length: 1000 }, chance);
  }) as [number[], number[], number[]];
  assert.equal(a, b);
  assert.is.not(a[0], c[0]);
  assert.ok(a.every((value) => value >= 0 && value < 1));
  const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
  assert.ok(mean > 0.45 && mean < 0.55, `${mean}`);
});

for (const each of [Arguments, Planning, Chance]) each.run();
