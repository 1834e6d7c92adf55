import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareFolder } from '../../scripts/clusterFolder.ts';
import {
  argumentsOf,
  type ClusterOptions,
  defaultOptions,
  environmentOf,
  planOf,
  restartCommand,
  startCommand,
} from '../../scripts/clusterPlan.ts';
import { readConfig } from '../../scripts/config.ts';

const Arguments = suite('cluster arguments');
const Planning = suite('cluster plan');
const Folder = suite('cluster folder');

function optionsOf(...words: string[]): ClusterOptions {
  const parsed = argumentsOf(words);
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.ok;
}
const faultsOf = (...words: string[]): readonly string[] => {
  const parsed = argumentsOf(words);
  return 'faults' in parsed ? parsed.faults : [];
};

Arguments('start three nodes when there are none', () => {
  assert.equal(optionsOf(), defaultOptions);
});

Arguments('come as two words or with an equals sign', () => {
  const expected = { ...defaultOptions, nodes: 5, firstPort: 8101, dataDir: '/tmp/x y', chaos: true };
  assert.equal(optionsOf('--nodes', '5', '--port', '8101', '--data', '/tmp/x y', '--chaos'), expected);
  assert.equal(optionsOf('--nodes=5', '--port=8101', '--data=/tmp/x y', '--chaos'), expected);
});

Arguments('that are wrong are all told together', () => {
  const faults = faultsOf('--nodes', '4', '--port', '80', '--loud', '--fresh=1', 'five', '--data');
  assert.equal(
    faults.map((fault) => fault.split(':')[0]),
    ['--nodes', '--port', '--loud', '--fresh=1', 'five', '--data'],
  );
  assert.match(faults[2] ?? '', '--nodes N, --port N');
});

Arguments('do not take the next option for a value', () => {
  assert.equal(faultsOf('--nodes', '--fresh'), ['--nodes: (nothing given); accepted: integer 1..7']);
});

Arguments('leave room for the peer ports', () => {
  assert.equal(faultsOf('--port', '64534').length, 1);
  assert.equal(faultsOf('--port', '64533').length, 0);
});

Arguments('start one node alone only if it is of the cluster, and never afresh', () => {
  assert.is(optionsOf('--only', '8002').only, 8002);
  assert.equal(faultsOf('--only', '8004').length, 1);
  assert.equal(faultsOf('--only', '8002', '--fresh').length, 1);
  assert.equal(faultsOf('--only', '__proto__').length, 1);
  assert.equal(faultsOf('__proto__', 'constructor').length, 2);
});

Planning('gives each node its ports and its folder', () => {
  const plan = planOf(optionsOf('--nodes', '3'), 'logs');
  const { finds, ...node } = plan.nodes[2] ?? { finds: new Map() };
  assert.equal(node, { id: 8003, port: 8003, peerPort: 9003, dataDir: join('data', '8003'), place: '' });
  assert.equal([...finds], [[8001, 9001], [8002, 9002], [8003, 9003]]); // biome-ignore format: one line
  assert.is(plan.started.length, 3);
  assert.equal(
    planOf(optionsOf('--only', '8002'), 'logs').started.map(({ id }) => id),
    [8002],
  );
});

Planning('gives each node an environment that is a valid configuration', () => {
  const options = optionsOf('--memory', '--chaos', '--port', '8101');
  const plan = planOf(options, 'elsewhere');
  const stray = {
    PORT: '3000',
    HOST: 'workstation',
    PEERS: 'x',
    CLUSTER_SECRET: 'y',
    HEARTBEAT_MS: '40',
    PATH: '/bin',
  };
  for (const node of plan.nodes) {
    const env = environmentOf(plan, node, options, stray);
    const outcome = readConfig(env, () => 'a-secret-of-enough-letters');
    if ('faults' in outcome) throw new Error(JSON.stringify(outcome.faults));
    assert.is(outcome.ok.nodeId, node.id);
    assert.is(outcome.ok.port, node.port);
    assert.is(outcome.ok.host, '127.0.0.1');
    assert.is(outcome.ok.peerPort, node.peerPort);
    assert.equal(outcome.ok.voters, [8101, 8102, 8103]);
    assert.is(outcome.ok.timing.heartbeatMs, 40);
    assert.is(outcome.ok.logDir, 'elsewhere');
    assert.is(outcome.ok.nodeUrls.get(8102), 'http://127.0.0.1:8102');
    assert.ok(outcome.ok.memory && outcome.ok.chaos);
    assert.is(env.PATH, '/bin');
  }
});

Planning('gives the one that is to lead a higher priority than the others, whatever the environment says', () => {
  const prioritiesOf = (...words: string[]): number[] => {
    const options = optionsOf(...words);
    const plan = planOf(options, 'logs');
    return plan.nodes.map((node) => {
      const env = environmentOf(plan, node, options, { NODE_PRIORITY: '7' });
      const outcome = readConfig(env, () => 'a-secret-of-enough-letters');
      return 'ok' in outcome ? outcome.ok.priority : Number.NaN;
    });
  };
  assert.equal(prioritiesOf(), [0, 0, 0]);
  assert.equal(prioritiesOf('--leader', '8002'), [0, 1, 0]);
  assert.equal(faultsOf('--leader', '8004').length, 1);
  assert.is(restartCommand(optionsOf('--leader=8002'), 8001), 'npm start -- --leader 8002 --only 8001');
});

Planning('brings a node back by a command that means the same cluster', () => {
  assert.is(restartCommand(defaultOptions, 8002), 'npm start -- --only 8002');
  assert.is(startCommand(defaultOptions), 'npm start');
  const options = optionsOf('--nodes', '5', '--port', '8101', '--data', 'my data', '--memory', '--chaos', '--fresh');
  const command = restartCommand(options, 8103);
  assert.is(command, "npm start -- --nodes 5 --port 8101 --data 'my data' --memory --chaos --only 8103");
  const words = command.replace('npm start -- ', '').replace("'my data'", 'my_data').split(' ');
  const again = optionsOf(...words.map((word) => word.replace('my_data', 'my data')));
  assert.equal(again, { ...options, fresh: false, only: 8103 });
});

function aFolder(...words: string[]): {
  options: ClusterOptions;
  prepare: (...more: string[]) => string;
  data: string;
} {
  const data = join(mkdtempSync(join(tmpdir(), 'cluster-')), 'data');
  const options = optionsOf('--data', data, ...words);
  const prepare = (...more: string[]): string => {
    const again = optionsOf('--data', data, ...more);
    const outcome = prepareFolder(planOf(again, 'logs'), again);
    return outcome.kind === 'ready' ? `ready: ${outcome.said.join()}` : `refused: ${outcome.reason}`;
  };
  return { options, prepare, data };
}
const nodeFolder = (data: string, id: number, ...files: string[]): void => {
  mkdirSync(join(data, `${id}`), { recursive: true });
  for (const file of files) writeFileSync(join(data, `${id}`, file), '');
};

Folder('gets one secret, readable by its owner only, that stays', () => {
  const { prepare, data } = aFolder();
  assert.is(prepare(), 'ready: ');
  const path = join(data, 'cluster-secret');
  const secret = readFileSync(path, 'utf8');
  assert.ok(secret.trim().length >= 32);
  assert.is(statSync(path).mode & 0o777, 0o600);
  prepare();
  assert.is(readFileSync(path, 'utf8'), secret);
});

Folder('is emptied by --fresh, which says what it removes', () => {
  const { prepare, data } = aFolder();
  prepare();
  nodeFolder(data, 8001, 'identity');
  nodeFolder(data, 8002, 'identity');
  assert.match(prepare('--fresh'), `removed ${join(data, '8001')}, ${join(data, '8002')}`);
  assert.not.ok(existsSync(join(data, '8001')));
  assert.is(prepare('--fresh'), 'ready: nothing to remove');
});

Folder('loses nothing that is not of a node', () => {
  const { prepare, data } = aFolder();
  prepare();
  nodeFolder(data, 8001, 'identity');
  nodeFolder(data, 8002, 'thesis.doc');
  assert.match(prepare('--fresh'), /^refused: .*8002 holds thesis\.doc/);
  assert.equal(readdirSync(join(data, '8001')), ['identity']);
});

Folder('keeps a log on disk from a start with --memory', () => {
  const { prepare, data } = aFolder();
  prepare();
  nodeFolder(data, 8001, 'identity');
  assert.match(prepare('--memory'), /^refused: .*--fresh/);
  assert.ok(existsSync(join(data, '8001')));
  assert.match(prepare('--memory', '--fresh'), /^ready: removed/);
});

Folder('starts afresh when the log was in memory', () => {
  const { prepare, data } = aFolder();
  prepare('--memory');
  nodeFolder(data, 8001, 'identity');
  assert.match(prepare('--memory'), /^ready: removed .*the log was in memory only/);
  nodeFolder(data, 8001, 'identity');
  assert.match(prepare(), /^ready: removed .*the log was in memory only/);
  nodeFolder(data, 8001, 'identity');
  assert.is(prepare(), 'ready: ');
});

Folder('keeps the set of nodes', () => {
  const { prepare, data } = aFolder();
  prepare();
  nodeFolder(data, 8001, 'identity');
  assert.match(prepare('--nodes', '5'), /^refused: .*holds a cluster of nodes 8001, 8002, 8003/);
  assert.match(prepare('--nodes', '5', '--fresh'), /^ready/);
});

Folder('takes one node alone only into its own cluster', () => {
  const { prepare } = aFolder();
  assert.match(prepare('--only', '8002'), /^refused: .*npm start/);
  prepare();
  assert.is(prepare('--only', '8002'), 'ready: ');
  assert.match(prepare('--only', '8002', '--memory'), /^refused/);
  assert.match(prepare('--only', '8002', '--nodes', '5'), /^refused/);
});

for (const each of [Arguments, Planning, Folder]) each.run();
