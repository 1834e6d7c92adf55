/** What a node says on stdout where Google Cloud Logging reads it. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort, run } from '../support/clusterScript.ts';
import { call } from '../support/realCluster.ts';

const Cloud = suite('log lines for the cloud');

const serveScript = fileURLToPath(new URL('../../scripts/serve.js', import.meta.url));
const secrets = { CLUSTER_SECRET: 'never-in-any-log-line-1', API_TOKEN: 'never-in-any-log-line-2' };

type Line = Readonly<Record<string, unknown>>;
const linesIn = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

Cloud('have severity, message and time, each, from the first to the last; and no secret, at any level', async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'cloud-log-'));
  const node = run(serveScript, [], {
    ...secrets,
    NODE_ID: `${port}`,
    PEERS: `${port}@127.0.0.1:${port + 1000}`,
    DATA_DIR: join(folder, 'data'),
    LOG_DIR: join(folder, 'logs'),
    LOG_LEVEL: 'debug',
    LOG_FORMAT: 'gcp',
  });
  await node.says(/"event":"leader_elected"/);
  const write = (token: string): ReturnType<typeof call> =>
    call(port, '/', { body: '{"message":"hello"}', headers: { Authorization: `Bearer ${token}` } });
  assert.is((await write(secrets.API_TOKEN)).status, 200);
  assert.is((await write(`${secrets.API_TOKEN}-not`)).status, 401);
  node.child.kill('SIGTERM');
  assert.is(await node.ends(), 0);

  const lines = linesIn(node.text());
  for (const line of lines) {
    assert.match(String(line.severity), /^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$/, JSON.stringify(line));
    assert.type(line.message, 'string');
    assert.ok(!Number.isNaN(Date.parse(String(line.time))));
  }
  assert.is(lines[0]?.event, 'node_starting');
  assert.is(lines.at(-1)?.event, 'node_stopped');
  assert.ok(lines.some(({ severity }) => severity === 'DEBUG'));
  const kept = readFileSync(join(folder, 'logs', `node_${port}.log`), 'utf8');
  for (const secret of Object.values(secrets)) assert.not.ok((node.text() + kept).includes(secret));
});

Cloud('tell of a bad configuration in the same way', async () => {
  const node = run(serveScript, [], { ...secrets, NODE_ID: 'x', LOG_FORMAT: 'gcp' });
  assert.is(await node.ends(), 2);
  const [line] = linesIn(node.text());
  assert.is(line?.severity, 'CRITICAL');
  assert.is(line?.event, 'config_refused');
  for (const secret of Object.values(secrets)) assert.not.ok(node.text().includes(secret));
});

Cloud.run();
