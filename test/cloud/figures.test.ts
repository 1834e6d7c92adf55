/** What nodes say, what people are shown of it, and the order of a rolling restart. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { machineNamed } from '../../scripts/cloud/discover.ts';
import { placesOf, zonesByDefault } from '../../scripts/cloud/layout.ts';
import { cloud } from '../../scripts/cloud/main.ts';
import { nodeWordsOf } from '../../scripts/cloud/nodeWords.ts';
import { lagOf, leaderAmong, outputLines, type Seen, statusLines, table } from '../../scripts/cloud/outputs.ts';
import { logFilter } from '../../scripts/cloud/reach.ts';
import { nextOf, obstacles, unfinished } from '../../scripts/cloud/rolling.ts';
import { digest, fine, PlayedWorld, project } from './cloudWorld.ts';

interface Told {
  readonly boot?: string;
  readonly health?: string;
  readonly leader?: number;
  readonly last?: number;
  readonly commit?: number;
  readonly rtts?: Readonly<Record<number, number>>;
}
/** As gcp/ask-node.sh prints it. */
const wordsOf = (
  id: number,
  { boot = 'b1', health = 'healthy', leader = 8001, last = 10, commit = 10, rtts = {} }: Told,
): string =>
  [
    `boot ${boot}`,
    `image ${digest}`,
    JSON.stringify({ status: health, node_id: id, leader_id: leader }),
    '# HELP dlog_last_index Index of the last entry of the log.',
    '# TYPE dlog_last_index gauge',
    `dlog_last_index ${last}`,
    `dlog_commit_index ${commit}`,
    `dlog_last_message_id ${commit}`,
    `dlog_role{role="leading"} ${Number(id === leader)}`,
    `dlog_role{role="follower"} ${Number(id !== leader)}`,
    ...Object.entries(rtts).map(([peer, ms]) => `dlog_peer_rtt_seconds{peer="${peer}"} ${ms / 1000}`),
  ].join('\n');

const places = placesOf(zonesByDefault);
const seenOf = (...told: readonly (Told | string)[]): readonly Seen[] =>
  told.map((one, i) => {
    const place = places[i]!;
    const machine = { place, status: 'RUNNING', internal: place.ip, external: null, image: digest };
    const words = typeof one === 'string' ? one : (nodeWordsOf(wordsOf(place.id, one)) ?? 'nothing');
    return { machine, balancer: 'HEALTHY', words };
  });

const Figures = suite('cloud status');

Figures('reads what a node says, and knows when it says nothing', () => {
  const words = nodeWordsOf(wordsOf(8002, { rtts: { 8001: 99.5 }, last: 7 }));
  assert.equal([words?.nodeId, words?.leaderId, words?.role, words?.lastIndex], [8002, 8001, 'follower', 7]);
  assert.equal([...(words?.rtts ?? [])], [[8001, 99.5]]);
  assert.is(words?.image, digest);
  assert.is(nodeWordsOf('bash: no such file'), undefined);
});
Figures('shows who leads, who lags, and what each choice of leader would cost', () => {
  const rtts = { 8001: { 8002: 99, 8003: 154 }, 8002: { 8001: 99, 8003: 252 }, 8003: { 8001: 154, 8002: 252 } };
  const seen = seenOf({ rtts: rtts[8001] }, { rtts: rtts[8002], last: 4 }, { rtts: rtts[8003] });
  const lines = statusLines(seen, '203.0.113.80').join('\n');
  assert.match(lines, 'load balancer 203.0.113.80; 8001 leads');
  assert.match(lines, /log-node-2 .* healthy +follower +10 +6\n/);
  assert.match(lines, /8001 +us-central1-a +99 ms +leads now, least/);
  assert.match(lines, /8003 +asia-east1-a +154 ms/);
});
Figures('says of a node that is not heard why', () => {
  const lines = statusLines(seenOf({}, 'ssh ended with 255', {}), null).join('\n');
  assert.match(lines, 'log-node-2: ssh ended with 255');
  assert.match(lines, 'not known yet');
  assert.is(leaderAmong(seenOf('x', 'y', 'z')), null);
});
Figures('has columns as wide as what is in them', () => {
  assert.equal(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    ['  a    bb', '  ccc  d'],
  );
});
Figures('after a deploy are addresses, links and commands, and how the token is read', () => {
  const machines = seenOf({}, {}, {}).map(({ machine }) => machine);
  const told = { project, address: '203.0.113.80', domain: null, token: true, machines };
  const lines = outputLines(told).join('\n');
  for (const word of [
    'http://203.0.113.80/dashboard',
    'log-node-3',
    '10.80.3.10',
    'http://localhost:8003/dashboard',
    'unencrypted',
    'secrets versions access',
  ])
    assert.match(lines, word);
  const secure = outputLines({ ...told, domain: 'log.example.org' }).join('\n');
  assert.match(secure, 'https://log.example.org/dashboard');
  assert.not.match(secure, 'unencrypted');
});
Figures('are asked of one node by any of its names', () => {
  const machines = seenOf({}, {}, {}).map(({ machine }) => machine);
  for (const who of ['log-node-2', '8002', 'europe']) assert.is(machineNamed(machines, who).place.id, 8002);
  assert.throws(() => machineNamed(machines, 'mars'), /no such node; there are log-node-1 \(8001, us-central1-a\)/);
});
Figures('and logs are found by container, severity and node', () => {
  assert.is(
    logFilter('WARNING', '8002'),
    'logName:"logs/cos_containers" jsonPayload."cos.googleapis.com/container_name"="distributed-log" severity>=WARNING jsonPayload.node_id=8002',
  );
});
Figures.run();

const Rolling = suite('rolling restart');

Rolling('takes followers first and the leader last, whoever leads meanwhile', () => {
  assert.is(nextOf(seenOf({}, {}, {}), new Set()), 8002);
  assert.is(nextOf(seenOf({}, {}, {}), new Set([8002])), 8003);
  assert.is(nextOf(seenOf({}, {}, {}), new Set([8002, 8003])), 8001);
  const moved = { leader: 8003 };
  assert.is(nextOf(seenOf(moved, moved, moved), new Set([8002])), 8001);
  assert.is(nextOf(seenOf({}, {}, {}), new Set([8001, 8002, 8003])), undefined);
});
Rolling('holds a node for done when it started anew, is healthy, and has what was committed', () => {
  const why = (told: Told | string): string | undefined => unfinished(seenOf({}, told, {}), 8002, 'b0');
  assert.is(why({}), undefined);
  assert.match(why({ boot: 'b0' }) ?? '', 'not restarted yet');
  assert.match(why({ health: 'unhealthy' }) ?? '', 'its health is unhealthy');
  assert.match(why({ last: 3 }) ?? '', '7 entries behind');
  assert.is(why('no answer'), 'no answer');
  assert.is(lagOf(seenOf({}, {}), nodeWordsOf(wordsOf(8002, { last: 12 }))!), 0);
});
Rolling('does not begin while a node is missing', () => {
  assert.equal(obstacles(seenOf({}, {}, {})), []);
  assert.equal(obstacles(seenOf({}, 'ssh ended with 255', { last: 1 })), [
    'log-node-2: ssh ended with 255',
    'log-node-3: it is 9 entries behind',
  ]);
});

/** Three VMs that restart when they are told to; the leader's place is taken while it is away. */
function aCluster(): PlayedWorld {
  const boots = new Map(places.map(({ name }) => [name, 1]));
  let leader = 8001;
  return new PlayedWorld((argv) => {
    const line = argv.join(' ');
    if (line.includes('instances list'))
      return fine(
        places.map(({ name, zone }) => ({ name, zone: `x/${zone}`, status: 'RUNNING', networkInterfaces: [{}] })),
      );
    const place = places.find(({ name }) => line.includes(`ssh ${name} `));
    if (place && line.includes('reboot')) {
      boots.set(place.name, (boots.get(place.name) ?? 0) + 1);
      if (leader === place.id) leader = 8002;
      return { code: 255, stdout: '', stderr: 'Connection closed' };
    }
    if (place) return fine(wordsOf(place.id, { boot: `b${boots.get(place.name)}`, leader }));
    return fine({});
  });
}
const noteworthy = (world: PlayedWorld): readonly string[] =>
  world.ran.filter((line) => /reboot|add-metadata/.test(line)).map((line) => /log-node-\d/.exec(line)?.[0] ?? '');

Rolling('sets the image of one node, restarts it, waits, and only then goes on', async () => {
  const world = aCluster();
  assert.is(await cloud(world, ['update', '--image', digest], { GCP_PROJECT_ID: project }), 0);
  assert.equal(noteworthy(world), ['log-node-2', 'log-node-2', 'log-node-3', 'log-node-3', 'log-node-1', 'log-node-1']);
  assert.match(world.said.at(-1) ?? '', 'all 3 nodes run it');
});
Rolling.run();
