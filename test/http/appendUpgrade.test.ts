/** Who may open an append stream, and that nothing else is taken for one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld, RawClient, until } from '../support/httpWorld.ts';
import { trouble } from '../support/memoryFacade.ts';
import { frameOf, handshake, StreamClient } from '../support/streamClient.ts';
import { pause } from '../support/waiting.ts';

const Opening = suite('opening an append stream');
const host = 'Host: localhost\r\n';

/** The whole answer to a handshake that must be refused. */
async function refusal(port: number, request: string): Promise<string> {
  const client = new RawClient(port).say(request);
  const text = await client.hears(/\r\n\r\n\{.*\}\n$|^HTTP\/1.1 101/);
  client.hangUp();
  return text;
}

Opening(
  'is guarded as a write is, and refused like any request',
  inWorld(
    async ({ port, lines }) => {
      const token = 'Authorization: Bearer secret\r\n';
      for (const [headers, status, code] of [
        ['', 401, 'TOKEN_REQUIRED'],
        ['Authorization: Bearer wrong\r\n', 401, 'TOKEN_REQUIRED'],
        [`${token}Origin: https://evil.example\r\n`, 403, 'FOREIGN_ORIGIN'],
        [`${token}Sec-Fetch-Site: cross-site\r\n`, 403, 'FOREIGN_ORIGIN'],
        [`${token}Host: other\r\n`, 400, 'MALFORMED_REQUEST'],
        [`${token}Lamport-Time: soon\r\n`, 400, 'HEADER_INVALID'],
      ] as const) {
        const text = await refusal(port, handshake('/append', headers));
        assert.match(
          text,
          new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\r\nConnection: close\r\n[\\s\\S]*"code":"${code}"`),
        );
      }
      const rebound = handshake('/append', token).replace('localhost', 'log.evil.example');
      assert.match(await refusal(port, rebound), /^HTTP\/1.1 421 /);
      assert.ok(lines.length >= 7, 'each has its line in the log');
      for (const headers of [
        token,
        `${token}Origin: http://localhost\r\n`,
        `${token}Origin: https://app.example\r\n`,
      ]) {
        assert.match(await refusal(port, handshake('/append', headers)), /^HTTP\/1.1 101 /);
      }
    },
    { apiToken: 'secret', allowedOrigins: ['https://app.example'] },
  ),
);
Opening(
  'refuses what it does not understand',
  inWorld(async ({ port, node }) => {
    for (const [query, code] of [
      ['form=text', 'UNKNOWN_PARAMETER'],
      ['format=json', 'PARAMETER_INVALID'],
      ['timeout=0', 'PARAMETER_INVALID'],
      ['timeout=60001', 'PARAMETER_INVALID'],
      ['from=0', 'PARAMETER_INVALID'],
      ['from=-1', 'PARAMETER_INVALID'],
      ['from=9007199254740991', 'PARAMETER_INVALID'],
      ['session=', 'PARAMETER_INVALID'],
      [`session=${'s'.repeat(101)}`, 'PARAMETER_INVALID'],
      ['session=two%20words', 'PARAMETER_INVALID'],
      ['session=%C3%A9', 'PARAMETER_INVALID'],
      ['session=a&session=b', 'PARAMETER_INVALID'],
      ['format=%ff', 'MALFORMED_URL'],
    ] as const) {
      const text = await refusal(port, handshake(`/append?${query}`));
      assert.match(text, new RegExp(`^HTTP/1.1 400 [\\s\\S]*"code":"${code}"`), query);
    }
    const longest = await new StreamClient(port, `?session=${'s'.repeat(100)}&from=${2 ** 52}`).opened();
    assert.is((await longest.send('a').finish()).lines[0]?.n, 2 ** 52);
    assert.ok((node.appends[0]?.key?.key.length ?? 0) <= 128);
  }),
);
Opening(
  'waits for no node that takes no writes, but for one that is overloaded',
  inWorld(async ({ port, node }) => {
    node.refusing = trouble('DISK_FULL');
    assert.match(await refusal(port, handshake()), /^HTTP\/1.1 507 [\s\S]*Retry-After: 10\r\n[\s\S]*DISK_FULL/);
    node.refusing = trouble('OVERLOADED');
    assert.match(await refusal(port, handshake()), /^HTTP\/1.1 101 /);
  }),
);
Opening(
  'is bounded in number, and among the connections',
  inWorld(
    async ({ port }) => {
      const first = await new StreamClient(port).opened();
      const second = await new StreamClient(port).opened();
      assert.match(await refusal(port, handshake()), /^HTTP\/1.1 503 [\s\S]*TOO_MANY_STREAMS/);
      await second.finish();
      const third = await new StreamClient(port).opened();
      const idle = await new RawClient(port).opened();
      await until(() => !idle.closed, 'a third connection');
      assert.match(await refusal(port, handshake()), /^HTTP\/1.1 503 [\s\S]*TOO_MANY_CONNECTIONS/);
      await Promise.all([first.finish(), third.finish()]);
      idle.hangUp();
    },
    { limits: { maxStreams: 2, maxConnections: 3 } },
  ),
);
Opening(
  'says what it is to whoever comes with a plain request or another version',
  inWorld(async ({ port, url }) => {
    const plain = await fetch(`${url}/append`);
    assert.equal([plain.status, plain.headers.get('upgrade')], [426, 'websocket']);
    assert.is((await fetch(`${url}/append`, { method: 'POST', body: 'x' })).status, 405);
    for (const [from, to] of [
      ['Version: 13', 'Version: 8'],
      ['Key: dGhl', 'Key: '],
      ['Upgrade: websocket', 'Upgrade: websocket2'],
      ['localhost\r\n', 'localhost\r\nContent-Length: 1\r\n'],
    ] as const) {
      const text = await refusal(port, `${handshake().replace(from, to)}${to.includes('Length') ? 'x' : ''}`);
      assert.match(text, /^HTTP\/1.1 426 [\s\S]*Sec-WebSocket-Version: 13\r\n[\s\S]*UPGRADE_REQUIRED/, to);
    }
    for (const path of ['/alive', '/appendix', '/append/more', '/peer']) {
      assert.match(await refusal(port, handshake(path)), /^HTTP\/1.1 404 [\s\S]*NOT_FOUND/, path);
    }
    // Names of the path that only the router would take for it.
    for (const path of ['/append/', '/APPEND', 'http://localhost/append']) {
      assert.match(await refusal(port, handshake(path)), /^HTTP\/1.1 (?:426|404) /, path);
    }
  }),
);
Opening(
  'leaves requests that ask for other protocols what they are, with their bodies',
  inWorld(async ({ port, node }) => {
    const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';
    const get = new RawClient(port).say(`GET /leader HTTP/1.1\r\n${host}${h2c}\r\n`);
    await get.hears(/^HTTP\/1.1 200 OK[\s\S]*8001\n$/);
    const post = new RawClient(port).say(`POST / HTTP/1.1\r\n${host}${h2c}Content-Length: 5\r\n\r\nhel`);
    await pause(50);
    assert.is(node.appends.length, 0, 'half of it');
    await post.say('lo').hears(/^HTTP\/1.1 200 OK[\s\S]*"id":1/);
    const chunked = new RawClient(port).say(
      `POST /messages HTTP/1.1\r\n${host}${h2c}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    chunked.say('4\r\n"a"\n\r\n4\r\n"b"\n\r\n0\r\n\r\n');
    await chunked.hears(/"count":2/);
    const webSocket = new RawClient(port).say(
      `POST / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi`,
    );
    await webSocket.hears(/^HTTP\/1.1 200 OK[\s\S]*"id":4/);
    // The connection goes on as it was.
    await post.say(`GET /messages/1 HTTP/1.1\r\n${host}\r\n`).hears(/"content":"hello"/);
    for (const client of [get, post, chunked, webSocket]) client.hangUp();
  }),
);
Opening(
  'does not cut in on answers that are still due',
  inWorld(async ({ port, node }) => {
    node.holding = true;
    const client = new RawClient(port).say(`POST /?message=a HTTP/1.1\r\n${host}\r\n${handshake()}`);
    await until(() => node.appends.length === 1, 'the write arrives');
    node.release();
    const text = await client.hears(/UPGRADE_REQUIRED/);
    assert.match(text, /^HTTP\/1.1 200 OK[\s\S]*"id":1[\s\S]*HTTP\/1.1 426 /);
    client.hangUp();
    // After an answer it may follow on the same connection, with its first frames in one piece.
    const next = new RawClient(port).say(`GET /leader HTTP/1.1\r\n${host}\r\n`);
    await next.hears(/8001\n$/);
    next.say(Buffer.concat([Buffer.from(handshake()), frameOf('at once'), frameOf('', { opcode: 8 })]));
    assert.match(await next.ends(), /HTTP\/1.1 101 [\s\S]*"n":1,"first_id":2,"count":1/);
  }),
);

Opening.run();
