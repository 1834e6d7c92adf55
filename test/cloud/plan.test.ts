/** The plan: its order, what it holds back, and that destroy is the same backwards. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { planOf, removals } from '../../scripts/cloud/plan.ts';
import { repositoryOf } from '../../scripts/cloud/planProject.ts';
import { differencesOf, isAsWanted, shellLine } from '../../scripts/cloud/step.ts';
import { commandsOf, digest, everything, optionsOf, stepsOf } from './cloudWorld.ts';

const Plan = suite('cloud plan');
const titles = (...given: readonly string[]): readonly string[] => stepsOf(...given).map(({ title }) => title);

Plan('is the same, word for word, for the same options', () => {
  assert.equal(JSON.stringify(stepsOf(...everything)), JSON.stringify(stepsOf(...everything)));
});
Plan('makes first what others need', () => {
  const all = titles(...everything);
  const order = [
    ['APIs of the project', 'image repository gcr.io'],
    [
      'service account distributed-log',
      'nodes may read distributed-log-cluster-secret',
      'VM log-node-1 in us-central1-a',
    ],
    [
      'network distributed-log',
      'subnet distributed-log-1 in us-central1',
      'internal address 10.80.1.10 in us-central1',
      'VM log-node-1 in us-central1-a',
    ],
    [
      'data disk log-node-3-data in asia-east1-a',
      'VM log-node-3 in asia-east1-a',
      'log-node-3 in log-group-3',
      'log-group-3 behind the load balancer',
    ],
    [
      'security policy distributed-log-known-addresses',
      'backend service distributed-log',
      'only known addresses may come',
      'port 443 of the address',
      'port 80 of the address',
    ],
    ['certificate for log.example.org', 'HTTPS proxy distributed-log-https', 'port 443 of the address'],
  ];
  for (const chain of order) {
    const places = chain.map((title) => all.indexOf(title));
    assert.ok(
      places.every((place) => place >= 0),
      chain.join(),
    );
    assert.equal(
      places,
      places.toSorted((a, b) => a - b),
      chain.join(),
    );
  }
});
Plan('opens the door last', () => {
  assert.is(titles('--open').at(-1), 'port 80 of the address');
});
Plan('has a firewall for the balancer, the peers and IAP, and for nobody else', () => {
  const rules = stepsOf('--open').filter(({ title }) => title.startsWith('firewall'));
  assert.equal(
    rules.map(({ make }) => make[0]?.argv.filter((word) => /^--(rules|source)/.test(word)).join(' ')),
    [
      '--rules=tcp:8080 --source-ranges=130.211.0.0/22,35.191.0.0/16',
      '--rules=tcp:9000 --source-tags=distributed-log',
      '--rules=tcp:22,tcp:8080 --source-ranges=35.235.240.0/20',
    ],
  );
});
Plan('gives no VM an address on the internet, and keeps its disk when it goes', () => {
  for (const { make } of stepsOf('--open').filter(({ title }) => title.startsWith('VM '))) {
    assert.match(shellLine(make[0]!), ',no-address');
    assert.match(shellLine(make[0]!), 'auto-delete=no');
    assert.match(shellLine(make[0]!), '--tags=distributed-log,http-server');
  }
});
Plan('has ten addresses a rule and refuses the rest', () => {
  const cidrs = Array.from({ length: 23 }, (_, i) => `203.0.113.${i}`);
  const plan = planOf(optionsOf('deploy', '--allow-cidr', cidrs.join(',')), digest);
  const file = [...plan.files].find(([path]) => path.endsWith('known-addresses.yaml'))?.[1] ?? '';
  const { rules } = JSON.parse(file) as { rules: { action: string; match: { config: { srcIpRanges: string[] } } }[] };
  assert.equal(
    rules.map(({ action }) => action),
    ['allow', 'allow', 'allow', 'deny(403)'],
  );
  assert.equal(
    rules.map(({ match }) => match.config.srcIpRanges.length),
    [10, 10, 3, 1],
  );
  assert.equal(
    rules.flatMap(({ match }) => match.config.srcIpRanges),
    [...cidrs, '*'],
  );
});
Plan('takes a policy away when any address may come again', () => {
  const step = stepsOf('--open').find(({ title }) => title === 'any address may come');
  assert.is(step?.look.isThere?.({ securityPolicy: 'https://x/securityPolicies/p' }), false);
  assert.is(step?.look.isThere?.({}), true);
  assert.match(shellLine(step!.make[0]!), / --security-policy= /);
});
Plan('gives the first node the lead, or whom it is told', () => {
  const priorities = (...given: readonly string[]): readonly (string | undefined)[] =>
    [...planOf(optionsOf('deploy', '--open', ...given), digest).files.values()].map(
      (text) => /NODE_PRIORITY=(\d)/.exec(text)?.[1],
    );
  assert.equal(priorities(), ['1', '0', '0']);
  assert.equal(priorities('--leader', 'asia'), ['0', '0', '1']);
  assert.equal(priorities('--leader', 'highest'), ['0', '0', '0']);
});
Plan('finds image repositories by the names of registries', () => {
  const of = (registry: string): readonly string[] => {
    const { project, location, repository } = repositoryOf(registry);
    return [project, location, repository];
  };
  assert.equal(of('gcr.io/p'), ['p', 'us', 'gcr.io']);
  assert.equal(of('eu.gcr.io/p'), ['p', 'europe', 'eu.gcr.io']);
  assert.equal(of('europe-west1-docker.pkg.dev/p/images'), ['p', 'europe-west1', 'images']);
});
Plan.run();

const Secrets = suite('secrets of the plan');

Secrets('are in no command and in no file: they come on stdin', () => {
  const secret = 'hunter2hunter2hunter2';
  const plan = planOf(optionsOf('deploy', '--api-token-file', '/token'), digest);
  const steps = [...plan.ground, ...plan.steps];
  const taking = steps.flatMap(commandsOf).filter(({ stdin }) => stdin !== undefined);
  assert.is(taking.length, 2);
  for (const { argv } of taking) assert.ok(argv.includes('--data-file=-'));
  const everywhere = `${JSON.stringify(steps)}${[...plan.files.values()].join()}`;
  assert.not.ok(everywhere.includes(secret));
  // VMs hear the names of secrets, never a value.
  for (const content of plan.files.values()) assert.not.match(content, /(?:CLUSTER_SECRET|API_TOKEN)=/);
});
Secrets('are printed as what makes them', () => {
  const lines = stepsOf('--api-token')
    .flatMap(({ make }) => make.map(shellLine))
    .filter((line) => line.includes('|'));
  assert.is(lines.length, 2);
  for (const line of lines) assert.match(line, /^openssl rand -hex 32 \| gcloud secrets create /);
});
Secrets.run();

const Destroy = suite('cloud destroy');
const removed = (...given: readonly string[]): readonly string[] =>
  removals(optionsOf('destroy', ...given)).map(({ title }) => title);

Destroy('removes all that deploy makes, backwards', () => {
  for (const given of [['--open'], everything]) {
    const made = stepsOf(...given).filter(({ remove, keep }) => remove !== undefined && keep !== 'always');
    const wanted = made.map(({ title }) => title).toReversed();
    const all = removed('--delete-data');
    assert.equal(
      all.filter((title) => wanted.includes(title)),
      wanted,
    );
  }
});
Destroy('knows of each step how it goes: by itself, with another, or not at all', () => {
  const steps = stepsOf(...everything);
  for (const { title, remove, keep, goesWith } of steps) {
    assert.ok(remove !== undefined || keep === 'always' || goesWith !== undefined, title);
    if (goesWith !== undefined)
      assert.ok(
        steps.some((step) => step.title === goesWith && step.remove),
        title,
      );
  }
});
Destroy('leaves disks and secrets unless it is told otherwise, and never the image repository', () => {
  const isData = (title: string): boolean => /^(?:data disk|secret) /.test(title);
  assert.is(removed().filter(isData).length, 0);
  assert.is(removed('--delete-data').filter(isData).length, 5);
  assert.not.ok(removed('--delete-data').some((title) => /repository|APIs/.test(title)));
});
Destroy('closes the door first', () => {
  assert.is(removed()[0], 'port 80 of the address');
});
Destroy.run();

const Differences = suite('what is there');

Differences('is compared in what this plan says of it, and in nothing else', () => {
  const look = stepsOf('--open').find(({ title }) => title === 'health check distributed-log-live')!.look;
  const found = {
    checkIntervalSec: 10,
    timeoutSec: 5,
    healthyThreshold: 2,
    unhealthyThreshold: 3,
    kind: 'x',
    httpHealthCheck: { requestPath: '/health/live' },
  };
  assert.equal(differencesOf(found, look), []);
  const other = differencesOf({ ...found, timeoutSec: 9 }, look);
  assert.equal(
    other.map(({ expectation }) => expectation.what),
    ['how it asks'],
  );
  assert.match(shellLine(other[0]!.expectation.fix!), 'health-checks update http');
});
Differences('and commands are written so that they can be copied', () => {
  assert.is(shellLine({ argv: ['a', '--b=c d', "it's", '', '--e='] }), "a --b='c d' 'it'\\''s' '' --e=");
});
Differences('count neither order nor how a number is written', () => {
  assert.ok(isAsWanted(['b', 'a'], ['a', 'b']));
  assert.not.ok(isAsWanted(['a'], ['a', 'b']));
  assert.not.ok(isAsWanted(['a', 'b', 'c'], ['a', 'b']));
  assert.ok(isAsWanted('20', 20));
  assert.ok(isAsWanted(undefined, null));
});
Differences.run();
