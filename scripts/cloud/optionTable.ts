/** The commands and options of `npm run cloud`, and the help made of them. */
import { zonesByDefault } from './layout.ts';

export const commands = ['deploy', 'status', 'logs', 'ssh', 'update', 'tunnel', 'destroy'] as const;
export type CommandName = (typeof commands)[number];

export interface OptionRow {
  readonly name: string;
  /** Absent for a flag. */
  readonly value?: string;
  readonly of: readonly CommandName[];
  readonly meaning: string;
}
const all = commands;
const made = ['deploy', 'destroy'] as const;

export const rows: readonly OptionRow[] = [
  { name: '--project', value: 'ID', of: all, meaning: 'Google Cloud project (GCP_PROJECT_ID)' },
  {
    name: '--api-token',
    of: ['deploy'],
    meaning: 'every call but health needs a token: typed in, or made; it is kept in Secret Manager',
  },
  { name: '--api-token-file', value: 'FILE', of: ['deploy'], meaning: 'the same, with the token of this file' },
  {
    name: '--allow-cidr',
    value: 'RANGE',
    of: ['deploy'],
    meaning: 'only these addresses come through the load balancer; repeatable',
  },
  { name: '--open', of: ['deploy'], meaning: 'the whole internet may read and write' },
  {
    name: '--domain',
    value: 'NAME',
    of: ['deploy'],
    meaning: 'HTTPS for this name, with a certificate that Google renews',
  },
  { name: '--regions', value: 'R,R,R', of: made, meaning: 'one node in each (us-central1,europe-west1,asia-east1)' },
  { name: '--zones', value: 'Z,Z,Z', of: made, meaning: `the same, zone by zone (${zonesByDefault.join(',')})` },
  {
    name: '--leader',
    value: 'WHO',
    of: ['deploy'],
    meaning:
      'which node leads while it can: a name, an id, or how its zone begins (us); "highest" for the highest id (the first node)',
  },
  { name: '--machine-type', value: 'TYPE', of: ['deploy'], meaning: 'of the VMs (e2-micro)' },
  { name: '--disk-gb', value: 'N', of: ['deploy'], meaning: 'size of each data disk (20)' },
  { name: '--disk-type', value: 'TYPE', of: ['deploy'], meaning: 'of the data disks (pd-balanced)' },
  {
    name: '--registry',
    value: 'PATH',
    of: ['deploy', 'update', 'destroy'],
    meaning: 'where images are (gcr.io/PROJECT)',
  },
  {
    name: '--image',
    value: 'IMAGE',
    of: ['deploy', 'update'],
    meaning: 'a tag or digest that is there already (one is built and pushed)',
  },
  {
    name: '--set',
    value: 'NAME=VALUE',
    of: ['deploy'],
    meaning: 'another variable of the nodes, such as LOG_LEVEL=debug; repeatable',
  },
  {
    name: '--metrics',
    of: ['deploy'],
    meaning: 'all metrics by a collector on each VM; takes some 100 MB (a few are sent without it)',
  },
  { name: '--no-wait', of: ['deploy'], meaning: 'does not wait until the load balancer finds all nodes alive' },
  { name: '--dry-run', of: ['deploy', 'update', 'destroy'], meaning: 'prints every command and runs none' },
  { name: '--yes', of: ['update', 'destroy'], meaning: 'asks nothing' },
  { name: '--force', of: ['update'], meaning: 'goes on although a node is not healthy or not caught up' },
  { name: '--delete-data', of: ['destroy'], meaning: 'removes data disks and secrets too' },
  {
    name: '--node',
    value: 'WHO',
    of: ['logs', 'ssh', 'tunnel'],
    meaning: 'this node only; may stand without its name',
  },
  { name: '--follow', of: ['logs'], meaning: 'goes on with what one node says, by ssh' },
  { name: '--since', value: 'TIME', of: ['logs'], meaning: 'how far back: 30m, 6h, 2d (1h)' },
  { name: '--severity', value: 'LEVEL', of: ['logs'], meaning: 'this and worse: DEBUG, INFO, WARNING, ERROR (INFO)' },
  { name: '--port', value: 'N', of: ['tunnel'], meaning: 'first local port (8001)' },
];

const meanings: Readonly<Record<CommandName, string>> = {
  deploy: 'makes what is missing: image, network, disks, VMs, load balancer; safe to run again',
  status: 'nodes, health, leader, lag, and what each choice of leader would cost',
  logs: 'what the nodes logged',
  ssh: 'a shell on a VM, or a command behind --',
  update: 'another image, one node at a time, the leader last',
  tunnel: 'each node under an address of this machine, through IAP',
  destroy: 'removes all that deploy made; disks and secrets stay unless --delete-data',
};

export function helpText(): string {
  const left = ({ name, value }: OptionRow): string => (value === undefined ? name : `${name} ${value}`);
  const width = Math.max(...rows.map((row) => left(row).length));
  return [
    'Runs the nodes on Google Cloud, one in each of three regions, behind one address.',
    '',
    '  npm run cloud -- COMMAND [option …]',
    '',
    ...commands.map((name) => `  ${name.padEnd(8)}  ${meanings[name]}`),
    '',
    ...rows.map(
      (row) => `  ${left(row).padEnd(width)}  ${row.of === all ? '' : `${row.of.join(', ')}: `}${row.meaning}`,
    ),
    '',
    'What it makes and what that opens and costs is in gcp/README.md.',
  ].join('\n');
}
