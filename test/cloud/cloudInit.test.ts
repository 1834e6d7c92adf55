/** What a VM is told: that it can be read, that the node accepts it, and that its scripts do what they say. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { YAML } from 'zx';
import { cloudInitOf } from '../../scripts/cloud/cloudInit.ts';
import { placesOf, zonesByDefault } from '../../scripts/cloud/layout.ts';
import { readConfig } from '../../scripts/config.ts';
import { needs } from '../support/needs.ts';

const gcp = fileURLToPath(new URL('../../../gcp/', import.meta.url));
const scripts = readdirSync(gcp).filter((name) => name.endsWith('.sh'));
const places = placesOf(zonesByDefault);
const given = { project: 'demo-project', places, place: places[1]!, leader: 8001, machineType: 'e2-micro', set: {} };

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
  readonly runcmd: readonly (readonly string[])[];
}
function configOf(more: { token?: boolean; collector?: boolean; machineType?: string } = {}): CloudConfig {
  const text = cloudInitOf({ ...given, token: true, collector: false, ...more });
  assert.ok(text.startsWith('#cloud-config\n'));
  return YAML.parse(text) as CloudConfig;
}
const fileIn = ({ write_files }: CloudConfig, name: string): string =>
  write_files.find(({ path }) => path.endsWith(`/${name}`))?.content ?? '';
const paths = (config: CloudConfig): readonly string[] => config.write_files.map(({ path }) => path);

const Init = suite('cloud-init');

Init('is YAML whose files come out as they are in gcp/', () => {
  const config = configOf({ collector: true });
  for (const name of scripts.filter((one) => one !== 'send-metrics.sh'))
    assert.is(fileIn(config, name), readFileSync(join(gcp, name), 'utf8'), name);
  assert.is(new Set(paths(config)).size, config.write_files.length);
});
Init('has a configuration that the node accepts', () => {
  for (const token of [true, false]) {
    for (const machineType of ['e2-micro', 'e2-standard-2']) {
      const lines = fileIn(configOf({ token, machineType }), 'node.env').trim().split('\n');
      const env = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      const outcome = readConfig(env, () => 'x'.repeat(64));
      assert.ok('ok' in outcome, JSON.stringify(outcome));
      const { nodeId, port, peerPort, voters, apiToken, tokenFor, keepAliveMs, priority } = outcome.ok;
      assert.equal([nodeId, port, peerPort, voters], [8002, 8080, 9000, [8001, 8002, 8003]]);
      assert.equal([apiToken !== null, tokenFor], [token, token ? 'all' : 'writes']);
      assert.ok(keepAliveMs > 600_000, 'longer than the 600 s of the load balancer');
      assert.is(priority, 0);
    }
  }
});
Init('names secrets and holds none, and not the image', () => {
  const text = cloudInitOf({ ...given, token: true, collector: true });
  assert.match(text, "CLUSTER_SECRET_NAME='distributed-log-cluster-secret'");
  assert.not.match(text, /sha256:/);
});
Init('starts the node without waiting for it, and the sender of metrics or the collector', () => {
  const started = (config: CloudConfig): readonly string[] => config.runcmd.slice(1).map((words) => words.at(-1) ?? '');
  assert.equal(started(configOf()), ['distributed-log.service', 'distributed-log-metrics.timer']);
  assert.equal(started(configOf({ collector: true })), [
    'distributed-log.service',
    'distributed-log-collector.service',
  ]);
  for (const name of started(configOf())) assert.ok(paths(configOf()).includes(`/etc/systemd/system/${name}`));
});
Init('has units whose commands are files that it brings', () => {
  for (const collector of [true, false]) {
    const config = configOf({ collector });
    for (const { path, content } of config.write_files.filter(({ path: one }) => one.endsWith('.service'))) {
      for (const [, script = ''] of content.matchAll(/^Exec\w+=-?\/bin\/bash (\S+)/gm))
        assert.ok(paths(config).includes(script), `${path}: ${script}`);
    }
  }
});
Init('gives the collector a token only where there is one', () => {
  assert.match(
    fileIn(configOf({ collector: true }), 'collector.yaml'),
    'credentials_file: /run/distributed-log/api-token',
  );
  const open = fileIn(configOf({ collector: true, token: false }), 'collector.yaml');
  assert.not.match(open, /authorization|credentials/);
  assert.ok(YAML.parse(open));
});
Init('fits into the metadata of a VM', () => {
  assert.ok(Buffer.byteLength(cloudInitOf({ ...given, token: true, collector: true })) < 128 * 1024);
});
Init.run();

const Shell = suite('scripts of a VM');

Shell('are bash that parses', () => {
  for (const name of scripts) assert.is(spawnSync('bash', ['-n', join(gcp, name)]).status, 0, name);
});
(needs('shellcheck') ? Shell : Shell.skip)('have no fault that shellcheck finds', () => {
  // 1090, 1091: what they source is made for each VM.
  const { stdout } = spawnSync('shellcheck', ['--exclude=SC1090,SC1091', ...scripts.map((name) => join(gcp, name))]);
  assert.is(String(stdout), '');
});

/** The scripts with settings of their own, stubs in front of the commands that need a VM, and Google on loopback. */
class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'vm-'));
  readonly asked: { readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string }[] = [];
  answers: Readonly<Record<string, string>> = {};
  readonly #server = createServer((req, res) => {
    let body = '';
    req.on('data', (piece: Buffer) => (body += String(piece)));
    req.on('end', () => {
      this.asked.push({ url: req.url ?? '', headers: req.headers, body });
      const answer = this.answers[req.url ?? ''];
      res.writeHead(answer === undefined ? 404 : 200).end(answer);
    });
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const settings = fileIn(configOf(), 'settings')
      .replace(/^(METADATA|SECRET_MANAGER|MONITORING|NODE)=.*$/gm, `$1='${at}'`)
      .replaceAll("'/run/", `'${this.folder}/`)
      .replace("'/mnt/disks/data'", `'${this.folder}/data'`)
      .replace("'/var/lib/distributed-log'", `'${this.folder}/docker'`);
    writeFileSync(join(this.folder, 'settings'), settings);
    writeFileSync(join(this.folder, 'node.env'), 'NODE_ID=8002\n');
    for (const name of scripts) writeFileSync(join(this.folder, name), readFileSync(join(gcp, name)));
    mkdirSync(join(this.folder, 'bin'));
    mkdirSync(join(this.folder, 'data'));
    this.stub('chown', 'true');
    return this;
  }
  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
  /** A command that notes how it was called. */
  stub(name: string, body: string): void {
    const path = join(this.folder, 'bin', name);
    writeFileSync(path, `#!/bin/bash\necho "${name} $*" >> ${this.folder}/calls\n${body}\n`);
    chmodSync(path, 0o755);
  }
  get calls(): readonly string[] {
    return this.read('calls').trim().split('\n');
  }
  read(name: string): string {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return '';
    }
  }
  run(name: string): Promise<{ code: number; said: string }> {
    const env = { ...process.env, PATH: `${this.folder}/bin:${process.env.PATH}` };
    const child = spawn('bash', [join(this.folder, name)], { env });
    let said = '';
    child.stdout.on('data', (piece: Buffer) => (said += String(piece)));
    child.stderr.on('data', (piece: Buffer) => (said += String(piece)));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? 1, said })));
  }
}
const onMachine = (body: (machine: Machine) => Promise<void>) => async () => {
  const machine = await new Machine().start();
  try {
    await body(machine);
  } finally {
    machine.stop();
  }
};
const attributes = '/computeMetadata/v1/instance';
/** Google's JSON has a space behind its colons. */
const tokenAnswer = {
  [`${attributes}/service-accounts/default/token`]: '{\n  "access_token": "ya29.x",\n  "expires_in": 3599\n}',
};
const secretAnswer = (name: string, value: string): Record<string, string> => ({
  [`/v1/projects/demo-project/secrets/${name}/versions/latest:access`]: `{\n  "name": "n",\n  "payload": {\n    "data": "${Buffer.from(value).toString('base64')}",\n    "dataCrc32c": "1"\n  }\n}`,
});

Shell(
  'fetch secrets by the identity of the VM, into files that only the node can read',
  onMachine(async (machine) => {
    machine.answers = {
      ...tokenAnswer,
      ...secretAnswer('distributed-log-cluster-secret', 'cluster-secret-value'),
      ...secretAnswer('distributed-log-api-token', 'api-token-value'),
    };
    assert.equal(await machine.run('fetch-secrets.sh'), { code: 0, said: '' });
    assert.is(machine.read('distributed-log/cluster-secret'), 'cluster-secret-value');
    assert.is(machine.read('distributed-log/api-token'), 'api-token-value');
    assert.is(machine.asked[0]?.headers['metadata-flavor'], 'Google');
    assert.is(machine.asked[1]?.headers.authorization, 'Bearer ya29.x');
    assert.ok(machine.calls.every((call) => call.startsWith('chown 1000:1000 ')));
  }),
);
Shell(
  'fail where a secret is not to be had, and keep the one that was there',
  onMachine(async (machine) => {
    machine.answers = { ...tokenAnswer, ...secretAnswer('distributed-log-cluster-secret', '') };
    mkdirSync(join(machine.folder, 'distributed-log'));
    writeFileSync(join(machine.folder, 'distributed-log/cluster-secret'), 'old');
    const { code, said } = await machine.run('fetch-secrets.sh');
    assert.is.not(code, 0);
    assert.match(said, 'the secret distributed-log-cluster-secret is empty');
    assert.is(machine.read('distributed-log/cluster-secret'), 'old');
  }),
);
Shell(
  'pull the image that the metadata names, once',
  onMachine(async (machine) => {
    const image = `gcr.io/demo-project/distributed-log@sha256:${'b'.repeat(64)}`;
    machine.answers = { [`${attributes}/attributes/distributed-log-image`]: image };
    machine.stub('docker', 'case "$1 $2" in "image inspect") exit 1 ;; esac');
    machine.stub('docker-credential-gcr', 'true');
    assert.is((await machine.run('pull-image.sh')).code, 0);
    assert.ok(machine.calls.includes(`docker pull --quiet ${image}`));
    assert.ok(machine.calls.includes('docker-credential-gcr configure-docker --registries=gcr.io'));
    assert.is(machine.read('distributed-log-image'), `IMAGE=${image}\n`);
    machine.stub('docker', 'true');
    const before = machine.calls.length;
    assert.is((await machine.run('pull-image.sh')).code, 0);
    assert.not.ok(machine.calls.slice(before).some((call) => call.includes('pull')));
  }),
);
Shell(
  'start no node without its mounted disk',
  onMachine(async (machine) => {
    writeFileSync(join(machine.folder, 'distributed-log-image'), 'IMAGE=x\n');
    machine.stub('docker', 'true');
    machine.stub('mountpoint', 'exit 1');
    const { code, said } = await machine.run('run-node.sh');
    assert.is(code, 1);
    assert.match(said, 'is no mounted disk: the node does not start');
    assert.not.ok(machine.calls.some((call) => call.startsWith('docker')));
  }),
);
Shell(
  'start the node with nothing that it can write to but its data',
  onMachine(async (machine) => {
    writeFileSync(join(machine.folder, 'distributed-log-image'), 'IMAGE=the-image\n');
    machine.stub('docker', 'true');
    machine.stub('mountpoint', 'exit 0');
    assert.is((await machine.run('run-node.sh')).code, 0);
    const run = machine.calls.at(-1) ?? '';
    for (const word of [
      '--name=distributed-log ',
      '--network=host',
      '--user=1000:1000',
      '--read-only',
      '--cap-drop=ALL',
      '--memory=700m',
      'target=/data the-image',
    ])
      assert.match(run, word);
  }),
);
Shell(
  'open the ports of the host to the balancer, IAP and the peers, once',
  onMachine(async (machine) => {
    machine.stub('iptables', 'case "$2" in -C) exit 1 ;; esac');
    assert.is((await machine.run('open-ports.sh')).code, 0);
    const added = machine.calls.filter((call) => call.includes(' -A '));
    assert.equal(
      added.map((call) => /-s (\S+) --dport (\d+)/.exec(call)?.slice(1).join(':')),
      ['130.211.0.0/22:8080', '35.191.0.0/16:8080', '35.235.240.0/20:8080', '10.80.0.0/16:9000'],
    );
    machine.stub('iptables', 'true');
    await machine.run('open-ports.sh');
    assert.is(machine.calls.filter((call) => call.includes(' -A ')).length, 4);
  }),
);
Shell(
  'send metrics as Cloud Monitoring takes them, with the token of the node',
  onMachine(async (machine) => {
    mkdirSync(join(machine.folder, 'distributed-log'));
    writeFileSync(join(machine.folder, 'distributed-log/api-token'), 'api-token-value');
    machine.answers = {
      ...tokenAnswer,
      '/metrics':
        '# HELP x\ndlog_is_leader 1\ndlog_commit_index 12\ndlog_disk_used_ratio NaN\ndlog_role{role="leading"} 1\nprocess_resident_memory_bytes 1.5e+08\n',
      [`${attributes}/zone`]: 'projects/1/zones/europe-west1-b',
      [`${attributes}/id`]: '42',
      '/v3/projects/demo-project/timeSeries': '{}',
    };
    assert.equal(await machine.run('send-metrics.sh'), { code: 0, said: '' });
    assert.is(machine.asked.find(({ url }) => url === '/metrics')?.headers.authorization, 'Bearer api-token-value');
    const sent = machine.asked.at(-1);
    assert.is(sent?.headers.authorization, 'Bearer ya29.x');
    const { timeSeries } = JSON.parse(sent?.body ?? '') as {
      timeSeries: { metric: { type: string; labels: object }; resource: object; points: { value: object }[] }[];
    };
    assert.equal(
      timeSeries.map(({ metric, points }) => [metric.type.split('/').at(-1), points[0]?.value]),
      [
        ['is_leader', { doubleValue: 1 }],
        ['commit_index', { doubleValue: 12 }],
        ['process_resident_memory_bytes', { doubleValue: 150_000_000 }],
      ],
    );
    assert.equal(timeSeries[0]?.metric.labels, { node_id: '8002' });
    assert.equal(timeSeries[0]?.resource, {
      type: 'gce_instance',
      labels: { project_id: 'demo-project', instance_id: '42', zone: 'europe-west1-b' },
    });
  }),
);
Shell(
  'tell of a node what status and update ask',
  onMachine(async (machine) => {
    machine.answers = { '/health': '{"status":"healthy"}', '/metrics': 'dlog_last_index 3\n' };
    machine.stub('docker', 'echo the-image');
    const { code, said } = await machine.run('ask-node.sh');
    assert.is(code, 0);
    assert.match(said, /^boot [\w-]{36}\nimage the-image\n\{"status":"healthy"\}\n/);
    assert.match(said, 'dlog_last_index 3');
  }),
);
Shell.run();
