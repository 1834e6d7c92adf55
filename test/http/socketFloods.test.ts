/** What bad clients do to a WebSocket, on each path that opens one: it is ended with a reason, and others are served on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HttpWorld, inWorld, RawClient } from '../support/httpWorld.ts';
import { frameOf, handshake } from '../support/streamClient.ts';

const paths = ['/append', '/append?format=ndjson', '/live', '/inspect'] as const;
const inspect = (): (() => void) => () => {};

async function opened(port: number, path: string): Promise<RawClient> {
  const client = new RawClient(port).say(handshake(path));
  client.socket.setEncoding('latin1');
  await client.hears(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n/);
  return client;
}
/** The code of the close frame among what came; frames of the server are not masked. */
function closeCodeIn(received: string): number | undefined {
  const bytes = Buffer.from(received, 'latin1');
  for (let at = bytes.indexOf('\r\n\r\n') + 4; at + 4 <= bytes.length; ) {
    const length = (bytes[at + 1] as number) & 127;
    if (((bytes[at] as number) & 15) === 8) return bytes.readUInt16BE(at + 2);
    at += length === 126 ? 4 + bytes.readUInt16BE(at + 2) : 2 + length;
  }
  return undefined;
}
async function servesOn({ url, lines }: HttpWorld): Promise<void> {
  assert.is((await fetch(`${url}/health`)).status, 200);
  const bug = lines.find(({ event }) => event === 'http_bug');
  assert.is(bug, undefined, bug?.message);
}

const Floods = suite('floods on a WebSocket');

for (const path of paths) {
  Floods(
    `of ${path}: a message in ever more fragments is given up`,
    inWorld(
      async (world) => {
        const client = await opened(world.port, path);
        const more = frameOf('x', { opcode: 0, final: false });
        client.say(frameOf('x', { final: false }));
        for (let i = 0; i < 20 && !client.closed; i++) {
          client.say(Buffer.concat(Array.from({ length: 1_000 }, () => more)));
          await new Promise((resolve) => setImmediate(resolve));
        }
        assert.ok([1002, 1008, 1009].includes(closeCodeIn(await client.ends()) ?? 0), client.received.slice(-200));
        assert.is(world.node.appends.length, 0);
        await servesOn(world);
      },
      { inspect },
    ),
  );
  Floods(
    `of ${path}: a frame that announces more than is allowed is refused before it comes`,
    inWorld(
      async (world) => {
        const client = await opened(world.port, path);
        const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]); // 256 MiB.
        assert.is(closeCodeIn(await client.say(head).ends()), 1009);
        await servesOn(world);
      },
      { inspect },
    ),
  );
  Floods(
    `of ${path}: who opens it and is silent from then on is let go`,
    inWorld(
      async (world) => {
        const client = await opened(world.port, path); // It answers no ping.
        await client.ends();
        await servesOn(world);
      },
      { inspect, limits: { heartbeatMs: 30, stallMs: 100 } },
    ),
  );
}
Floods.run();
