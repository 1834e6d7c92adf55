/**
 * What `npm run cloud` is asked to do. Pure: arguments and environment in, options or all faults out.
 *
 * O1. Nobody unknown gets in by mistake: `deploy` wants --api-token, --allow-cidr or an explicit --open.
 */
import { isIP } from 'node:net';
import { type Environment, faultLines, readConfig } from '../config.ts';
import { nodeEnvironment } from './cloudInit.ts';
import { placesOf, zoneIn, zonesByDefault } from './layout.ts';
import { type CommandName, commands, type OptionRow, rows } from './optionTable.ts';

export interface Access {
  /** Every call but health needs the API token. */
  readonly token: boolean;
  /** The token is in this file; null = asked for, or made. */
  readonly tokenFile: string | null;
  /** Only these addresses come through the load balancer; none = all. */
  readonly cidrs: readonly string[];
  readonly domain: string | null;
}

export interface Options {
  readonly command: CommandName;
  readonly project: string;
  /** Null = as deployed, else the default. */
  readonly zones: readonly string[] | null;
  readonly machineType: string;
  readonly diskGb: number;
  readonly diskType: string;
  readonly registry: string;
  /** Null = it is built and pushed. */
  readonly image: string | null;
  readonly access: Access;
  /** A node's name, id, or the beginning of its zone; null = the first node; 'highest' = the highest id. */
  readonly leader: string | null;
  /** More variables of the nodes. */
  readonly set: Readonly<Record<string, string>>;
  readonly collector: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly deleteData: boolean;
  readonly force: boolean;
  readonly wait: boolean;
  /** Of logs, ssh and tunnel: which node. */
  readonly node: string | null;
  readonly follow: boolean;
  readonly since: string;
  readonly severity: string;
  readonly port: number;
  /** Behind `--`: a command for ssh. */
  readonly rest: readonly string[];
}

export type Parsed = { readonly ok: Options } | { readonly faults: readonly string[] } | { readonly help: true };

const projectPattern = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
const zonePattern = /^[a-z]+-[a-z]+\d+-[a-z]$/;
const regionPattern = /^[a-z]+-[a-z]+\d+$/;
const domainPattern = /^(?=.{4,63}$)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;
/** Images reach a VM without an external address only from Google's own registries. */
const registryPattern =
  /^(?:(?:us|eu|asia)\.)?gcr\.io\/[a-z0-9-]+$|^[a-z0-9-]+-docker\.pkg\.dev\/[a-z0-9-]+\/[a-z0-9-]+$/;
const isRegistry = (text: string): boolean => registryPattern.test(text);
/** Zones that one would guess and that do not exist. */
const noZones: readonly string[] = ['europe-west1-a', 'us-east1-a'];

function isCidr(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** `--name value`, `--name=value`, flags, one bare word (a node), and what stands behind `--`. */
class Words {
  readonly faults: string[] = [];
  readonly rest: readonly string[];
  readonly bare: string[] = [];
  readonly #values = new Map<string, string[]>();

  constructor(command: CommandName, given: readonly string[]) {
    const end = given.indexOf('--');
    this.rest = end < 0 ? [] : given.slice(end + 1);
    const words = end < 0 ? [...given] : given.slice(0, end);
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (!word.startsWith('--')) {
        this.bare.push(word);
        continue;
      }
      const equals = word.indexOf('=');
      const name = equals < 0 ? word : word.slice(0, equals);
      const row = rows.find((one) => one.name === name);
      if (row === undefined) this.faults.push(`${name}: unknown; see npm run cloud -- --help`);
      else if (!row.of.includes(command))
        this.faults.push(`${name}: not for ${command}, only for ${row.of.join(', ')}`);
      else if (row.value === undefined) this.#take(row, equals < 0 ? '' : undefined);
      else if (equals >= 0) this.#take(row, word.slice(equals + 1));
      else this.#take(row, words[0]?.startsWith('--') === true ? undefined : words.shift());
    }
  }

  #take({ name, value: wanted }: OptionRow, value: string | undefined): void {
    if (value === undefined || (wanted !== undefined && value === ''))
      this.faults.push(`${name}: ${wanted === undefined ? 'takes no value' : `needs ${wanted}`}`);
    else this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
  }
  has(name: string): boolean {
    return this.#values.has(name);
  }
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
  text(name: string, isRight: (text: string) => boolean, accepted: string): string | null {
    const text = this.all(name).at(-1) ?? null;
    if (text !== null && !isRight(text)) this.faults.push(`${name}: ${text}; accepted: ${accepted}`);
    return text;
  }
  integer(name: string, min: number, max: number, byDefault: number): number {
    const isRight = (text: string): boolean => /^\d{1,6}$/.test(text) && Number(text) >= min && Number(text) <= max;
    return Number(this.text(name, isRight, `integer ${min}..${max}`) ?? byDefault);
  }
}

function zonesFrom(words: Words): readonly string[] | null {
  const list = (name: string, pattern: RegExp, example: string): readonly string[] | null => {
    const isRight = (text: string): boolean => text.split(',').every((one) => pattern.test(one));
    return words.text(name, isRight, `a list like ${example}`)?.split(',') ?? null;
  };
  const zones = list('--zones', zonePattern, zonesByDefault.join(','));
  const regions = list('--regions', regionPattern, 'us-central1,europe-west1,asia-east1');
  if (zones !== null && regions !== null) words.faults.push('--zones: not together with --regions');
  const chosen = zones ?? regions?.map(zoneIn) ?? null;
  if (chosen === null) return null;
  if (chosen.length % 2 === 0 || chosen.length > 7)
    words.faults.push(`--${zones ? 'zones' : 'regions'}: these are ${chosen.length}; accepted: 1, 3, 5 or 7 nodes`);
  for (const zone of chosen.filter((one) => noZones.includes(one)))
    words.faults.push(`--zones: ${zone} does not exist; ${zone.slice(0, -1)}b does`);
  return chosen;
}

function accessFrom(words: Words, command: CommandName): Access {
  const tokenFile = words.text('--api-token-file', () => true, 'a file');
  const cidrs = words.all('--allow-cidr').flatMap((text) => text.split(','));
  for (const cidr of cidrs)
    if (!isCidr(cidr)) words.faults.push(`--allow-cidr: ${cidr}; accepted: an address or a range like 203.0.113.0/24`);
  const token = words.has('--api-token') || tokenFile !== null;
  if (command === 'deploy' && !token && cidrs.length === 0 && !words.has('--open')) {
    words.faults.push(
      [
        'who may use it? The load balancer has a public address, so one of these must be said:',
        '    --api-token              whoever knows a token (it is made, and kept in Secret Manager)',
        '    --allow-cidr RANGE       whoever comes from these addresses, e.g. --allow-cidr 203.0.113.7',
        '    --open                   everybody: the whole internet may read and write',
      ].join('\n'),
    );
  }
  if (words.has('--open') && (token || cidrs.length > 0))
    words.faults.push('--open: not together with --api-token or --allow-cidr, which close it');
  const domain = words.text('--domain', (text) => domainPattern.test(text), 'a name like log.example.org');
  return { token, tokenFile, cidrs, domain };
}

function setFrom(words: Words, zones: readonly string[]): Readonly<Record<string, string>> {
  const set: Record<string, string> = {};
  for (const pair of words.all('--set')) {
    const [, name, value] = /^([A-Z][A-Z_]*)=([\x20-\x7e]*)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) words.faults.push(`--set: ${pair}; accepted: NAME=VALUE`);
    else if (/SECRET|TOKEN/.test(name)) words.faults.push(`--set: ${name} would be readable by whoever may see the VM`);
    else set[name] = value;
  }
  const places = placesOf(zones);
  const [first] = places;
  if (first === undefined || Object.keys(set).length === 0) return set;
  const planned = nodeEnvironment({ places, place: first, leader: null, token: false, heapMb: null, set: {} });
  for (const name of Object.keys(set))
    if (name in planned) words.faults.push(`--set: ${name} is for this script to say`);
  // As the node itself will read it.
  const outcome = readConfig({ ...planned, ...set }, () => 'x'.repeat(32));
  if ('faults' in outcome) for (const line of faultLines(outcome.faults)) words.faults.push(`--set: ${line}`);
  return set;
}

export function parseOptions(given: readonly string[], env: Environment): Parsed {
  const [command, ...others] = given;
  if (command === undefined || command === 'help' || given.includes('--help') || given.includes('-h')) {
    return { help: true };
  }
  const known = commands.find((one) => one === command);
  if (known === undefined) return { faults: [`${command}: unknown; there are ${commands.join(', ')}`] };
  const words = new Words(known, others);
  const project = words.all('--project').at(-1) ?? env.GCP_PROJECT_ID?.trim() ?? '';
  if (project === '') {
    words.faults.push('GCP_PROJECT_ID is not set: export GCP_PROJECT_ID=my-project, or give --project my-project');
  } else if (!projectPattern.test(project)) {
    words.faults.push(`--project (GCP_PROJECT_ID): ${project}; accepted: the id of a project, not its name or number`);
  }
  const zones = zonesFrom(words);
  const takesNode = known === 'logs' || known === 'ssh' || known === 'tunnel';
  for (const word of words.bare.slice(takesNode ? 1 : 0)) words.faults.push(`${word}: nothing is known by that word`);
  if (words.rest.length > 0 && known !== 'ssh') words.faults.push('--: only ssh takes a command');
  const image = words.text(
    '--image',
    (text) => /^(?:[\w.-]+|sha256:[0-9a-f]{64})$|^[\w./-]+\/[\w.-]+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/.test(text),
    'a tag, a digest, or a whole image with one of them',
  );
  const registry =
    words.text('--registry', isRegistry, 'gcr.io/PROJECT or REGION-docker.pkg.dev/PROJECT/REPOSITORY') ??
    (image?.includes('/') ? image.slice(0, image.lastIndexOf('/')) : `gcr.io/${project}`);
  if (image?.includes('/') && !(isRegistry(registry) && image.startsWith(`${registry}/`)))
    words.faults.push(
      `--image: ${image}; accepted: an image in a registry of Google's, the one of --registry if that is given`,
    );
  const options: Options = {
    command: known,
    project,
    zones,
    machineType:
      words.text('--machine-type', (text) => /^[a-z][a-z0-9-]+$/.test(text), 'a type like e2-small') ?? 'e2-micro',
    diskGb: words.integer('--disk-gb', 10, 65_536, 20),
    diskType:
      words.text('--disk-type', (text) => /^(pd|hyperdisk)-[a-z]+$/.test(text), 'a type like pd-ssd') ?? 'pd-balanced',
    registry,
    image,
    access: accessFrom(words, known),
    leader: words.text('--leader', (text) => text !== '', 'a node'),
    set: setFrom(words, zones ?? zonesByDefault),
    collector: words.has('--metrics'),
    dryRun: words.has('--dry-run'),
    yes: words.has('--yes'),
    deleteData: words.has('--delete-data'),
    force: words.has('--force'),
    wait: !words.has('--no-wait'),
    node: words.all('--node').at(-1) ?? (takesNode ? words.bare[0] : undefined) ?? null,
    follow: words.has('--follow'),
    since: words.text('--since', (text) => /^\d{1,4}[smhd]$/.test(text), '30m, 6h, 2d') ?? '1h',
    severity:
      words.text(
        '--severity',
        (text) => /^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$/.test(text),
        'DEBUG, INFO, WARNING or ERROR',
      ) ?? 'INFO',
    port: words.integer('--port', 1024, 65_500, 8001),
    rest: words.rest,
  };
  if (known === 'ssh' && options.node === null) words.faults.push('ssh: which node? npm run cloud -- ssh log-node-1');
  if (options.follow && options.node === null) words.faults.push('--follow: of which node? Give --node 8001');
  if (options.leader !== null && zones !== null && leaderOf(options.leader, zones) === undefined)
    words.faults.push(
      `--leader: ${options.leader}; accepted: ${placesOf(zones)
        .map(({ name }) => name)
        .join(', ')}, or highest`,
    );
  return words.faults.length > 0 ? { faults: words.faults } : { ok: options };
}

/** Its id; null for nobody in particular, undefined where `who` fits no node or several. */
export function leaderOf(who: string | null, zones: readonly string[]): number | null | undefined {
  const places = placesOf(zones);
  if (who === 'highest') return null;
  if (who === null) return places[0]?.id;
  const fitting = places.filter(({ name, id, zone }) => name === who || `${id}` === who || zone.startsWith(who));
  return fitting.length === 1 ? fitting[0]?.id : undefined;
}
