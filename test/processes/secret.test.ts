/** A node with another secret: both sides say so, and nobody says the secret. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RealNode, until, withCluster } from '../support/realCluster.ts';

const Secret = suite('a wrong secret');

const secrets = ['never-in-any-log-line-1', 'never-in-any-log-line-2'] as const;

/** What /health says once it names somebody. */
const strangersOf = (node: RealNode): Promise<readonly unknown[]> =>
  until(`${node.id} to name who has another secret`, async () => {
    const answer = await node.health();
    const { reason, wrong_secret, hint } = answer?.json ?? {};
    return wrong_secret ? [answer?.status, reason, wrong_secret, typeof hint] : undefined;
  });

Secret('is told by the log of whoever is called, and by /health of both sides', async () => {
  const envOf = (id: number): NodeJS.ProcessEnv => ({ CLUSTER_SECRET: secrets[id === 1 ? 1 : 0] });
  await withCluster({ envOf }, async (cluster) => {
    for (const node of cluster.nodes) node.start();
    const odd = cluster.node(1);
    const { msg, address, claimed } = await odd.logged('greeting_refused');
    assert.match(msg, /^somebody who says to be node [23], at .*, called and was refused: wrong cluster secret$/);
    assert.ok([2, 3].includes(Number(claimed)) && address !== undefined);
    // They form no cluster without it.
    for (const id of [2, 3]) assert.equal(await strangersOf(cluster.node(id)), [503, 'no_leader', [1], 'string']);
    const told = (): unknown[] => odd.logLines().filter(({ event }) => event === 'greeting_refused');
    await until('both to have called', () => told().length >= 2 || undefined);
    assert.equal(await strangersOf(odd), [503, 'no_leader', [2, 3], 'string']);
    assert.is(told().length, 2, 'once of each, however often they call');
    for (const node of cluster.nodes) {
      const text = readFileSync(node.logFile, 'utf8');
      for (const secret of secrets) assert.not.match(text, secret);
    }
  });
});

Secret.run();
