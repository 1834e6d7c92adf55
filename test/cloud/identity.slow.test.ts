/** The real gcloud makes identity, rights and secrets on loopback, finds them again, and removes all but the secrets. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasGcloud, thereAndBack } from './realGcloud.ts';

const Identity = suite('identity by gcloud');

(hasGcloud() ? Identity : Identity.skip)('is there once, and gone but for the secrets', async () => {
  const isMeant = ({ title }: { title: string }): boolean =>
    /^(?:APIs|image repository|service account|nodes may|secret)/.test(title);
  const { left, google } = await thereAndBack(['--api-token'], isMeant);
  assert.equal(left, [
    'projects/demo-project/locations/us/repositories/gcr.io',
    'projects/demo-project/secrets/distributed-log-cluster-secret',
    'projects/demo-project/secrets/distributed-log-api-token',
  ]);
  const [secret] = [...google.things].filter(([path]) => path.endsWith('cluster-secret')).map(([, thing]) => thing);
  assert.is(Buffer.from((secret!.payload as { data: string }).data, 'base64').toString(), 'x'.repeat(32));
});
Identity.run();
