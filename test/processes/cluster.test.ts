import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareFolder } from '../../scripts/clusterFolder.ts';
import { defaultOptions, planOf } from '../../scripts/clusterPlan.ts';
import { aCluster, freePort, run, clusterScript as script } from '../support/clusterScript.ts';
import { call, until } from '../support/realCluster.ts';

const Cluster = suite('cluster process');

const serveScript = fileURLToPath(new URL('../../scripts/serve.js', import.meta.url));

Cluster('starts, says who leads, and stops on Ctrl-C with exit code 0', async () => {
  const { cluster, port, args, env } = await aCluster();
  await cluster.says(/ready in \d+\.\d+ s/);
  const { status } = await fetch(`http://127.0.0.1:${port + 2}/health`);
  assert.is(status, 200);

  const second = run(script, args, env);
  assert.is(await second.ends(), 1);
  assert.match(second.text(), `port ${port} (clients of node ${port}) is taken: a node ${port} runs there already`);

  cluster.child.kill('SIGINT');
  cluster.child.kill('SIGINT'); // npm passes it on a second time.
  assert.is(await cluster.ends(), 0);
  assert.match(cluster.text(), /stopped in \d+\.\d+ s/);
  const lines = readFileSync(join(env.LOG_DIR ?? '', `node_${port}.log`), 'utf8')
    .trim()
    .split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  assert.is(last.event, 'node_stopped');
  assert.is(last.node_id, port);
});

Cluster('tells of a node that ended, and its command brings it back', async () => {
  const { cluster, port, env } = await aCluster('--chaos');
  await cluster.says(/ready in/);
  const victim = port + 1;
  await fetch(`http://127.0.0.1:${victim}/kill`, { method: 'POST' }).catch(() => undefined);
  await cluster.says(new RegExp(`${victim} ended.*: killed by SIGKILL`));
  const [, command = ''] = await cluster.says(/bring it back, in another terminal: {2}npm start -- (.*?) {2}/);
  assert.ok(command.endsWith(`--only ${victim}`), command);

  const back = run(script, command.split(' '), env);
  await back.says(/ready in/);
  await cluster.says(new RegExp(`${victim} is back`));

  back.child.kill('SIGTERM');
  assert.is(await back.ends(), 0);
  cluster.child.kill('SIGTERM');
  assert.is(await cluster.ends(), 0);
});

Cluster('tells what a node that was started alone waits for, and which commands help', async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  const args = ['--port', `${port}`, '--data', join(folder, 'data')];
  const env = { LOG_DIR: join(folder, 'logs') };
  // They were to be started once, and have never met.
  prepareFolder(planOf({ ...defaultOptions, firstPort: port, dataDir: join(folder, 'data') }, ''), defaultOptions);
  const alone = run(script, [...args, '--only', `${port + 1}`], env);
  await alone.says(new RegExp(`${port + 1} waits for the others: .* and ${port}, ${port + 2} do not run`));
  // While it still reads its log it cannot say that it belongs to no cluster.
  const health = await until('a hint', async () => {
    const { json } = await call(port + 1, '/health');
    return json.hint === undefined ? undefined : json;
  });
  assert.is(health.reason, 'no_leader');
  assert.match(String(health.hint), `once all of ${port}, ${port + 1}, ${port + 2} have met`);
  const [, commands = ''] = await alone.says(/start them, in another terminal: {2}(.*)\n/);
  await alone.says(/or stop this one, and start all: {2}npm start -- --port \d+ --data \S+\n/);

  const others = commands.split('    ').map((command) => run(script, command.split(' ').slice(3), env));
  for (const told of [alone, ...others]) await told.says(/ready in/);
  for (const told of [alone, ...others]) {
    told.child.kill('SIGTERM');
    assert.is(await told.ends(), 0);
  }
});

Cluster('takes its nodes along when it is killed', async () => {
  const { cluster, port } = await aCluster();
  await cluster.says(/ready in/);
  cluster.child.kill('SIGKILL');
  await cluster.ends();
  const deadline = Date.now() + 40_000;
  const answers = (id: number): Promise<boolean> =>
    fetch(`http://127.0.0.1:${id}/health`).then(
      () => true,
      () => false,
    );
  for (const id of [port, port + 1, port + 2]) {
    while (await answers(id)) {
      assert.ok(Date.now() < deadline, `node ${id} outlives the cluster`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});

Cluster('tells all faults of a node that is configured by hand', async () => {
  const node = run(serveScript, [], { NODE_ID: '8001', PORT: 'x', PEERS: '8001@10.0.0.1:9001', SUSPECT_MS: '20' });
  assert.is(await node.ends(), 2);
  assert.match(node.text(), /PORT: x; accepted: integer 1\.\.65535/);
  assert.match(node.text(), /CLUSTER_SECRET: \(not set\)/);
  assert.match(node.text(), /SUSPECT_MS: 20; accepted: at least 3/);
  assert.match(node.text(), '"event":"config_refused"');
});

Cluster('says which port is taken when a node cannot start', async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'node-'));
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
  const node = run(serveScript, [], {
    NODE_ID: `${port}`,
    PEERS: `${port}@127.0.0.1:${port + 1000}`,
    DATA_DIR: join(folder, 'data'),
    LOG_DIR: join(folder, 'logs'),
  });
  assert.is(await node.ends(), 1);
  holder.close();
  assert.match(node.text(), `port ${port} on 127.0.0.1 is taken`);
  assert.match(node.text(), '"event":"client_port_refused"');
});

Cluster.run();
