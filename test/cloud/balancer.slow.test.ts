/** The real gcloud makes the load balancer on loopback, with known addresses only and HTTPS, finds it again, and removes it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasGcloud, thereAndBack } from './realGcloud.ts';

const Balancer = suite('load balancer by gcloud');

(hasGcloud() ? Balancer : Balancer.skip)('is there once, and gone', async () => {
  const isMeant = ({ title }: { title: string }): boolean =>
    /internet|health check|group|policy|backend|may come|URL map|certificate|proxy|redirect|^port \d/.test(title) &&
    !title.startsWith('firewall');
  const given = ['--allow-cidr', '203.0.113.0/24', '--domain', 'log.example.org'];
  const vm = 'projects/demo-project/zones/us-central1-a/instances/log-node-1';
  const { there, left, google } = await thereAndBack(given, isMeant, [vm]);
  assert.is(there.length, 13);
  assert.equal(left, []);
  assert.ok(google.changes.some((change) => change.endsWith('backendServices/distributed-log/setSecurityPolicy')));
});
Balancer.run();
