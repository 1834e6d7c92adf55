/** What `deploy` and `status` print: addresses, nodes, figures, commands. Pure. */
import { commitLatencies, type RoundTrips } from '../commitLatency.ts';
import type { Machine } from './discover.ts';
import { names } from './layout.ts';
import type { NodeWords } from './nodeWords.ts';

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

const count = (value: number): string => value.toLocaleString('en-US');
const external = (machine: Machine): string => machine.external ?? 'none';

export interface Deployed {
  readonly project: string;
  readonly address: string | null;
  readonly domain: string | null;
  readonly token: boolean;
  readonly machines: readonly Machine[];
}

export function outputLines({ project, address, domain, token, machines }: Deployed): readonly string[] {
  const base = domain === null ? `http://${address}` : `https://${domain}`;
  const cloud = 'npm run cloud --';
  return [
    '',
    `Load balancer   ${address ?? '(no address yet)'}`,
    `Dashboard       ${base}/dashboard`,
    `API             ${base}/messages`,
    ...(domain === null
      ? []
      : [
          `DNS             ${domain} must be an A record for ${address}; the certificate comes some 15 to 60 minutes after`,
        ]),
    ...(token
      ? [`API token       gcloud secrets versions access latest --secret=${names.apiToken} --project=${project}`]
      : []),
    ...(token && domain === null
      ? ['                It travels unencrypted to the load balancer: give --domain for HTTPS, or use the tunnel.']
      : []),
    '',
    ...table([
      ['node', 'id', 'region', 'zone', 'internal', 'external', 'dashboard, with the tunnel open'],
      ...machines.map((machine, i) => {
        const { name, id, region, zone } = machine.place;
        return [
          name,
          `${id}`,
          region,
          zone,
          machine.internal,
          external(machine),
          `http://localhost:${8001 + i}/dashboard`,
        ];
      }),
    ]),
    '',
    `  ${cloud} tunnel            each node under the address above, through IAP`,
    `  ${cloud} status            health, leader, lag, and which leader would be nearest`,
    `  ${cloud} logs              what the nodes logged`,
    `  ${cloud} ssh log-node-1    a shell on a VM`,
    `  ${cloud} update            another image, one node at a time`,
    `  ${cloud} destroy           removes all but data and secrets`,
    '',
    `  curl --json '{"message": "hello"}'${token ? ' --header "authorization: Bearer $API_TOKEN"' : ''} ${base}/`,
  ];
}

export interface Seen {
  readonly machine: Machine;
  /** As the load balancer sees it. */
  readonly balancer: string;
  /** Its words, or why there are none. */
  readonly words: NodeWords | string;
}

/** What leads by its own word; with several, as for a moment after a change, the one that most name. */
export function leaderAmong(seen: readonly Seen[]): number | null {
  const votes = new Map<number, number>();
  for (const { words } of seen)
    if (typeof words !== 'string' && words.leaderId !== null)
      votes.set(words.leaderId, (votes.get(words.leaderId) ?? 0) + 1);
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

/** Entries behind what the leader has committed; null where either is not known. */
export function lagOf(seen: readonly Seen[], words: NodeWords): number | null {
  const leader = leaderAmong(seen);
  const of = seen.find(({ machine }) => machine.place.id === leader)?.words;
  if (of === undefined || typeof of === 'string' || of.commitIndex === null || words.lastIndex === null) return null;
  return Math.max(0, of.commitIndex - words.lastIndex);
}

export function statusLines(seen: readonly Seen[], address: string | null): readonly string[] {
  const leader = leaderAmong(seen);
  const rows = seen.map(({ machine, balancer, words }): readonly string[] => {
    const { name, id, zone } = machine.place;
    const own = [name, `${id}`, zone, machine.internal, external(machine), machine.status, balancer.toLowerCase()];
    if (typeof words === 'string') return [...own, '?', '?', '?', '?'];
    const lag = lagOf(seen, words);
    return [
      ...own,
      words.health,
      id === leader ? 'leader' : (words.role ?? '?'),
      words.lastMessageId === null ? '?' : count(words.lastMessageId),
      id === leader ? '-' : lag === null ? '?' : count(lag),
    ];
  });
  const silent = seen.flatMap(({ machine, words }) =>
    typeof words === 'string' ? [`  ${machine.place.name}: ${words}`] : [],
  );
  return [
    `load balancer ${address ?? '(none)'}; ${leader === null ? 'nobody leads, as far as is known' : `${leader} leads`}`,
    ...table([
      ['node', 'id', 'zone', 'internal', 'external', 'VM', 'balancer', 'health', 'role', 'messages', 'lag'],
      ...rows,
    ]),
    ...(silent.length > 0 ? ['', 'not heard:', ...silent] : []),
    '',
    ...latencyLines(seen, leader),
  ];
}

function latencyLines(seen: readonly Seen[], leader: number | null): readonly string[] {
  const rtts: RoundTrips = new Map(
    seen.flatMap(({ machine, words }) => (typeof words === 'string' ? [] : [[machine.place.id, words.rtts] as const])),
  );
  const ids = seen.map(({ machine }) => machine.place.id);
  const latencies = commitLatencies(ids, rtts);
  const known = latencies.flatMap(({ ms }) => ms ?? []);
  if (known.length === 0) return ['round trips between the nodes are not known yet'];
  const best = Math.min(...known);
  return [
    'if this node led, a commit would take at least (round trip to the nearest majority, as measured now):',
    ...table(
      latencies.map(({ leader: id, ms }) => [
        `${id}`,
        seen.find(({ machine }) => machine.place.id === id)?.machine.place.zone ?? '',
        ms === null ? 'not measured' : `${ms.toFixed(0)} ms`,
        [id === leader ? 'leads now' : '', ms === best ? 'least' : ''].filter((word) => word !== '').join(', '),
      ]),
    ),
    'Another one leads with: npm run cloud -- deploy … --leader NODE, then update.',
  ];
}
