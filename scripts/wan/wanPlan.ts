/**
 * What `npm run wan` is asked to do, and what follows from it: pure.
 *
 *   wanArgumentsOf(['--leader', 'eu'])  ->  { ok: options } | { faults: [...] }
 *   wanPlanOf(options)                  ->  the nodes, and the cables between them
 *
 * W1. Of two nodes the one with the higher id dials, so there is one cable for each pair, on a port of its own.
 */
import {
  argumentsOf,
  type ClusterOptions,
  defaultOptions,
  type Launcher,
  npmStart,
  type Plan,
  planOf,
} from '../clusterPlan.ts';
import { commitLatencies } from '../commitLatency.ts';
import { isRegion, type Link, publishedLinks, type Region, regions, rttMs } from './regions.ts';

export interface WanOptions {
  readonly cluster: ClusterOptions;
  readonly help: boolean;
  readonly links: readonly Link[];
  readonly jitterMs: number;
  readonly lossPercent: number;
  readonly seed: string;
  /** Its own options as they were given, to be repeated. */
  readonly words: readonly string[];
}

const linkPortOffset = 2000;
const portMax = 65_535;
const rttMsMax = 2000;
const jitterMsMax = 1000;
const byDefault = { leader: 'us', jitterMs: 2, lossPercent: 0.01, seed: '1' } as const;
const defaults: ClusterOptions = { ...defaultOptions, dataDir: 'data/wan' };

const linkWords = (links: readonly Link[]): string =>
  links.map(({ from, to, rttMs: ms }) => `${from}-${to}=${ms}`).join();

export const wanHelp = `Starts three nodes on this machine, in regions that are as far apart as ${regions.join(', ')}: 8001, 8002, 8003.

  npm run wan                          ${linkWords(publishedLinks)} ms round trip
  npm run wan -- --leader asia         which region leads while it can (${byDefault.leader})
  npm run wan -- --rtt us-eu=80        other round trips, in ms, with commas between them
  npm run wan -- --jitter MS           each piece takes up to so much longer (${byDefault.jitterMs})
  npm run wan -- --loss PERCENT        of the pieces: these, and what is behind them, come 200 to 600 ms later (${byDefault.lossPercent})
  npm run wan -- --seed WORD           repeats jitter and losses (${byDefault.seed})
  npm run wan -- --help

Of npm start it takes --port, --data (${defaults.dataDir}), --fresh, --memory, --chaos, --inspect and --only.`;

const ownNames = ['--leader', '--rtt', '--jitter', '--loss', '--seed'] as const;
type OwnName = (typeof ownNames)[number];
const isOwn = (name: string): name is OwnName => (ownNames as readonly string[]).includes(name);

/** Its own options, and the words that are left for `npm start`'s. */
function parted(given: readonly string[]) {
  const own = new Map<OwnName, string>();
  const rest: string[] = [];
  const words = [...given];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [name = '', ...value] = word.split('=');
    if (!isOwn(name)) rest.push(word);
    else if (value.length > 0) own.set(name, value.join('='));
    else own.set(name, words[0]?.startsWith('--') === true ? '' : (words.shift() ?? ''));
  }
  return { own, rest };
}

export type WanArguments = { readonly ok: WanOptions } | { readonly faults: readonly string[] };

/** All faults at once. */
export function wanArgumentsOf(given: readonly string[]): WanArguments {
  const { own, rest } = parted(given);
  const parsed = argumentsOf(rest, defaults);
  const faults = 'faults' in parsed ? [...parsed.faults] : [];
  const refuse = (name: OwnName, accepted: string): void => {
    faults.push(`${name}: ${own.get(name) || '(nothing given)'}; accepted: ${accepted}`);
  };
  const number = (name: OwnName, max: number, fallback: number): number => {
    const text = own.get(name);
    if (text === undefined) return fallback;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value <= max)) refuse(name, `0 to ${max}`);
    return value;
  };
  const leader = own.get('--leader') ?? byDefault.leader;
  if (!isRegion(leader)) refuse('--leader', regions.join(', '));
  const links = linksOf(own.get('--rtt'));
  if (links === undefined) refuse('--rtt', `us-eu=MS,us-asia=MS,eu-asia=MS, some or all, 0 to ${rttMsMax} ms`);
  const jitterMs = number('--jitter', jitterMsMax, byDefault.jitterMs);
  const lossPercent = number('--loss', 100, byDefault.lossPercent);
  const seed = own.get('--seed') ?? byDefault.seed;
  if (seed === '') refuse('--seed', 'a word');

  const cluster = 'ok' in parsed ? parsed.ok : defaults;
  if (cluster.nodes !== regions.length)
    faults.push(`--nodes: ${cluster.nodes}; there are three regions, a node in each`);
  if (cluster.firstPort + regions.length - 1 + linkPortOffset > portMax)
    faults.push(`--port: ${cluster.firstPort}; accepted: up to ${portMax - linkPortOffset - regions.length + 1} here`);
  if (faults.length > 0 || links === undefined) return { faults };
  const led = regions.indexOf(leader as Region);
  return {
    ok: {
      cluster: { ...cluster, leader: cluster.firstPort + led },
      help: cluster.help,
      links,
      jitterMs,
      lossPercent,
      seed,
      words: [...own].filter(([name]) => name !== '--leader').flat(),
    },
  };
}

/** The published ones, but for those that are given. */
function linksOf(text: string | undefined): readonly Link[] | undefined {
  if (text === undefined) return publishedLinks;
  const given = text.split(',').map((part) => /^(\w+)-(\w+)=(\d+(?:\.\d+)?)$/.exec(part.trim()));
  const names = given.map((match) => [match?.[1], match?.[2]].sort().join('-'));
  const named = ({ from, to }: Link): number => names.indexOf([from, to].sort().join('-'));
  const isKnown = names.every((_, i) => publishedLinks.some((link) => named(link) === i));
  const isShort = given.every((match) => match !== null && Number(match[3]) <= rttMsMax);
  if (!isKnown || !isShort) return undefined;
  return publishedLinks.map((link) => {
    const found = given[named(link)];
    return found ? { ...link, rttMs: Number(found[3]) } : link;
  });
}

// ----------------------------------------------------------------------------------------------------------- plan

export interface PlannedCable {
  readonly from: number;
  readonly to: number;
  /** Where the dialler finds the other. */
  readonly port: number;
  readonly target: number;
  readonly rttMs: number;
}
export interface WanPlan extends Plan {
  readonly cables: readonly PlannedCable[];
}

export function wanPlanOf(options: WanOptions, logDir: string): WanPlan {
  const { cluster, links } = options;
  const plan = planOf(cluster, logDir);
  const { firstPort } = cluster;
  const regionOf = (id: number): Region => regions[id - firstPort] as Region;
  const cables: PlannedCable[] = [];
  for (const { id: from } of plan.nodes)
    for (const { id: to, peerPort } of plan.nodes.filter(({ id }) => id < from)) // W1.
      cables.push({
        from,
        to,
        port: firstPort + linkPortOffset + cables.length,
        target: peerPort,
        rttMs: rttMs(links, regionOf(from), regionOf(to)),
      });
  const nodes = plan.nodes.map((node) => ({
    ...node,
    place: regionOf(node.id).padEnd(4),
    finds: new Map(
      [...node.finds].map(([to, port]) => [
        to,
        cables.find((cable) => cable.from === node.id && cable.to === to)?.port ?? port,
      ]),
    ),
  }));
  const launcher: Launcher = {
    ...npmStart,
    command: 'npm run wan',
    defaults,
    words: options.words,
    leaderWord: regionOf,
  };
  const started = nodes.filter(({ id }) => plan.started.some((one) => one.id === id));
  return { ...plan, launcher, nodes, started, cables, about: aboutOf(options) };
}

function aboutOf({ cluster, links, jitterMs, lossPercent, seed }: WanOptions): readonly string[] {
  if (cluster.only !== null) return [];
  const far = links.map(({ from, to, rttMs: ms }) => `${from}-${to} ${ms} ms`).join(', ');
  const rtts = new Map(regions.map((a, i) => [i, new Map(regions.map((b, j) => [j, rttMs(links, a, b)]))]));
  const floors = commitLatencies([...regions.keys()], rtts).map(({ leader, ms }) => `${regions[leader]} ${ms} ms`);
  return [
    `links (simulated), round trip: ${far}; up to ${jitterMs} ms of jitter each way, ${lossPercent} % lost, seed ${seed}`,
    `a commit takes at least, by who leads: ${floors.join(', ')}`,
  ];
}
