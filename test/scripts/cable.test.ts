import { connect, createServer, type Server, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cable } from '../../scripts/cable.ts';
import { freePort, pause, until } from '../support/realCluster.ts';

const Cables = suite('a cable');

interface Line {
  readonly cable: Cable;
  readonly near: Socket;
  /** The latest connection that came through. */
  readonly far: () => Socket;
  readonly heard: () => string;
  readonly resets: () => number;
  /** Resolves when the far end has heard all that comes. */
  readonly ended: Promise<void>;
}

/** A cable with one connection through it, whose far end notes what it hears. */
async function withLine(use: (line: Line) => Promise<void>, chance?: () => number): Promise<void> {
  let far: Socket | undefined;
  let ended: () => void;
  const hasEnded = new Promise<void>((resolve) => {
    ended = resolve;
  });
  let heard = '';
  let resets = 0;
  const server: Server = createServer((socket) => {
    far = socket;
    socket.setEncoding('latin1').on('data', (text: string) => (heard += text));
    socket.on('error', () => resets++).on('end', () => ended());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen({ port, host: '127.0.0.1' }, resolve));
  const cable = new Cable(1, 2, await freePort(), port, chance);
  await cable.open();
  const near = connect({ port: cable.port, host: '127.0.0.1' });
  near.on('error', () => {});
  try {
    await until('a connection', () => far);
    await use({ cable, near, far: () => far as Socket, heard: () => heard, resets: () => resets, ended: hasEnded });
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
    const lift = cable.impose({ delayMs: 400 });
    const beganAt = performance.now();
    near.write('a');
    await pause(150); // Until the cable has it.
    lift();
    near.write('b');
    await until('both', () => (heard() === 'ab' ? true : undefined));
    assert.ok(performance.now() - beganAt >= 390);
  }),
);

Cables('that is long takes its time with each byte, and with the end', () =>
  withLine(async ({ cable, near, heard, ended }) => {
    cable.impose({ delayMs: 150 });
    const beganAt = performance.now();
    near.write('a');
    await until('a byte', () => (heard() === 'a' ? true : undefined));
    const tookMs = performance.now() - beganAt;
    assert.ok(tookMs >= 148, `${tookMs} ms`);
    const endedAt = performance.now();
    near.end('b');
    await ended;
    assert.is(heard(), 'ab');
    assert.ok(performance.now() - endedAt >= 148, 'the end overtakes nothing');
  }),
);

Cables('that is long tells of a process that died as late as of anything else', () =>
  withLine(async ({ cable, near, far, resets }) => {
    cable.impose({ delayMs: 150 });
    const beganAt = performance.now();
    near.resetAndDestroy();
    await until('the reset', () => (resets() === 1 && far().destroyed ? true : undefined));
    assert.ok(performance.now() - beganAt >= 148);
    const again = connect({ port: cable.port, host: '127.0.0.1' });
    again.on('error', () => {}); // The cable's own end.
    const againAt = performance.now();
    again.write('hello');
    await until('nothing before the greeting of TCP', () => (far().bytesRead === 5 ? true : undefined));
    assert.ok(performance.now() - againAt >= 448, 'there, back, and there');
    again.destroy();
  }),
);

Cables('that jitters keeps the order', () => {
  let draws = 0;
  return withLine(
    async ({ cable, near, heard }) => {
      cable.impose({ delayMs: 5, jitterMs: 60 });
      let said = '';
      for (let i = 0; i < 50; i++) {
        near.write(`${i} `);
        said += `${i} `;
        await pause(2);
      }
      await until('all', () => (heard() === said ? true : undefined));
      assert.ok(draws > 5, 'each chunk draws its own');
    },
    () => (draws++ % 2 === 0 ? 0.9 : 0), // Now long, now short.
  );
});

Cables('that loses a chunk stalls, and what is behind it waits', () => {
  const draws = [0.4, 0.5, 0.9, 0.9, 0.9, 0.9];
  return withLine(
    async ({ cable, near, heard }) => {
      cable.impose({ lossPart: 0.45 });
      const beganAt = performance.now();
      near.write('lost ');
      await pause(30);
      near.write('found');
      await until('both', () => (heard() === 'lost found' ? true : undefined));
      const tookMs = performance.now() - beganAt;
      assert.ok(tookMs >= 398, `${tookMs} ms`);
    },
    () => draws.shift() ?? 0.9,
  );
});

Cables('that is long makes its sender wait for room on it, and has one timer for all that is under way', () =>
  withLine(async ({ cable, near, heard }) => {
    cable.impose({ delayMs: 60_000 });
    const bytes = 64 * 1024 * 1024;
    near.write('x'.repeat(bytes));
    await pause(300);
    assert.is(heard(), '');
    assert.ok(near.writableLength > bytes / 2, `${near.writableLength} bytes wait at the sender`);
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    assert.ok(timers.length <= 4, `${timers.length} timers`);
  }),
);

Cables('that is throttled makes its sender wait', () =>
  withLine(async ({ cable, near, heard }) => {
    const lift = cable.impose({ bytesPerSecond: 1024 * 1024 });
    const bytes = 32 * 1024 * 1024;
    const beganAt = performance.now();
    near.write('x'.repeat(bytes));
    await pause(500);
    await until('some of it', () => (heard() === '' ? undefined : true));
    const passed = heard().length;
    const allowed = (3 + (performance.now() - beganAt) / 1000) * 1024 * 1024;
    assert.ok(passed < allowed, `${passed} of ${Math.round(allowed)} bytes passed`);
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
        // Twice: a process that had no processor finds its timer due before it hears what its sockets say.
        const isWhole = async (): Promise<boolean> => {
          for (let times = 0; times < 2; times++) await pause(150);
          return !socket.destroyed && socket.destroy() !== undefined;
        };
        socket.on('connect', () => resolve(isWhole()));
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
