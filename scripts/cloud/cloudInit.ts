/**
 * What a VM is told at its birth: the cloud-init of a node, from the files in gcp/ and its settings. Pure, but for the
 * reading of those files.
 *
 * U1. Nothing in it is secret: whoever may look at a VM can read it. It names the secrets, which the VM fetches itself.
 * U2. It does not name the image: that is metadata of its own, so another image is one word to change.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { YAML } from 'zx';
import { folders, memoryOf, names, type Place, ports, range } from './layout.ts';

/** Where the built file is: dist/scripts/cloud. */
const sourceFolder = fileURLToPath(new URL('../../../gcp/', import.meta.url));

const collectorImage =
  'us-docker.pkg.dev/cloud-ops-agents-artifacts/google-cloud-opentelemetry-collector/otelcol-google:0.143.0';

/** Google's health checks and its load balancers come from these. */
export const balancerRanges = ['130.211.0.0/22', '35.191.0.0/16'] as const;
export const iapRange = '35.235.240.0/20';

/** Its types leave the options out. Without folding, scripts stay readable. */
const stringify = YAML.stringify as (value: unknown, options: { lineWidth: number }) => string;

const node = ['mount-data.sh', 'open-ports.sh', 'fetch-secrets.sh', 'pull-image.sh', 'run-node.sh', 'ask-node.sh'];
const metrics = ['send-metrics.sh'];
const collector = ['run-collector.sh', 'collector.yaml'];
const units = {
  node: ['distributed-log.service'],
  metrics: ['distributed-log-metrics.service', 'distributed-log-metrics.timer'],
  collector: ['distributed-log-collector.service'],
} as const;

export interface NodeSettings {
  readonly project: string;
  readonly places: readonly Place[];
  readonly place: Place;
  /** Its id, or null for whoever has the highest. */
  readonly leader: number | null;
  readonly token: boolean;
  readonly machineType: string;
  readonly collector: boolean;
  readonly set: Readonly<Record<string, string>>;
}

/** The variables of a node: those of `npm run node`. */
export function nodeEnvironment({
  places,
  place,
  leader,
  token,
  heapMb,
  set,
}: Pick<NodeSettings, 'places' | 'place' | 'leader' | 'token' | 'set'> & {
  readonly heapMb: number | null;
}): Readonly<Record<string, string>> {
  return {
    NODE_ID: `${place.id}`,
    NODE_PRIORITY: place.id === leader ? '1' : '0',
    HOST: '0.0.0.0',
    PORT: `${ports.node}`,
    PEER_HOST: '0.0.0.0',
    PEER_PORT: `${ports.peers}`,
    PEERS: places.map(({ id, ip }) => `${id}@${ip}:${ports.peers}`).join(','),
    CLUSTER_SECRET_FILE: `${folders.secrets}/cluster-secret`,
    ...(token && { API_TOKEN_FILE: `${folders.secrets}/api-token`, API_TOKEN_FOR: 'all' }),
    DATA_DIR: '/data/node',
    DATA_MARKER: '.data-disk',
    LOG_FORMAT: 'gcp',
    // Google's load balancers keep idle connections for 600 s, and would be surprised by one that was closed before.
    KEEP_ALIVE_MS: '620000',
    STABLE_MS: '10000',
    ...(heapMb !== null && { NODE_OPTIONS: `--max-old-space-size=${heapMb}` }),
    ...set,
  };
}

/** For `.` in a shell; the values here need no quotes but the lists. */
function shellSettings({ project, place, token, machineType }: NodeSettings): Readonly<Record<string, string>> {
  const clients = [...balancerRanges, iapRange].map((from) => `${from}:${ports.node}`);
  return {
    PROJECT: project,
    NODE_ID: `${place.id}`,
    NODE: `http://127.0.0.1:${ports.node}`,
    DATA_DISK: '/dev/disk/by-id/google-data',
    DATA_FOLDER: folders.data,
    SECRETS_FOLDER: folders.secrets,
    IMAGE_FILE: '/run/distributed-log-image',
    CLUSTER_SECRET_NAME: names.clusterSecret,
    API_TOKEN_NAME: token ? names.apiToken : '',
    OPEN_TO: `${[...clients, `${range}:${ports.peers}`].join(' ')}`,
    MEMORY_LIMIT: memoryOf(machineType).limit,
    DOCKER_CONFIG: '/var/lib/distributed-log',
    COLLECTOR_IMAGE: collectorImage,
    METADATA: 'http://metadata.google.internal',
    SECRET_MANAGER: 'https://secretmanager.googleapis.com',
    MONITORING: 'https://monitoring.googleapis.com',
  };
}

const lines = (values: Readonly<Record<string, string>>, quote = ''): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${quote}${value}${quote}\n`)
    .join('');

export type ReadSource = (name: string) => string;
const readSource: ReadSource = (name) => readFileSync(`${sourceFolder}${name}`, 'utf8');

/** Where no token is, none can be read. */
const withoutToken = (yaml: string): string => yaml.replace(/^ *authorization:\n.*credentials_file.*\n/m, '');

export function cloudInitOf(settings: NodeSettings, read: ReadSource = readSource): string {
  const { heapMb } = memoryOf(settings.machineType);
  const own = [
    { name: 'settings', content: lines(shellSettings(settings), "'") },
    { name: 'node.env', content: lines(nodeEnvironment({ ...settings, heapMb })) },
  ];
  const sent = settings.collector ? collector : metrics;
  const copied = [...node, ...sent].map((name) => ({
    name,
    content: name === 'collector.yaml' && !settings.token ? withoutToken(read(name)) : read(name),
  }));
  const systemd = [...units.node, ...(settings.collector ? units.collector : units.metrics)];
  const files = [
    ...[...own, ...copied].map(({ name, content }) => ({ path: `${folders.settings}/${name}`, content })),
    ...systemd.map((name) => ({ path: `/etc/systemd/system/${name}`, content: read(name) })),
  ];
  const started = systemd.filter((name) => name !== 'distributed-log-metrics.service');
  const config = {
    write_files: files.map(({ path, content }) => ({ path, permissions: '0644', owner: 'root:root', content })),
    // Container-Optimized OS forgets /etc at a boot and does this each time; nothing is enabled, everything is started.
    runcmd: [['systemctl', 'daemon-reload'], ...started.map((name) => ['systemctl', 'start', '--no-block', name])],
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}
