/** What `npm run experiment` was asked for: pure, all faults of the arguments are told together. */
import { parseArgs } from 'node:util';
import { type ExperimentName, experimentNames, type Label, labels } from './results.ts';

export const languages = ['en', 'es'] as const;
export type Language = (typeof languages)[number];

export interface Settings {
  /** Of `concurrency`: messages and clients together, and the node that all of them ask. */
  readonly messages: number;
  readonly clients: number;
  readonly node: 'follower' | 'leader' | number;
  /** Of `leader-failure`: leaders killed one after the other; of `causality`: conversations. */
  readonly rounds: number;
  readonly conversations: number;
  /** Of `latency`. */
  readonly samples: number;
  readonly everyMs: number;
  /** Of `partition`: how long apart. */
  readonly apartMs: number;
  /** Of `durability`: how long all nodes stay dead. */
  readonly downMs: number;
}

export interface Wanted {
  readonly experiments: readonly ExperimentName[];
  readonly urls: readonly string[];
  readonly nodes: number;
  /** Of the first node that is started; null: one that is free. */
  readonly port: number | null;
  readonly wan: boolean;
  readonly label: Label;
  readonly out: string;
  readonly language: Language;
  readonly settings: Settings;
}
export interface Shown {
  readonly from: string;
  readonly out: string;
  readonly language: Language;
}
export type Understood =
  | { readonly kind: 'run'; readonly wanted: Wanted }
  | { readonly kind: 'table'; readonly shown: Shown }
  | { readonly kind: 'publish'; readonly shown: Shown }
  | { readonly kind: 'help' }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

export const usage = `npm run experiment -- ${experimentNames.join('|')}|all
npm run experiment -- table        the plan against the newest results
npm run experiment -- publish      copies the newest results, with new pictures, to where they can be committed

  --urls a,b,c      the URLs of all nodes of a cluster that runs; without them one is started, and ended
  --nodes N         of the one that is started: 3, 5 or 7 (3)
  --port N          of the first node that is started; peers at each + 1000 (8001, if that is free)
  --wan             starts it as three regions, with the delays between them
  --label L         ${labels.join(', ')}: under which the results are kept (wan with --wan, else local)
  --out FOLDER      gets the results (results; of publish report/results)
  --from FOLDER     of publish: has the results (results)
  --language L      of the pictures: ${languages.join(', ')} (en)

  --messages N      concurrency: messages (100)
  --clients N       concurrency: clients that send them, one message outstanding each (10)
  --node N          concurrency: whom they ask: follower, leader, or an id (follower)
  --rounds N        leader-failure: how many leaders are killed (5)
  --samples N       latency: pings of each ordered pair of nodes (20)
  --every MS        latency: how often the nodes are asked for their last ping (1000)
  --apart MS        partition: how long (6000)
  --down MS         durability: how long all nodes stay dead (1000)
  --conversations N causality: how many (20)

A cluster that runs must allow chaos (npm start -- --chaos) for all but concurrency, latency and causality. Where calls
need a token it comes from the environment: API_TOKEN.
Exit code: 0 all that was promised held, 1 something did not, 2 the arguments or the cluster were wrong.
`;

const options = {
  urls: { type: 'string' },
  nodes: { type: 'string' },
  port: { type: 'string' },
  wan: { type: 'boolean' },
  label: { type: 'string' },
  out: { type: 'string' },
  from: { type: 'string' },
  language: { type: 'string' },
  messages: { type: 'string' },
  clients: { type: 'string' },
  node: { type: 'string' },
  rounds: { type: 'string' },
  samples: { type: 'string' },
  every: { type: 'string' },
  apart: { type: 'string' },
  down: { type: 'string' },
  conversations: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const parsed = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true });

const isOneOf = <T extends string>(all: readonly T[], word: string): word is T =>
  (all as readonly string[]).includes(word);

/** A base URL without its last slash; undefined when it is none. */
function urlIn(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, pathname, search, hash } = new URL(text);
  const isPlain = (protocol === 'http:' || protocol === 'https:') && pathname === '/' && search === '' && hash === '';
  return isPlain ? text.replace(/\/$/, '') : undefined;
}

export function understand(args: readonly string[]): Understood {
  let given: ReturnType<typeof parsed>;
  try {
    given = parsed(args);
  } catch (error) {
    return { kind: 'faulty', faults: [(error as Error).message] };
  }
  const { values, positionals } = given;
  if (values.help) return { kind: 'help' };
  const wrong: string[] = [];

  const chosen = <T extends string>(name: 'label' | 'language', all: readonly T[], otherwise: T): T => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (isOneOf(all, text)) return text;
    wrong.push(`--${name} ${text || "''"}: accepted: ${all.join(', ')}`);
    return otherwise;
  };
  const whole = (name: Exclude<keyof typeof values, 'wan' | 'help'>, otherwise: number, min: number, max: number) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    wrong.push(`--${name} ${text || "''"}: accepted: a whole number from ${min} to ${max}`);
    return otherwise;
  };
  const folder = (name: 'out' | 'from', otherwise: string): string => {
    const text = values[name];
    if (text?.trim() === '') wrong.push(`--${name} '': accepted: a folder`);
    return text ?? otherwise;
  };

  const [word = '', ...more] = positionals;
  if (more.length > 0) wrong.push(`${more.join(' ')}: one experiment at a time, or all`);
  const language = chosen('language', languages, 'en');
  const from = folder('from', 'results');
  if (word === 'table' || word === 'publish') {
    const out = folder('out', word === 'table' ? from : 'report/results');
    return wrong.length > 0 ? { kind: 'faulty', faults: wrong } : { kind: word, shown: { from, out, language } };
  }
  if (word !== 'all' && !isOneOf(experimentNames, word)) {
    const what = word === '' ? 'which experiment?' : `${word}: there is no such experiment;`;
    wrong.push(`${what} there are ${experimentNames.join(', ')}, all; and table, publish`);
  }

  const urls: string[] = [];
  for (const text of values.urls?.split(',').map((each) => each.trim()) ?? []) {
    const url = urlIn(text);
    if (url === undefined) wrong.push(`--urls ${text || "''"}: accepted: http://host:port, of each node`);
    else if (urls.includes(url)) wrong.push(`--urls ${text}: stands there twice`);
    else urls.push(url);
  }
  if (values.urls !== undefined && urls.length < 3) {
    wrong.push(`--urls: ${urls.length} of them; accepted: all nodes of a cluster, at least 3`);
  }
  const nodes = whole('nodes', 3, 3, 7);
  if (nodes % 2 === 0) wrong.push(`--nodes ${nodes}: accepted: 3, 5 or 7`);
  const port = values.port === undefined ? null : whole('port', 0, 1_024, 64_000);
  const wan = values.wan === true;
  if (urls.length > 0 && (wan || values.nodes !== undefined || port !== null)) {
    wrong.push('--urls: a cluster that runs; so no --wan, --nodes or --port');
  }
  if (wan && nodes !== 3) wrong.push('--wan: three regions, one node each');

  const node = values.node ?? 'follower';
  const isRole = node === 'follower' || node === 'leader';
  const settings: Settings = {
    messages: whole('messages', 100, 1, 1_000_000),
    clients: whole('clients', 10, 1, 1_000),
    node: isRole ? node : whole('node', 0, 1, 65_535),
    rounds: whole('rounds', 5, 1, 1_000),
    conversations: whole('conversations', 20, 1, 10_000),
    samples: whole('samples', 20, 2, 10_000),
    everyMs: whole('every', 1_000, 50, 60_000),
    apartMs: whole('apart', 6_000, 2_000, 120_000),
    downMs: whole('down', 1_000, 100, 60_000),
  };
  const label = chosen('label', labels, wan ? 'wan' : 'local');
  const out = folder('out', 'results');
  if (wrong.length > 0) return { kind: 'faulty', faults: wrong };
  const experiments = word === 'all' ? experimentNames : [word as ExperimentName];
  return { kind: 'run', wanted: { experiments, urls, nodes, port, wan, label, out, language, settings } };
}
