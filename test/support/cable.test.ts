import { connect, createServer, type Server, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cable } from './cable.ts';
import { freePort, pause, until } from './realCluster.ts';

const Cables = suite('a cable');

interface Line {
  readonly cable: Cable;
  readonly near: Socket;
  /** The latest connection that came through. */
  readonly far: () => Socket;
  readonly heard: () => string;
  readonly resets: () => number;
}

/** A cable with one connection through it, whose far end notes what it hears. */
async function withLine(use: (line: Line) => Promise<void>): Promise<void> {
  let far: Socket | undefined;
  let heard = '';
  let resets = 0;
  const server: Server = createServer((socket) => {
    far = socket;
    socket.setEncoding('latin1').on('data', (text: string) => (heard += text));
    socket.on('error', () => resets++);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen({ port, host: '127.0.0.1' }, resolve));
  const cable = new Cable(1, 2, await freePort(), port);
  await cable.open();
  const near = connect({ port: cable.port, host: '127.0.0.1' });
  near.on('error', () => {});
  try {
    await until('a connection', () => far);
    await use({ cable, near, far: () => far as Socket, heard: () => heard, resets: () => resets });
  } finally {
    near.destroy();
    cable.close();
    far?.destroy();
    server.close();
  }
}

Cables('that is silent one way passes the other, and brings everything, in order, when all is lifted', () =>
  withLine(async ({ cable, near, far, heard }) => {
    const first = cable.impose({ silent: ['up'] });
    const second = cable.impose({ silent: ['up'], delayMs: 20 });
    near.write('one ');
    near.write('two ');
    let back = '';
    near.on('data', (chunk) => (back += chunk));
    far().write('back');
    await until('the answer', () => (back === 'back' ? true : undefined));
    first();
    await pause(60);
    assert.is(heard(), '', 'the second trouble goes on');
    second();
    near.write('three');
    await until('all of it', () => (heard() === 'one two three' ? true : undefined));
  }),
);

Cables('that is slow keeps the order, also when it gets fast again', () =>
  withLine(async ({ cable, near, heard }) => {
    const lift = cable.impose({ delayMs: 150 });
    const beganAt = performance.now();
    near.write('a');
    await pause(30);
    lift();
    near.write('b');
    await until('both', () => (heard() === 'ab' ? true : undefined));
    assert.ok(performance.now() - beganAt >= 140);
  }),
);

Cables('that is throttled makes its sender wait', () =>
  withLine(async ({ cable, near, heard }) => {
    const lift = cable.impose({ bytesPerSecond: 1024 * 1024 });
    const bytes = 32 * 1024 * 1024;
    near.write('x'.repeat(bytes));
    await pause(500);
    const passed = heard().length;
    assert.ok(passed > 0 && passed < 4 * 1024 * 1024, `${passed} bytes passed`);
    assert.ok(near.writableLength > bytes / 4, `${near.writableLength} bytes wait at the sender`);
    lift();
  }),
);

Cables('that is cut tells both ends, and lets nobody through until it is mended', () =>
  withLine(async ({ cable, near, far, resets }) => {
    const lift = cable.impose({ cut: true });
    await until('both ends to hear', () => (near.destroyed && far().destroyed ? true : undefined));
    assert.is(resets(), 1);
    const again = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect({ port: cable.port, host: '127.0.0.1' });
        socket.on('error', () => resolve(false));
        socket.on('close', () => resolve(false));
        socket.on('connect', () => setTimeout(() => resolve(!socket.destroyed && socket.destroy() !== undefined), 50));
      });
    assert.is(await again(), false);
    lift();
    assert.is(await again(), true);
  }),
);

Cables('that resets after some bytes breaks in the middle of a chunk', () =>
  withLine(async ({ cable, near, heard, resets }) => {
    cable.impose({ resetAfterBytes: 10 });
    near.write('123456');
    await until('the first', () => (heard() === '123456' ? true : undefined));
    near.write('789abcdef');
    await until('the reset', () => (near.destroyed && resets() === 1 ? true : undefined));
    assert.is(heard(), '123456789a');
  }),
);

Cables.run();
