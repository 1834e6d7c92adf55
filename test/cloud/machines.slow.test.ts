/** The real gcloud makes disk, network and VM on loopback, finds them again, and removes all but the disk. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasGcloud, thereAndBack } from './realGcloud.ts';

const Machines = suite('machines by gcloud');

(hasGcloud() ? Machines : Machines.skip)('are there once, and gone but for the disk', async () => {
  const isMeant = ({ title }: { title: string }): boolean =>
    /^(?:data disk|network|subnet|internal address|firewall|VM)/.test(title);
  const { there, left, google } = await thereAndBack(['--open'], isMeant);
  assert.is(there.length, 8);
  assert.equal(left, ['projects/demo-project/zones/us-central1-a/disks/log-node-1-data']);
  assert.ok(google.changes.some((change) => change.endsWith('instances log-node-1')));
});
Machines.run();
