import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connection, ConnectionHandlers, Links } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { SeededDice } from './dice.ts';
import { type NetworkOptions, SimulatedNetwork } from './simulatedNetwork.ts';
import { SimulatedProcess } from './simulatedProcess.ts';
import { VirtualClock } from './virtualClock.ts';

/** A network of some nodes that write down, with the time, whatever happens to them. */
function aNetwork(options: Partial<NetworkOptions> = {}, seed: string | number = 1) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork({ clock, dice: new SeededDice(seed), latencyMs: 10, jitterMs: 0, ...options });
  const log: string[] = [];
  const processes = new Map<NodeId, SimulatedProcess>();

  const handlers = (self: NodeId): ConnectionHandlers => ({
    frame: (frame) => log.push(`${clock.now()} ${self} got ${frame}`),
    closed: ({ byThisSide, reason }) =>
      log.push(`${clock.now()} ${self} closed${byThisSide ? ' itself' : ''}: ${reason}`),
  });
  const boot = (id: NodeId) => {
    const process = new SimulatedProcess(clock);
    processes.set(id, process);
    const links = network.linksFor(id, process);
    const accepted: Connection[] = [];
    links.listen((connection) => {
      accepted.push(connection);
      return handlers(id);
    });
    return { links, accepted };
  };
  /** Dials and waits for the opening. */
  const open = (links: Links, self: NodeId, peer: NodeId): Connection => {
    let opened: Connection | undefined;
    links.dial(peer, { ...handlers(self), opened: (connection) => (opened = connection) });
    clock.advance(100);
    if (!opened) throw new Error(`${self} could not dial ${peer}: ${log.join(', ')}`);
    return opened;
  };
  const taken = (): string[] => log.splice(0);
  return { clock, network, log, taken, boot, open, processes };
}

const text = (value: string | number): Buffer => Buffer.from(String(value));
const Network = suite('simulated network');

Network('opens after one round trip and carries frames in one latency', () => {
  const { clock, boot, open, taken } = aNetwork();
  boot(1);
  const { links } = boot(2);
  const connection = open(links, 2, 1);
  connection.send(text('a'));
  clock.advance(10);
  assert.equal(taken(), ['110 1 got a']);
});

Network('holds everything during a cut and delivers it in order once healed', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  const { accepted } = boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.cut(2, 1, { oneWay: true });
  connection.send(text('a'));
  connection.send(text('b'));
  accepted[0]?.send(text('the other way'));
  clock.advance(1_000);
  assert.equal(taken(), ['110 2 got the other way']);
  network.heal(2, 1);
  clock.advance(100);
  assert.equal(taken(), ['1110 1 got a', '1110 1 got b']);
});

Network('heals one way alone, when asked to', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  const { accepted } = boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.cut(1, 2);
  connection.send(text('there'));
  accepted[0]?.send(text('back'));
  network.heal(1, 2, { oneWay: true });
  clock.advance(1_000);
  assert.equal(taken(), ['110 2 got back']);
  network.heal(1, 2);
  clock.advance(100);
  assert.equal(taken(), ['1110 1 got there']);
});

Network('isolates and partitions', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  const { accepted } = boot(1);
  const two = boot(2).links;
  const three = boot(3).links;
  const all = [open(two, 2, 1), open(three, 3, 1), open(three, 3, 2), ...accepted];
  const reached = (): string => {
    for (const connection of all) connection.send(text('x'));
    clock.advance(20);
    return taken()
      .map((line) => line.split(' ')[1])
      .sort()
      .join('');
  };
  assert.is(reached(), '11223');
  network.isolate(1);
  assert.is(reached(), '2');
  network.heal();
  clock.advance(20);
  taken();
  network.partition([1, 2], [3]);
  assert.is(reached(), '12');
});

Network('says nothing to the peers of a node that lost power, until it runs again', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.crash(1, { silent: true });
  connection.send(text('lost'));
  clock.advance(60_000);
  assert.equal(taken(), []);
  boot(1);
  clock.advance(100);
  assert.equal(taken(), ['60120 2 closed: connection reset by peer']);
});

Network('resets the connections of a node that crashed, one latency later', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  const { accepted } = boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.crash(1);
  accepted[0]?.send(text('from the dead'));
  accepted[0]?.close('from the dead');
  connection.send(text('lost'));
  clock.advance(100);
  assert.equal(taken(), ['110 2 closed: connection reset by peer']);
});

Network('loses a tail, never a part in the middle, when a connection breaks', () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const { clock, network, boot, open, taken } = aNetwork({}, seed);
    boot(1);
    const connection = open(boot(2).links, 2, 1);
    for (let n = 0; n < 5; n++) connection.send(text(n));
    network.reset(1, 2);
    clock.advance(100);
    const got = taken()
      .filter((line) => line.includes(' got '))
      .map((line) => line.at(-1));
    assert.equal(got, ['0', '1', '2', '3', '4'].slice(0, got.length));
    lengths.add(got.length);
  }
  assert.is(lengths.size, 6);
});

Network('tells both sides of a broken connection, once each', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  boot(1);
  open(boot(2).links, 2, 1);
  network.reset(2, 1);
  clock.advance(1_000);
  assert.equal(taken().sort(), ['110 1 closed: connection reset', '110 2 closed: connection reset']);
});

Network('delivers stranded frames of an old connection after those of a newer one', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  boot(1);
  const { links } = boot(2);
  const old = open(links, 2, 1);
  network.strand(2, 1, 500);
  old.send(text('old'));
  old.close('replaced');
  open(links, 2, 1).send(text('new'));
  clock.advance(1_000);
  assert.equal(taken(), ['100 2 closed itself: replaced', '210 1 got new', '600 1 got old', '600 1 closed: replaced']);
});

Network('stalls a wire for a time', () => {
  const { clock, network, boot, open, taken } = aNetwork();
  boot(1);
  const connection = open(boot(2).links, 2, 1);
  connection.send(text('under way'));
  network.stall(2, 1, 200);
  connection.send(text('after'));
  clock.advance(1_000);
  assert.equal(taken(), ['300 1 got under way', '300 1 got after']);
});

Network('lets bufferedBytes grow on a slow wire, and shrink as the peer takes the bytes', () => {
  const { clock, network, boot, open } = aNetwork({ windowBytes: 1_000 });
  boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.shape(2, 1, { bytesPerSecond: 10_000 });
  for (let n = 0; n < 5; n++) connection.send(Buffer.alloc(1_000));
  assert.is(connection.bufferedBytes, 4_000);
  clock.advance(210);
  assert.is(connection.bufferedBytes, 2_000);
  clock.advance(1_000);
  assert.is(connection.bufferedBytes, 0);
});

Network('holds everything for a paused node, its own timers too, and fills the buffers of who sends to it', () => {
  const { clock, network, boot, open, taken, processes, log } = aNetwork({ windowBytes: 0 });
  boot(1);
  const connection = open(boot(2).links, 2, 1);
  network.pause(1);
  processes.get(1)?.clock.setTimeout(() => log.push(`${clock.now()} 1 timer`), 50);
  connection.send(text('abc'));
  clock.advance(400);
  assert.equal(taken(), []);
  assert.is(connection.bufferedBytes, 3);
  network.resume(1);
  clock.advance(0);
  assert.equal(taken(), ['500 1 timer', '500 1 got abc']);
  assert.is(connection.bufferedBytes, 0);
});

Network('gives up a dial of a node that does not answer, and never opens it later', () => {
  const { clock, network, boot, taken } = aNetwork({ greetingDeadlineMs: 300 });
  boot(1);
  const { links } = boot(2);
  network.pause(1);
  links.dial(1, {
    opened: () => assert.unreachable(),
    frame: () => assert.unreachable(),
    closed: ({ byThisSide, reason }) => assert.equal([byThisSide, reason], [true, 'no answer within 300 ms']),
  });
  clock.advance(1_000);
  network.resume(1);
  clock.advance(1_000);
  assert.equal(taken(), ['1000 1 closed: no answer within 300 ms']);
});

Network('throws when a frame is changed after it was sent', () => {
  const { clock, boot, open } = aNetwork();
  boot(1);
  const frame = text('abc');
  open(boot(2).links, 2, 1).send(frame);
  frame[0] = 0;
  assert.throws(() => clock.advance(100), /changed after it was sent/);
});

Network('replays exactly from the same seed', () => {
  const run = (seed: number): string[] => {
    const { clock, network, boot, open, taken } = aNetwork({ jitterMs: 20 }, seed);
    const dice = new SeededDice(seed);
    boot(1);
    const { links } = boot(2);
    for (let n = 0; n < 20; n++) {
      const connection = open(links, 2, 1);
      for (let i = 0; i < 10; i++) connection.send(text(i));
      if (dice.chance(0.5)) network.reset(1, 2);
      clock.advance(dice.int(50));
    }
    return taken();
  };
  assert.equal(run(3), run(3));
  assert.not.equal(run(3), run(4));
});

Network.run();
