/** The life of a connection, and its frames: PROTOCOL §3, R19, R24, R25. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WireEvent } from '../../actors/events.ts';
import { type LinkInput, link } from '../../actors/link.ts';
import type { Connection, ConnectionHandlers } from '../../actors/ports.ts';
import { decodeFrame, encodeFrame } from '../../actors/protocol/frameCodec.ts';
import type { Greeted, Hello } from '../../actors/protocol/frames.ts';
import { maxBufferedBytes, Wire } from '../../actors/wire.ts';
import { aLog, aMachine, aScope, type MachineWorld } from '../support/actorWorld.ts';
import { aPing } from '../support/pipelineWorld.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const greetingMs = 2000;
const hello: Hello = {
  kind: 'hello',
  version: 1,
  clusterId: null,
  from: 1,
  incarnation: '0123456789abcdef',
  boot: 1,
  connection: 1,
  membership: [1, 2],
  priority: 0,
  maxFrameBytes: 1024,
  memoryLost: false,
};
const greeted: Greeted = { kind: 'greeted', epoch: 0, appended: 0, last: 0 };

const aConnection = (peer: number): Connection => ({
  peer,
  dialled: true,
  send: () => undefined,
  bufferedBytes: 0,
  receivedBytes: 0,
  close: () => undefined,
});

interface LinkWorld extends MachineWorld<typeof link> {
  readonly dials: {
    readonly peer: number;
    readonly handlers: ConnectionHandlers & { opened(connection: Connection): void };
  }[];
  readonly state: () => string;
}
function aLink(input: Partial<LinkInput> = {}): LinkWorld {
  const dials: LinkWorld['dials'] = [];
  let key = 0;
  const peer = input.peer ?? 1;
  const world = aMachine(link, `link:${peer}`, {
    self: 2,
    peer,
    links: { listen: () => undefined, dial: (to, handlers) => void dials.push({ peer: to, handlers }) },
    dice: { next: () => 0.5 },
    log: aLog(),
    nextKey: () => ++key,
    greetingMs,
    ...input,
  });
  const state = (): string => {
    const { value } = world.snapshot();
    return typeof value === 'string' ? value : String((value as { connected: string }).connected);
  };
  return { ...world, dials, state };
}
/** All the way up, on connection 1. */
function anOpenLink(): LinkWorld {
  const world = aLink();
  world.dials[0]?.handlers.opened(aConnection(1));
  world.send({ type: 'hello.accepted', key: 1, hello } as never);
  world.send({ type: 'peer.answered', key: 1, greeted } as never);
  assert.is(world.state(), 'up');
  world.ear.forget();
  return world;
}
const gone = ['formation', 'pipeline', 'election', 'ingress', 'sessions'].map((name) => `${name}:peer.disconnected`);

const Links = suite('links');

Links('the higher id dials, the lower waits to be dialled', () => {
  assert.equal(
    aLink({ self: 2, peer: 1 }).dials.map(({ peer }) => peer),
    [1],
  );
  const lower = aLink({ self: 1, peer: 2 });
  assert.equal(lower.dials, []);
  assert.is(lower.state(), 'down');
  lower.send({ type: 'dial.accepted', key: 9, connection: aConnection(2) } as never);
  assert.is(lower.state(), 'greeting');
});

Links('greet on every connection, and are up when both sides have (R24)', () => {
  const world = aLink();
  world.dials[0]?.handlers.opened(aConnection(1));
  assert.equal(world.ear.story, ['wire:1:wire.attach', 'formation:hello.wanted']);
  world.ear.forget();
  world.send({ type: 'peer.answered', key: 1, greeted } as never);
  assert.is(world.state(), 'greeting', 'its HELLO is not accepted yet');
  world.send({ type: 'hello.accepted', key: 1, hello } as never);
  assert.equal(world.ear.story, ['wire:1:wire.accept', 'pipeline:peer.connected', 'election:peer.connected']);
  world.send({ type: 'peer.answered', key: 1, greeted } as never);
  assert.is(world.state(), 'up');
  assert.equal(world.ear.story.slice(3), ['ingress:peer.greeted']);
});

Links('heed nothing of a connection that is not the present one (A1)', () => {
  const world = aLink();
  world.dials[0]?.handlers.opened(aConnection(1));
  world.send({ type: 'hello.accepted', key: 7, hello } as never);
  world.send({ type: 'hello.refused', key: 7, reason: 'no' } as never);
  world.send({ type: 'connection.closed', key: 7, reason: { byThisSide: false, reason: 'old' } } as never);
  assert.is(world.state(), 'greeting');
  assert.equal(world.ear.story.slice(2), []);
});

Links('a connection that ends is told to everybody, with who ended it (R19)', () => {
  for (const byThisSide of [true, false]) {
    const world = anOpenLink();
    world.dials[0]?.handlers.closed({ byThisSide, reason: 'reset' });
    assert.equal(world.ear.story, ['wire:1:wire.detach', ...gone]);
    assert.equal(
      world.ear.named('election', 'peer.disconnected').map((event) => event.byThisSide),
      [byThisSide],
    );
    assert.is(world.state(), 'waiting');
  }
});

Links('a refused dial says as much as a closed connection (R19)', () => {
  const world = aLink();
  world.dials[0]?.handlers.closed({ byThisSide: false, reason: 'refused' });
  assert.equal(world.ear.story, gone);
});

Links('dial again after a while that doubles up to a second', () => {
  const world = aLink();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    const begun = world.clock.now();
    world.dials.at(-1)?.handlers.closed({ byThisSide: false, reason: 'refused' });
    const count = world.dials.length;
    while (world.dials.length === count) world.clock.runNext();
    waits.push(world.clock.now() - begun);
  }
  assert.equal(waits, [40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
});

Links('a newer connection takes the place of the older one, which is heard of first (A2)', () => {
  const world = anOpenLink();
  world.send({ type: 'dial.accepted', key: 8, connection: aConnection(1) } as never);
  assert.is(world.state(), 'greeting');
  assert.equal(world.ear.story, ['wire:1:wire.detach', ...gone, 'wire:1:wire.attach', 'formation:hello.wanted']);
  assert.equal(
    world.ear.named('election', 'peer.disconnected').map(({ byThisSide }) => byThisSide),
    [true],
  );
  world.dials[0]?.handlers.closed({ byThisSide: true, reason: 'replaced' });
  assert.is(world.state(), 'greeting', 'the end of the older one is no news');
});

Links('a greeting that takes too long is given up', () => {
  const world = aLink();
  world.dials[0]?.handlers.opened(aConnection(1));
  world.clock.advance(greetingMs - 1);
  assert.is(world.state(), 'greeting');
  world.clock.advance(1);
  assert.is(world.state(), 'waiting');
});

Links('a peer that is refused, misbehaves, falls silent or must begin anew is dropped and heard of', () => {
  const events = [
    { type: 'hello.refused', key: 1, reason: 'another cluster' },
    { type: 'peer.misbehaved', reason: 'a malformed frame' },
    { type: 'peer.fell-silent' },
    { type: 'link.renew', reason: 'formed' },
  ];
  for (const event of events) {
    const world = anOpenLink();
    world.send(event as never);
    assert.is(world.state(), 'waiting', event.type);
    assert.equal(world.ear.story, ['wire:1:wire.detach', ...gone], event.type);
    const [detach] = world.ear.told as unknown as readonly {
      readonly event: Extract<WireEvent, { type: 'wire.detach' }>;
    }[];
    assert.type(detach?.event.close, 'string', 'the wire closes it, behind what was sent');
    assert.equal(
      world.ear.named('election', 'peer.disconnected').map(({ byThisSide }) => byThisSide),
      [true],
    );
  }
});

Links('announce nobody twice: what was told of an end is not told again', () => {
  const world = anOpenLink();
  world.send({ type: 'peer.fell-silent' } as never);
  world.ear.forget();
  world.dials[0]?.handlers.closed({ byThisSide: true, reason: 'closed' });
  assert.equal(world.ear.story, []);
});

Links.run();

const Wires = suite('wires');

interface WireWorld {
  readonly clock: VirtualClock;
  readonly wire: Wire;
  readonly out: Buffer[];
  readonly closed: string[];
  readonly connection: { bufferedBytes: number; receivedBytes: number };
  readonly story: () => string[];
  /** Of the newest frame that was passed on. */
  readonly roundTripSentAt: () => number | undefined;
  readonly dropped: () => number;
  readonly arrive: (bytes: Buffer, key?: number) => void;
}
/** Greeted on both sides, unless it is told not to be. */
function aWire(greeted = true): WireWorld {
  const clock = new VirtualClock(1000);
  const { scope, ear } = aScope();
  const wire = new Wire({ peer: 2, clock, silentMs: 5000 }, scope);
  const out: Buffer[] = [];
  const closed: string[] = [];
  const connection = {
    peer: 2,
    dialled: false,
    bufferedBytes: 0,
    receivedBytes: 0,
    send: (frame: Buffer) => void out.push(frame),
    close: (reason: string) => void closed.push(reason),
  };
  wire.receive({ type: 'wire.attach', key: 1, connection });
  if (greeted) {
    wire.receive({ type: 'frame.out', frame: hello, lamport: 0 });
    wire.receive({ type: 'wire.accept', key: 1 });
    out.length = 0;
    ear.forget();
  }
  return {
    clock,
    wire,
    out,
    closed,
    connection,
    story: () => ear.story.filter((line) => !line.startsWith('metrics')),
    roundTripSentAt: () => ear.named('clock', 'frame.received').at(-1)?.roundTripSentAt,
    dropped: () => ear.story.filter((line) => line === 'metrics:frame.dropped').length,
    arrive: (bytes, key = 1) => wire.receive({ type: 'bytes.arrived', key, bytes }),
  };
}
const probe = encodeFrame({ kind: 'probe', nonce: 5 }, 9);

Wires('encode what goes out and decode what comes in, with the Lamport time', () => {
  const world = aWire();
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  assert.ok(world.out[0]?.equals(probe));
  world.arrive(probe);
  assert.equal(world.story(), ['clock:frame.received']);
});

Wires('drop and count what comes on another connection, or on none (A1)', () => {
  const world = aWire();
  world.arrive(probe, 7);
  world.wire.receive({ type: 'wire.detach' });
  world.arrive(probe);
  assert.is(world.dropped(), 2);
  assert.equal(world.story(), []);
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  assert.equal(world.out, []);
});

Wires('send nothing before their HELLO, and hear nothing but a greeting before the peer’s was accepted (A2)', () => {
  const world = aWire(false);
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  assert.equal(world.out, []);
  world.arrive(probe);
  assert.is(world.dropped(), 1);
  assert.equal(world.story(), []);
  world.arrive(encodeFrame(hello, 0));
  assert.equal(world.story(), ['clock:frame.received']);
  world.wire.receive({ type: 'frame.out', frame: hello, lamport: 0 });
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  assert.is(world.out.length, 2);
  world.wire.receive({ type: 'wire.accept', key: 1 });
  world.arrive(probe);
  assert.is(world.story().length, 2);
});

Wires('close the connection behind what was sent on it, when they are told why', () => {
  const world = aWire();
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  world.wire.receive({ type: 'wire.detach', close: 'refused' });
  assert.is(world.out.length, 1);
  assert.equal(world.closed, ['refused']);
  const other = aWire();
  other.wire.receive({ type: 'wire.detach' });
  assert.equal(other.closed, []);
});

Wires('give up a peer that sends what nobody can read', () => {
  const world = aWire();
  world.arrive(Buffer.from('GET / HTTP/1.1'));
  assert.equal(world.story(), ['link:2:peer.misbehaved']);
});

Wires('give up a peer that does not read what it is sent (A4)', () => {
  const world = aWire();
  world.connection.bufferedBytes = maxBufferedBytes + 1;
  world.wire.receive({ type: 'frame.out', frame: { kind: 'probe', nonce: 5 }, lamport: 9 });
  assert.equal(world.story(), ['link:2:peer.misbehaved']);
  assert.equal(world.out, []);
});

Wires('give up a connection on which nothing came for long', () => {
  const world = aWire();
  const ping = (): void => world.wire.receive({ type: 'frame.out', frame: aPing(), lamport: 0 });
  world.clock.advance(5000);
  ping();
  assert.equal(world.story(), []);
  world.clock.advance(1);
  ping();
  assert.equal(world.story(), ['link:2:peer.fell-silent']);
});

Wires('take bytes for a sign of life when no ping came with them, and tell the peer so (A3)', () => {
  const world = aWire();
  const saysReceiving = (): boolean => {
    world.wire.receive({ type: 'frame.out', frame: aPing(), lamport: 0 });
    const read = decodeFrame(world.out.at(-1) as Buffer);
    return read !== 'malformed' && read.frame.kind === 'ping' && read.frame.receiving;
  };
  const story = (): string[] => world.story().filter((event) => event === 'election:peer.receiving');
  assert.not.ok(saysReceiving(), 'nothing came');
  // Part of a frame, longer than silence may last.
  for (let i = 1; i <= 3; i++) {
    world.clock.advance(3000);
    world.connection.receivedBytes += 100;
    assert.ok(saysReceiving());
    assert.is(story().length, i);
  }
  world.connection.receivedBytes += 100;
  world.arrive(encodeFrame(aPing(), 0));
  assert.not.ok(saysReceiving(), 'its ping says enough');
  assert.not.ok(saysReceiving(), 'nothing came since');
  assert.is(story().length, 3);
});

Wires('take a peer that receives for one that echoed just now (A3)', () => {
  const world = aWire();
  const arrived: (number | undefined)[] = [];
  world.clock.advance(900);
  for (const receiving of [false, true]) {
    world.arrive(encodeFrame(aPing({ sentAt: 5, echo: 1000, heldMs: 0, receiving }), 0));
    arrived.push(world.roundTripSentAt());
  }
  assert.equal(arrived, [1000, 1900]);
});

Wires('echo pings with the time they were held, and measure the round trip without it', () => {
  const world = aWire();
  const lastPing = () => {
    const read = decodeFrame(world.out.at(-1) as Buffer);
    if (read === 'malformed' || read.frame.kind !== 'ping') throw new Error('no ping');
    return read.frame;
  };
  world.wire.receive({ type: 'frame.out', frame: aPing(), lamport: 0 });
  assert.equal([lastPing().sentAt, lastPing().echo], [1000, -1]);
  world.clock.advance(30);
  world.arrive(encodeFrame(aPing({ sentAt: 77_000, echo: 1000, heldMs: 18 }), 0));
  assert.is(world.wire.roundTrips.srttMs, 12);
  world.clock.advance(20);
  world.wire.receive({ type: 'frame.out', frame: aPing(), lamport: 0 });
  assert.equal([lastPing().sentAt, lastPing().echo, lastPing().heldMs], [1050, 77_000, 20]);
});

Wires('tell the round trip of the last ping alone, and count a ping once however often it is echoed', () => {
  const { wire, clock, arrive } = aWire();
  const told = (): unknown[] => [wire.pingsAnswered, wire.lastRttMs];
  const echo = (sentAt: number, heldMs: number): void => arrive(encodeFrame(aPing({ echo: sentAt, heldMs }), 0));
  arrive(encodeFrame(aPing(), 0));
  assert.equal(told(), [0, null], 'that ping echoes none');
  clock.advance(30);
  echo(1000, 18);
  assert.equal(told(), [1, 12]);
  clock.advance(50);
  echo(1000, 60);
  assert.equal(told(), [1, 12], 'it beats faster than this side');
  echo(1060, 0);
  assert.equal(told(), [2, 20]);
  assert.ok(wire.roundTrips.srttMs < 20, 'which is smoothed all the same');
});

Wires('know nothing of an earlier connection’s pings', () => {
  const world = aWire();
  world.arrive(encodeFrame(aPing({ sentAt: 500 }), 0));
  world.wire.receive({ type: 'wire.attach', key: 2, connection: world.connection as unknown as Connection });
  world.wire.receive({ type: 'frame.out', frame: hello, lamport: 0 });
  world.wire.receive({ type: 'frame.out', frame: aPing(), lamport: 0 });
  const read = decodeFrame(world.out.at(-1) as Buffer);
  assert.is(read !== 'malformed' && read.frame.kind === 'ping' && read.frame.echo, -1);
});

Wires.run();
