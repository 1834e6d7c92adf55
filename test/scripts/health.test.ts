import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { liveUrl, troubleAt } from '../../scripts/health.ts';

const Health = suite('the health check of the image');

Health('asks where the node of the same environment listens', () => {
  assert.is(liveUrl({ NODE_ID: '8001' }), 'http://127.0.0.1:8001/health/live');
  assert.is(liveUrl({ NODE_ID: '8001', PORT: ' 8080 ', HOST: '0.0.0.0' }), 'http://127.0.0.1:8080/health/live');
  assert.is(liveUrl({ PORT: '8080', HOST: '10.0.0.1' }), 'http://10.0.0.1:8080/health/live');
  assert.is(liveUrl({ PORT: '8080', HOST: '::' }), 'http://[::1]:8080/health/live');
  assert.is(liveUrl({ PORT: '8080', HOST: '[fd00::1]' }), 'http://[fd00::1]:8080/health/live');
  assert.is(liveUrl({ PORT: '8080', HOST: '' }), 'http://127.0.0.1:8080/health/live');
});

Health('is content with 200 alone, and says what else it met', async () => {
  let status = 200;
  const paths: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = liveUrl({ PORT: `${(server.address() as AddressInfo).port}` });
  assert.is(await troubleAt(url), undefined);
  status = 503;
  assert.is(await troubleAt(url), `${url} answers 503`);
  assert.equal(paths, ['/health/live', '/health/live']);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.match((await troubleAt(url)) ?? '', /ECONNREFUSED/);
});

Health.run();
