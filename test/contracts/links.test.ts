/** One suite for every implementation of the Links port: real sockets on loopback, and the simulated network. */

import { createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CloseReason, Connection, ConnectionHandlers, Links } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { type PeerAddress, WebSocketLinks } from '../../transport/webSocketLinks.ts';
import { SeededDice } from '../support/dice.ts';
import { SimulatedNetwork } from '../support/simulatedNetwork.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const maxFrameBytes = 2 * 1024 * 1024;
const greetingDeadlineMs = 2_000;

interface World {
  links(id: NodeId): Promise<Links>;
  /** From now on the host of this id takes what is sent to it and says nothing. */
  silence(id: NodeId): Promise<void>;
  kill(id: NodeId): void;
  /** Lets things happen until the condition holds; fails when it does not in bounded time. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything happen that is under way. */
  settle(): Promise<void>;
  end(): Promise<void>;
}

function simulatedWorld(): World {
  const clock = new VirtualClock();
  const dice = new SeededDice('contract');
  const network = new SimulatedNetwork({ clock, dice, maxFrameBytes, greetingDeadlineMs });
  const boundMs = 10_000;
  return {
    links: async (id) => network.linksFor(id),
    silence: async (id) => network.isolate(id),
    kill: (id) => network.crash(id),
    until: async (condition, what) => {
      while (!condition()) if (clock.now() > boundMs || !clock.runNext()) throw new Error(`never: ${what}`);
    },
    settle: async () => clock.advance(2 * greetingDeadlineMs),
    end: async () => {},
  };
}

function realWorld(): World {
  const addresses = new Map<NodeId, PeerAddress>();
  const running = new Map<NodeId, WebSocketLinks>();
  const silent: Server[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (const id of [1, 2, 3]) addresses.set(id, { host: '127.0.0.1', port: 1 }); // Nobody listens on port 1.
  return {
    links: async (self) => {
      const options = { self, peers: addresses, host: '127.0.0.1', port: 0, secret: 'a secret', greetingDeadlineMs };
      const links = new WebSocketLinks({ ...options, maxFrameBytes });
      running.set(self, links);
      addresses.set(self, await links.start());
      return links;
    },
    silence: async (id) => {
      const server = createServer((socket) => socket.on('error', () => {}).resume());
      silent.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      if (address !== null && typeof address === 'object') addresses.set(id, { host: '127.0.0.1', port: address.port });
    },
    kill: (id) => void running.get(id)?.stop(),
    until: async (condition, what) => {
      const deadline = performance.now() + 30_000; // A hang, not a measure.
      while (!condition()) {
        if (performance.now() > deadline) throw new Error(`never: ${what}`);
        await turn();
      }
    },
    settle: async () => {
      for (let n = 0; n < 200; n++) await turn();
    },
    end: async () => {
      for (const server of silent) server.close();
      await Promise.all([...running.values()].map((links) => links.stop()));
    },
  };
}

/** Handlers that note what they hear; after `closed` they must hear nothing. */
class Ear implements ConnectionHandlers {
  readonly frames: Buffer[] = [];
  readonly closes: CloseReason[] = [];
  readonly late: string[] = [];
  connection: Connection | undefined;
  opened(connection: Connection): void {
    if (this.closes.length > 0 || this.connection) this.late.push('opened');
    this.connection = connection;
  }
  frame(frame: Buffer): void {
    if (this.closes.length > 0 || !this.connection) this.late.push('frame');
    this.frames.push(frame);
  }
  closed(reason: CloseReason): void {
    if (this.closes.length > 0) this.late.push('closed');
    this.closes.push(reason);
  }
  get texts(): string[] {
    return this.frames.map(String);
  }
}

/** Node 2 has dialled node 1; both sides are open. */
async function aPair(world: World) {
  const accepted: Ear[] = [];
  const one = await world.links(1);
  const two = await world.links(2);
  one.listen((connection) => {
    const ear = new Ear();
    ear.connection = connection;
    accepted.push(ear);
    return ear;
  });
  two.listen(() => new Ear());
  const dial = async (): Promise<{ near: Ear; here: Connection; far: Ear; there: Connection }> => {
    const near = new Ear();
    const before = accepted.length;
    two.dial(1, near);
    await world.until(() => near.connection !== undefined && accepted.length > before, 'opened');
    const far = accepted[before] as Ear;
    return { near, here: near.connection as Connection, far, there: far.connection as Connection };
  };
  return { one, two, accepted, dial, ...(await dial()) };
}

function contract(name: string, aWorld: () => World): void {
  const Contract = suite(`links: ${name}`);
  const it = (sentence: string, body: (world: World) => Promise<void>): void => {
    Contract(sentence, async () => {
      const world = aWorld();
      try {
        await body(world);
      } finally {
        await world.end();
      }
    });
  };

  it('tells both sides who the other is, and who dialled', async (world) => {
    const { here, there } = await aPair(world);
    assert.equal([here.peer, here.dialled, there.peer, there.dialled], [1, true, 2, false]);
  });

  it('carries frames of all sizes both ways, in order and unchanged', async (world) => {
    const { near, here, far, there } = await aPair(world);
    const sizes = [0, 1, 125, 126, 65_535, 65_536, maxFrameBytes, 7];
    const frames = sizes.map((size, n) => Buffer.alloc(size, n + 1));
    for (const frame of frames) {
      here.send(frame);
      there.send(frame);
    }
    await world.until(() => near.frames.length === 8 && far.frames.length === 8, 'all frames');
    for (const [n, frame] of frames.entries()) {
      assert.ok(far.frames[n]?.equals(frame), `frame ${n} there`);
      assert.ok(near.frames[n]?.equals(frame), `frame ${n} here`);
    }
    assert.equal(
      frames.map((frame) => frame[0]),
      [undefined, 2, 3, 4, 5, 6, 7, 8],
      'the sender keeps its bytes',
    );
  });

  it('keeps the order of many small frames, of one turn and of several', async (world) => {
    const { here, far } = await aPair(world);
    const sent: string[] = [];
    for (let turn = 0; turn < 20; turn++) {
      for (let n = 0; n < 100; n++) here.send(Buffer.from(sent[sent.push(`${turn}/${n}`) - 1] as string));
      await world.settle();
    }
    await world.until(() => far.frames.length === sent.length, 'all frames');
    assert.equal(far.texts, sent);
  });

  it('carries what is sent while the connection is being announced', async (world) => {
    const one = await world.links(1);
    const two = await world.links(2);
    const far = new Ear();
    const near = new Ear();
    one.listen((connection) => {
      far.connection = connection;
      connection.send(Buffer.from('from the listener'));
      for (let n = 0; n < 4; n++) connection.send(Buffer.alloc(50_000));
      return far;
    });
    two.dial(1, {
      frame: (frame) => near.frame(frame),
      closed: (reason) => near.closed(reason),
      opened: (connection) => {
        near.opened(connection);
        connection.send(Buffer.from('from the dialler'));
      },
    });
    await world.until(() => near.frames.length === 5 && far.frames.length === 1, 'all frames');
    assert.equal([near.texts.slice(0, 1), far.texts, near.late], [['from the listener'], ['from the dialler'], []]);
  });

  it('never calls back before the call has returned', async (world) => {
    const { two, near, here } = await aPair(world);
    const other = new Ear();
    two.dial(1, other);
    two.dial(3, other);
    assert.equal([other.connection, other.closes.length], [undefined, 0]);
    here.send(Buffer.from('x'));
    here.close('enough');
    assert.equal(near.closes, []);
  });

  it('reports a close once on each side, with the reason and whose it was', async (world) => {
    const { near, here, far } = await aPair(world);
    here.close('CONFIG_MISMATCH: other members');
    here.close('again');
    await world.until(() => near.closes.length > 0 && far.closes.length > 0, 'closed');
    await world.settle();
    assert.equal(near.closes, [{ byThisSide: true, reason: 'CONFIG_MISMATCH: other members' }]);
    assert.equal(far.closes, [{ byThisSide: false, reason: 'CONFIG_MISMATCH: other members' }]);
  });

  it('reports one close to each side when both close at the same time', async (world) => {
    const { near, here, far, there } = await aPair(world);
    here.close('here');
    there.close('there');
    await world.until(() => near.closes.length > 0 && far.closes.length > 0, 'closed');
    await world.settle();
    assert.equal(
      [...near.closes, ...far.closes].map(({ byThisSide }) => byThisSide),
      [true, true],
    );
  });

  it('delivers what was sent before a close, and then the close', async (world) => {
    const { here, far } = await aPair(world);
    for (let n = 0; n < 10; n++) here.send(Buffer.from(String(n)));
    here.close('done');
    await world.until(() => far.closes.length > 0, 'closed');
    assert.equal(far.texts.join(''), '0123456789');
    assert.equal(far.late, []);
  });

  it('drops what is sent after a close', async (world) => {
    const { here, far } = await aPair(world);
    // The network may take the first at once; what follows in the same turn is held.
    for (let n = 0; n < 2; n++) here.send(Buffer.alloc(1_500_000));
    assert.ok(here.bufferedBytes > 0);
    here.close('done');
    here.send(Buffer.from('too late'));
    assert.is(here.bufferedBytes, 0);
    await world.until(() => far.closes.length > 0, 'closed');
    here.send(Buffer.from('too late'));
    far.connection?.send(Buffer.from('too late'));
    await world.settle();
    assert.equal([far.frames.length, here.bufferedBytes, far.connection?.bufferedBytes], [2, 0, 0]);
  });

  it('reports no frame after this side has closed', async (world) => {
    const { near, here, there } = await aPair(world);
    for (let n = 0; n < 100; n++) there.send(Buffer.alloc(1_000));
    here.close('done');
    await world.until(() => near.closes.length > 0, 'closed');
    await world.settle();
    assert.equal([near.frames.length, near.late], [0, []]);
  });

  it('counts in bufferedBytes what the network has not taken yet', async (world) => {
    const { here, far } = await aPair(world);
    assert.is(here.bufferedBytes, 0);
    for (let n = 0; n < 32; n++) here.send(Buffer.alloc(1_000_000));
    assert.ok(here.bufferedBytes > 16_000_000, String(here.bufferedBytes));
    await world.until(() => far.frames.length === 32, 'all frames');
    await world.until(() => here.bufferedBytes === 0, 'an empty buffer');
  });

  it('counts in receivedBytes what has come in', async (world) => {
    const { here, far } = await aPair(world);
    const there = far.connection as Connection;
    const before = there.receivedBytes;
    here.send(Buffer.alloc(100_000));
    await world.until(() => far.frames.length === 1, 'the frame');
    assert.ok(there.receivedBytes >= before + 100_000, `${there.receivedBytes} after ${before}`);
    assert.ok(here.receivedBytes < 100_000);
  });

  it('closes the connection on an own frame that is too long', async (world) => {
    const { near, here, far } = await aPair(world);
    here.send(Buffer.alloc(maxFrameBytes + 1));
    await world.until(() => near.closes.length > 0 && far.closes.length > 0, 'closed');
    assert.match(near.closes[0]?.reason ?? '', /above maxFrameBytes/);
    assert.is(near.closes[0]?.byThisSide, true);
    assert.equal(far.frames, []);
  });

  it('lets several connections of one pair live side by side', async (world) => {
    const { here, far, dial, near } = await aPair(world);
    const second = await dial();
    here.send(Buffer.from('first'));
    second.here.send(Buffer.from('second'));
    await world.until(() => far.frames.length + second.far.frames.length === 2, 'both frames');
    assert.equal([far.texts, second.far.texts], [['first'], ['second']]);
    here.close('replaced');
    await world.until(() => near.closes.length > 0 && far.closes.length > 0, 'closed');
    second.there.send(Buffer.from('still here'));
    await world.until(() => second.near.frames.length === 1, 'a frame on the second');
    assert.equal(second.near.closes, []);
  });

  it('reports a dial as refused when nobody listens there', async (world) => {
    const two = await world.links(2);
    const near = new Ear();
    two.dial(1, near);
    await world.until(() => near.closes.length > 0, 'closed');
    await world.settle();
    assert.is(near.connection, undefined);
    assert.is(near.closes.length, 1);
    assert.is(near.closes[0]?.byThisSide, false);
    assert.match(near.closes[0]?.reason ?? '', /refused/i);
  });

  it('takes no connection before the node listens', async (world) => {
    await world.links(1);
    const two = await world.links(2);
    const near = new Ear();
    two.dial(1, near);
    await world.until(() => near.closes.length > 0, 'closed');
    assert.equal([near.connection, near.closes[0]?.byThisSide], [undefined, false]);
  });

  it('refuses a dialler with the lower id, and says why', async (world) => {
    const one = await world.links(1);
    const two = await world.links(2);
    const near = new Ear();
    let announced = 0;
    two.listen(() => {
      announced++;
      return new Ear();
    });
    one.dial(2, near);
    await world.until(() => near.closes.length > 0, 'closed');
    await world.settle();
    assert.equal([near.connection, announced, near.closes[0]?.byThisSide], [undefined, 0, false]);
    assert.match(near.closes[0]?.reason ?? '', /^refused: the higher id dials, and 1 is lower than 2$/);
  });

  it('gives up a dial of a silent host at the deadline; that is no word of the other side', async (world) => {
    const two = await world.links(2);
    await world.silence(1);
    const near = new Ear();
    two.dial(1, near);
    await world.until(() => near.closes.length > 0, 'closed');
    await world.settle();
    assert.equal(near.closes, [{ byThisSide: true, reason: `no answer within ${greetingDeadlineMs} ms` }]);
    assert.is(near.connection, undefined);
  });

  it('tells a peer when the other node ends', async (world) => {
    const { near } = await aPair(world);
    world.kill(1);
    await world.until(() => near.closes.length > 0, 'closed');
    await world.settle();
    assert.is(near.closes.length, 1);
    assert.is(near.closes[0]?.byThisSide, false);
  });

  Contract.run();
}

contract('simulated network', simulatedWorld);
contract('web sockets', realWorld);
