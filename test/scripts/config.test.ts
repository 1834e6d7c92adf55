import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configTable, variables } from '../../scripts/config/variables.ts';
import {
  type Config,
  type ConfigFault,
  type Environment,
  faultLines,
  logFormatOf,
  readConfig,
} from '../../scripts/config.ts';

const Reading = suite('config');

const three = '8001@127.0.0.1:9001,8002@127.0.0.1:9002,8003@127.0.0.1:9003';
const secret = 'correct-horse-battery';

function configOf(env: Environment, files: Readonly<Record<string, string>> = {}): Config {
  const outcome = readConfig({ NODE_ID: '8001', PEERS: three, ...env }, readFrom(files));
  if ('faults' in outcome) throw new Error(faultLines(outcome.faults).join('\n'));
  return outcome.ok;
}
function faultsOf(env: Environment, files: Readonly<Record<string, string>> = {}): readonly ConfigFault[] {
  const outcome = readConfig({ NODE_ID: '8001', PEERS: three, ...env }, readFrom(files));
  return 'faults' in outcome ? outcome.faults : [];
}
const faulty = (env: Environment, files: Readonly<Record<string, string>> = {}): string[] =>
  faultsOf(env, files).map(({ variable }) => variable);
const readFrom =
  (files: Readonly<Record<string, string>>) =>
  (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`no such file: ${path}`);
    return text;
  };

Reading('needs no more than an id and the peers', () => {
  const config = configOf({});
  assert.is(config.nodeId, 8001);
  assert.is(config.port, 8001);
  assert.is(config.peerPort, 9001);
  assert.is(config.host, '127.0.0.1');
  assert.is(config.peerHost, '127.0.0.1');
  assert.equal(config.voters, [8001, 8002, 8003]);
  assert.equal(
    config.peers.map(({ id }) => id),
    [8002, 8003],
  );
  assert.is(config.dataDir, 'data/8001');
  assert.is(config.dataMarker, null);
  assert.is(config.logDir, 'logs');
  assert.is(config.clusterSecret, null);
  assert.is(config.apiToken, null);
  assert.is(config.segmentBytes, 32 * 1024 * 1024);
  assert.equal(config.timing, { heartbeatMs: 50, suspectMs: 250, staggerMs: 40, handoverMs: 300, stableMs: 2000 });
});

Reading('takes the peers with and without the node itself', () => {
  const without = configOf({ PEERS: '8003@127.0.0.1:9003, 8002@127.0.0.1:9002' });
  assert.equal(without.voters, configOf({}).voters);
  assert.equal(without.peers, configOf({}).peers);
  assert.is(without.peerPort, 9001);
});

Reading('listens for peers where the peers look for it', () => {
  assert.is(configOf({ PEERS: '8001@127.0.0.1:7777' }).peerPort, 7777);
  assert.is(configOf({ PEERS: '8001@127.0.0.1:7777', PEER_PORT: '7000' }).peerPort, 7000);
  const remote = configOf({
    PEERS: '8001@10.0.0.1:9001,8002@10.0.0.2:9001,8003@db.example:9001',
    CLUSTER_SECRET: secret,
  });
  assert.is(remote.peerHost, '0.0.0.0');
});

Reading('takes IPv6 addresses in brackets', () => {
  const { peers } = configOf({ PEERS: '8002@[::1]:9002,8003@[::1]:9003' });
  assert.equal(peers[0], { id: 8002, host: '::1', port: 9002 });
  assert.equal(faulty({ PEERS: '8002@::1:9002,8003@[::1]:9003' }), ['PEERS']);
});

Reading('counts an empty variable as unset', () => {
  assert.is(configOf({ PORT: '', API_TOKEN: '', CHAOS: ' ' }).port, 8001);
});

Reading('reports all faults together, each with variable, value and what is accepted', () => {
  const faults = faultsOf({
    NODE_ID: '0',
    PORT: '80x',
    PEERS: 'a@b',
    LOG_LEVEL: 'loud',
    LOG_FORMAT: 'xml',
    NODE_PRIORITY: '1001',
    CHAOS: 'maybe',
    HEARTBEAT_MS: '1.5',
    SEGMENT_MB: '4',
    MAX_CONNECTIONS: '-1',
    ALLOWED_ORIGINS: 'example.org',
  });
  assert.equal(
    faults.map(({ variable, value }) => `${variable}=${value}`),
    [
      'NODE_ID=0',
      'PORT=80x',
      'PEERS=a@b',
      'HEARTBEAT_MS=1.5',
      'LOG_LEVEL=loud',
      'LOG_FORMAT=xml',
      'NODE_PRIORITY=1001',
      'CHAOS=maybe',
      'SEGMENT_MB=4',
      'MAX_CONNECTIONS=-1',
      'ALLOWED_ORIGINS=example.org',
    ],
  );
  assert.is(faultLines(faults)[0], 'NODE_ID: 0; accepted: integer 1..65535');
});

Reading('takes the addresses of nodes for people: plain origins, each id once', () => {
  const { nodeUrls } = configOf({ NODE_URLS: '8001@http://127.0.0.1:8001, 8002@https://two.example' });
  assert.equal([...nodeUrls], [[8001, 'http://127.0.0.1:8001'], [8002, 'https://two.example']]); // biome-ignore format: one line
  assert.is(configOf({}).nodeUrls.size, 0);
  for (const wrong of [
    'http://x:1',
    '1@x',
    '1@http://x/path',
    '1@javascript:alert(1)',
    '0@http://x',
    '1@http://x,1@http://y',
  ])
    assert.equal(faulty({ NODE_URLS: wrong }), ['NODE_URLS'], wrong);
});

Reading('takes the format of log lines in any case, also where the rest is faulty', () => {
  assert.is(configOf({}).logFormat, 'bunyan');
  assert.is(configOf({ LOG_FORMAT: 'GCP' }).logFormat, 'gcp');
  assert.equal([{ LOG_FORMAT: ' gcp' }, { LOG_FORMAT: 'xml' }, {}].map(logFormatOf), ['gcp', 'bunyan', 'bunyan']);
});

Reading('says what is not set', () => {
  const outcome = readConfig({}, readFrom({}));
  assert.equal('faults' in outcome && faultLines(outcome.faults).map((line) => line.split(';')[0]), [
    'NODE_ID: (not set)',
    'PEERS: (not set)',
  ]);
});

Reading('wants an odd number of voters, each id and each address once', () => {
  assert.equal(faulty({ PEERS: '8001@127.0.0.1:9001,8002@127.0.0.1:9002' }), ['PEERS']);
  assert.equal(faulty({ PEERS: '8002@127.0.0.1:9002,8002@127.0.0.1:9003' }), ['PEERS']);
  assert.equal(faulty({ PEERS: '8002@127.0.0.1:9002,8003@127.0.0.1:9002' }), ['PEERS']);
  const nine = Array.from({ length: 9 }, (_, n) => `${8001 + n}@127.0.0.1:${9001 + n}`).join();
  assert.equal(faulty({ PEERS: nine }), ['PEERS']);
  assert.equal(configOf({ PEERS: '8001@127.0.0.1:9001' }).voters, [8001]);
});

Reading('has no default port for a small id', () => {
  assert.equal(faulty({ NODE_ID: '1', PEERS: '1@127.0.0.1:9001' }), ['PORT']);
  assert.is(configOf({ NODE_ID: '1', PEERS: '1@127.0.0.1:9001', PORT: '80' }).port, 80);
  assert.equal(faulty({ NODE_ID: '65000', PEERS: '2@127.0.0.1:9001,3@127.0.0.1:9002' }), ['PEER_PORT']);
});

Reading('wants two ports', () => {
  assert.equal(faulty({ PORT: '9001' }), ['PEER_PORT']);
});

Reading('wants a suspicion to take at least three heartbeats', () => {
  assert.equal(faulty({ HEARTBEAT_MS: '100' }), ['SUSPECT_MS']);
  assert.is(configOf({ HEARTBEAT_MS: '100', SUSPECT_MS: '300' }).timing.suspectMs, 300);
});

Reading('wants a secret as soon as a peer is on another machine', () => {
  const PEERS = '8001@127.0.0.1:9001,8002@10.0.0.2:9002,8003@127.0.0.1:9003';
  assert.equal(faulty({ PEERS }), ['CLUSTER_SECRET']);
  assert.equal(faulty({ PEER_HOST: '0.0.0.0' }), ['CLUSTER_SECRET']);
  assert.is(configOf({ PEERS, CLUSTER_SECRET: secret }).clusterSecret, secret);
  assert.is(configOf({ PEERS, CLUSTER_SECRET_FILE: '/s' }, { '/s': `${secret}\n` }).clusterSecret, secret);
  assert.is(configOf({ PEERS: three.replaceAll('127.0.0.1', 'localhost') }).clusterSecret, null);
});

Reading('never shows a secret', () => {
  const faults = faultsOf({ CLUSTER_SECRET: 'tooshort', API_TOKEN: 'with space' });
  assert.equal(
    faults.map(({ variable, value }) => `${variable}=${value}`),
    ['CLUSTER_SECRET=(hidden)', 'API_TOKEN=(hidden)'],
  );
  const inFile = faultsOf({ CLUSTER_SECRET_FILE: '/s' }, { '/s': 'tooshort' });
  assert.equal(inFile.length, 1);
  assert.not.match(JSON.stringify(inFile), 'tooshort');
});

Reading('names a secret file that cannot be read, and a secret given twice', () => {
  const [fault] = faultsOf({ API_TOKEN_FILE: '/none' });
  assert.match(fault?.accepted ?? '', 'no such file: /none');
  assert.equal(faulty({ API_TOKEN: 'x', API_TOKEN_FILE: '/t' }, { '/t': 'x' }), ['API_TOKEN_FILE']);
});

Reading('has a token for writes or for all calls, and for all only where there is one', () => {
  assert.is(configOf({}).tokenFor, 'writes');
  assert.is(configOf({ API_TOKEN: 'x', API_TOKEN_FOR: 'all' }).tokenFor, 'all');
  assert.equal(faulty({ API_TOKEN_FOR: 'all' }), ['API_TOKEN_FOR']);
  assert.equal(faulty({ API_TOKEN: 'x', API_TOKEN_FOR: 'reads' }), ['API_TOKEN_FOR']);
});

Reading('gives a config that nobody can change', () => {
  const config = configOf({});
  assert.ok([config, config.peers, config.peers[0], config.voters, config.timing].every(Object.isFrozen));
});

Reading('reads every variable of its table, and no other', () => {
  const read = new Set<string>();
  const env = new Proxy<Record<string, string>>(
    { NODE_ID: '8001', PEERS: three },
    {
      get: (target, name) => {
        read.add(String(name));
        return target[String(name)];
      },
    },
  );
  readConfig(env, readFrom({}));
  assert.equal([...read].sort(), variables.map(({ name }) => name).sort());
});

const page = new URL('../../../docs/configuration.md', import.meta.url);
Reading('has its table in docs/configuration.md', () => {
  assert.ok(existsSync(page), 'there is no docs/configuration.md');
  const [, table] =
    /<!-- configuration -->\n([\s\S]*?)\n<!-- \/configuration -->/.exec(readFileSync(page, 'utf8')) ?? [];
  assert.is(table?.trim(), configTable(), 'run: node dist/scripts/configTable.js');
});

Reading.run();
