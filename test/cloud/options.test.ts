/** What `npm run cloud` understands, and what it refuses before anything happens. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { placesOf, regionOf } from '../../scripts/cloud/layout.ts';
import { leaderOf, parseOptions } from '../../scripts/cloud/options.ts';
import { commands, helpText, rows } from '../../scripts/cloud/optionTable.ts';
import { faultsOf, optionsOf } from './cloudWorld.ts';

const Options = suite('cloud options');

Options('want the project, and say how it is given', () => {
  const parsed = parseOptions(['status'], {});
  assert.match('faults' in parsed ? parsed.faults.join() : '', 'GCP_PROJECT_ID is not set: export GCP_PROJECT_ID=');
  assert.match(faultsOf('status', '--project', '123'), 'the id of a project, not its name or number');
  assert.is(optionsOf('status', '--project=other-project').project, 'other-project');
});
Options('want a word on who may use it, and explain the three there are', () => {
  const said = faultsOf('deploy');
  for (const word of ['who may use it?', '--api-token', '--allow-cidr RANGE', '--open']) assert.match(said, word);
  assert.is(faultsOf('deploy', '--open'), '');
  assert.is(faultsOf('deploy', '--api-token', '--allow-cidr', '203.0.113.7,2001:db8::/32'), '');
  assert.match(faultsOf('deploy', '--open', '--api-token'), '--open: not together with');
  assert.match(faultsOf('deploy', '--allow-cidr', '203.0.113.0/33'), '--allow-cidr: 203.0.113.0/33');
});
Options('have the defaults of three regions', () => {
  const { zones, machineType, diskGb, registry, image, port } = optionsOf('deploy', '--open');
  assert.equal(
    [zones, machineType, diskGb, registry, image, port],
    [null, 'e2-micro', 20, 'gcr.io/demo-project', null, 8001],
  );
});
Options('take regions or zones, an odd number of them, and none that does not exist', () => {
  const zonesOf = (...given: readonly string[]) => optionsOf('deploy', '--open', ...given).zones;
  assert.equal(zonesOf('--regions', 'europe-west1,us-east1,us-central1'), [
    'europe-west1-b',
    'us-east1-b',
    'us-central1-a',
  ]);
  assert.equal(zonesOf('--zones=us-west1-a'), ['us-west1-a']);
  assert.match(faultsOf('deploy', '--open', '--zones', 'us-west1-a,us-west1-b'), 'accepted: 1, 3, 5 or 7 nodes');
  assert.match(
    faultsOf('deploy', '--open', '--zones', 'europe-west1-a'),
    'europe-west1-a does not exist; europe-west1-b does',
  );
  assert.match(faultsOf('deploy', '--open', '--zones', 'us-west1'), '--zones: us-west1');
});
Options('tell all faults at once, by their names', () => {
  const said = faultsOf('deploy', '--opne', '--disk-gb', '5', '--registry', 'docker.io/me', '--follow', 'word');
  for (const name of [
    '--opne: unknown',
    '--disk-gb: 5',
    '--registry: docker.io/me',
    '--follow: not for deploy',
    'word:',
  ])
    assert.match(said, name);
});
Options('take no secret as a value, nor a variable that the plan decides or the node refuses', () => {
  assert.match(faultsOf('deploy', '--api-token=abc'), '--api-token: takes no value');
  assert.match(faultsOf('deploy', '--open', '--set', 'CLUSTER_SECRET=aaaaaaaaaaaaaaaaaaa'), 'would be readable');
  assert.match(faultsOf('deploy', '--open', '--set', 'PEERS=x'), 'is for this script to say');
  assert.match(faultsOf('deploy', '--open', '--set', 'LOG_LEVEL=loud'), 'LOG_LEVEL: loud; accepted: debug, info');
  assert.equal(optionsOf('deploy', '--open', '--set', 'LOG_LEVEL=debug').set, { LOG_LEVEL: 'debug' });
});
Options('know a leader by name, id, or the beginning of its zone', () => {
  const zones = ['us-central1-a', 'europe-west1-b', 'asia-east1-a'];
  const ids = [null, 'us', 'log-node-2', '8003', 'highest', 'mars'].map((who) => leaderOf(who, zones));
  assert.equal(ids, [8001, 8001, 8002, 8003, null, undefined]);
});
Options('of ssh are a node, and a command behind --', () => {
  const { node, rest } = optionsOf('ssh', 'log-node-1', '--', 'docker', 'ps', '--all');
  assert.equal([node, rest], ['log-node-1', ['docker', 'ps', '--all']]);
  assert.match(faultsOf('ssh'), 'which node?');
});
Options('take an image by tag, digest or whole name, from a registry that VMs reach', () => {
  const sha = `sha256:${'a'.repeat(64)}`;
  const whole = `europe-west1-docker.pkg.dev/p-one/images/distributed-log@${sha}`;
  assert.is(optionsOf('update', '--image', whole).registry, 'europe-west1-docker.pkg.dev/p-one/images');
  for (const image of ['v2', sha, 'gcr.io/p-one/distributed-log:v2'])
    assert.is(faultsOf('update', '--image', image), '', image);
  assert.match(faultsOf('update', '--image', 'docker.io/library/node:22'), "in a registry of Google's");
  assert.match(faultsOf('update', '--image', 'gcr.io/p-one/distributed-log'), 'a whole image with one of them');
});
Options('are all in the help, with the commands', () => {
  const help = helpText();
  for (const name of [...commands, ...rows.map((row) => row.name)]) assert.match(help, name);
  for (const words of [[], ['--help'], ['deploy', '--help']]) assert.ok('help' in parseOptions(words, {}));
});
Options.run();

const Places = suite('cloud places');

Places('follow from the zones: names, ids and addresses', () => {
  const [, second] = placesOf(['us-central1-a', 'europe-west1-b', 'asia-east1-a']);
  assert.equal(
    [second?.name, second?.id, second?.region, second?.ip],
    ['log-node-2', 8002, 'europe-west1', '10.80.2.10'],
  );
  assert.is(regionOf('northamerica-northeast1-c'), 'northamerica-northeast1');
});
Places.run();
