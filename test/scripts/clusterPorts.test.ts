/** What `npm start` says of ports that are taken. */
import { createServer } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultOptions, planOf } from '../../scripts/clusterPlan.ts';
import { takenPorts } from '../../scripts/clusterPorts.ts';
import { freePort } from '../support/clusterScript.ts';

const Ports = suite('ports of a cluster');

Ports('that a node holds are told as that, also where it is slow to answer', async () => {
  const firstPort = await freePort();
  const options = { ...defaultOptions, nodes: 1, firstPort };
  const node = createServer((_, response) => {
    setTimeout(() => response.end(JSON.stringify({ node_id: firstPort })), 1_000);
  });
  await new Promise<void>((resolve) => node.listen(firstPort, '127.0.0.1', resolve));
  const [line = '', advice = ''] = await takenPorts(planOf(options, ''), options, []);
  node.close();
  assert.is(line, `port ${firstPort} (clients of node ${firstPort}) is taken: a node ${firstPort} runs there already`);
  assert.match(advice, 'Stop that cluster');
});

Ports.run();
