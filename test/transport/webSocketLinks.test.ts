import { once } from 'node:events';
import { request } from 'node:http';
import { connect, Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import type { Connection } from '../../actors/ports.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import {
  answerChallenge,
  decodeAnswer,
  encodeAnswer,
  encodeChallenge,
  encodeWelcome,
} from '../../transport/handshake.ts';
import type { RefusedGreeting } from '../../transport/refusals.ts';
import { type PeerAddress, WebSocketLinks } from '../../transport/webSocketLinks.ts';
import { addressOf, host, inTown, nonce, secret, type Town, until } from '../support/peerTown.ts';

const Sockets = suite('web socket links');

const it = (sentence: string, body: (town: Town) => Promise<void>): void => void Sockets(sentence, inTown(body));

// ------------------------------------------------------------------------------------------------------ greetings

it('refuses a dialler with the wrong secret, and nobody hears of it', async (town) => {
  const one = await town.node(1);
  const two = await town.node(2, { secret: 'another' });
  two.dial(1);
  await until(() => two.closes.length > 0, 'closed');
  assert.equal(two.closes, [{ byThisSide: false, reason: 'refused: wrong cluster secret' }]);
  assert.equal([one.connections, one.closes, two.connections], [[], [], []]);
});

it('tells both sides of a wrong secret, the one that was called now and then, and neither once it fits', async (town) => {
  const heard: RefusedGreeting[] = [];
  const one = await town.node(1, { onRefused: (refused) => heard.push(refused) });
  const two = await town.node(2, { secret: 'another' });
  for (let dials = 1; dials <= 3; dials++) {
    two.dial(1);
    await until(() => two.closes.length === dials, 'closed');
  }
  assert.equal(heard, [{ address: host, claimed: 2, refusal: 'wrong cluster secret' }]);
  assert.equal([one.links.wrongSecretWith, two.links.wrongSecretWith], [[2], [1]]);
  await two.links.stop();
  const mended = await town.node(2);
  mended.dial(1);
  await until(() => one.connections.length + mended.connections.length === 2, 'open');
  assert.equal([one.links.wrongSecretWith, mended.links.wrongSecretWith], [[], []]);
});

it('does not fall for a listener that does not know the secret', async (town) => {
  await town.impostor((socket) => {
    socket.send(encodeChallenge({ version: 1, listener: 1, nonce }));
    socket.on('message', () => socket.send(encodeWelcome({ proof: Buffer.alloc(32) })));
  });
  const two = await town.node(2);
  two.dial(1);
  await until(() => two.closes.length > 0, 'closed');
  assert.equal([two.closes, two.connections], [[{ byThisSide: true, reason: 'wrong cluster secret' }], []]);
});

it("does not fall for its own proof reflected as the listener's", async (town) => {
  await town.impostor((socket) => {
    socket.send(encodeChallenge({ version: 1, listener: 1, nonce }));
    socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes as Buffer);
      if (answer !== 'malformed') socket.send(encodeWelcome(answer));
    });
  });
  const two = await town.node(2);
  two.dial(1);
  await until(() => two.closes.length > 0, 'closed');
  assert.equal([two.reason, two.connections], ['wrong cluster secret', []]);
});

it('refuses a greeting that was recorded and is replayed', async (town) => {
  const one = await town.node(1);
  const first = await town.stranger(addressOf(town, 1));
  const recorded = await first.greet(2, 1);
  assert.is(one.connections.length, 1, 'it was good once');
  const second = await town.stranger(addressOf(town, 1));
  await second.challenge();
  second.webSocket.send(recorded);
  await until(() => second.ended !== undefined, 'refused');
  assert.equal([second.ended?.reason, one.connections.length], ['wrong cluster secret', 1]);
});

it('refuses an unknown id, a lower id, another version and nonsense, each in words', async (town) => {
  const two = await town.node(2);
  const refusal = async (answerTo: (challenge: Buffer) => Buffer): Promise<string | undefined> => {
    const stranger = await town.stranger(addressOf(town, 2));
    stranger.webSocket.send(answerTo(await stranger.challenge()));
    await until(() => stranger.ended !== undefined, 'refused');
    return stranger.ended?.reason;
  };
  const as =
    (id: NodeId) =>
    (challenge: Buffer): Buffer => {
      const answered = answerChallenge({ id, secret, nonce }, 2, challenge);
      return answered.ok ? answered.answer : Buffer.alloc(0);
    };
  assert.is(await refusal(as(9)), 'unknown id 9: not a peer of node 2');
  assert.is(await refusal(as(1)), 'the higher id dials, and 1 is lower than 2');
  assert.is(await refusal(as(2)), 'two nodes have the id 2');
  assert.is(await refusal(() => Buffer.from('hello')), 'malformed answer');
  const newer = encodeAnswer({ version: 7, dialler: 3, listener: 2, nonce, proof: Buffer.alloc(32) });
  assert.match((await refusal(() => newer)) ?? '', /version 7, this node speaks 1/);
  assert.equal(two.connections, []);
});

it('says so when another node answers at the address of a peer', async (town) => {
  await town.node(1);
  const three = await town.node(3);
  town.addresses.set(2, addressOf(town, 1));
  three.dial(2);
  await until(() => three.closes.length > 0, 'closed');
  assert.is(three.reason, "node 1 answers at the address of node 2: check the peers' addresses");
});

it('explains a dial that fails: nobody there, no peer port, unknown peer, no address', async (town) => {
  const two = await town.node(2);
  const reason = async (address: PeerAddress | undefined): Promise<string> => {
    if (address) town.addresses.set(1, address);
    else town.addresses.delete(1);
    two.closes.length = 0;
    two.dial(1);
    await until(() => two.closes.length > 0, 'closed');
    return two.reason;
  };
  assert.match(await reason({ host, port: 1 }), /ECONNREFUSED 127\.0\.0\.1:1/);
  assert.match(await reason({ host: 'localhost', port: 1 }), /ECONNREFUSED/);
  assert.match(await reason({ host: 'no host', port: 1 }), /no host:1 is no address/);
  assert.is(await reason(undefined), 'unknown id 1: not a peer of node 2');
  const deaf = new WebSocketLinks({ self: 1, peers: town.addresses, host, port: 0, secret });
  assert.is(await reason(await deaf.start()), 'refused: node 1 takes no connections now');
  await deaf.stop();
});

it('refuses to be made without a secret', async () => {
  assert.throws(
    () => new WebSocketLinks({ self: 1, peers: new Map(), host, port: 0, secret: '' }),
    /cluster secret is empty/,
  );
});

// ------------------------------------------------------------------------------------------------------ strangers

it('answers plain HTTP with 426 at /peer and 404 elsewhere, and takes upgrades at /peer only', async (town) => {
  await town.node(1);
  const { port } = addressOf(town, 1);
  const status = async (path: string, headers: Record<string, string> = {}): Promise<number | undefined> => {
    const outgoing = request({ host, port, path, headers });
    outgoing.end();
    const [response] = await once(outgoing, 'response');
    response.resume();
    return response.statusCode;
  };
  assert.equal([await status('/peer'), await status('/'), await status('/peer/x')], [426, 404, 404]);
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  assert.is(await status('/other', { ...upgrade, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }), 404);
});

it('turns out at the deadline whoever stays silent: before the upgrade and after it', async (town) => {
  const one = await town.node(1, { greetingDeadlineMs: 1_000 });
  const started = performance.now();
  const plain = await town.socket(addressOf(town, 1));
  const slow = await town.socket(addressOf(town, 1));
  slow.write('GET /peer HTTP/1.1\r\nHost: x\r\n');
  const upgraded = await town.stranger(addressOf(town, 1));
  await Promise.all([once(plain.resume(), 'close'), once(slow.resume(), 'close')]);
  await until(() => upgraded.ended !== undefined, 'turned out');
  const tookMs = performance.now() - started;
  assert.ok(tookMs > 990, `${tookMs} ms`);
  assert.equal([one.links.counts.waiting, one.links.counts.expired], [0, 3]);
});

it('takes few bytes from somebody who has not greeted', async (town) => {
  const one = await town.node(1, { greetingDeadlineMs: 60_000 });
  const stranger = await town.stranger(addressOf(town, 1));
  stranger.socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0])); // The head of a frame of 8 MiB.
  stranger.socket.write(Buffer.alloc(2_000));
  await until(() => stranger.ended !== undefined, 'turned out');
  assert.equal(one.connections, []);
});

it('survives malformed frames instead of a greeting, on both sides', async (town) => {
  const malformed = Buffer.from([0x83, 0x80, 0, 0, 0, 0]); // Opcode 3 is reserved.
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  stranger.socket.write(malformed);
  await until(() => stranger.ended !== undefined && one.links.counts.waiting === 0, 'turned out');
  const other = await town.stranger(addressOf(town, 1));
  other.webSocket.send('text');
  await until(() => other.ended !== undefined, 'refused');

  await town.impostor((socket) => (socket as WebSocket & { readonly _socket: Socket })._socket.write(malformed));
  const two = await town.node(2);
  two.dial(1);
  await until(() => two.closes.length > 0, 'closed');
  assert.equal([one.connections, two.connections, two.closes.length], [[], [], 1]);
  assert.match(two.reason, /Invalid WebSocket frame/);
});

it('lets peers in while silent connections flood the port', async (town) => {
  const bounds = { greetingDeadlineMs: 60_000, maxPendingGreetings: 24, maxPendingGreetingsPerAddress: 16 };
  const one = await town.node(1, bounds);
  const two = await town.node(2);
  const flood = Array.from({ length: 200 }, () =>
    connect({ host, port: addressOf(town, 1).port }).on('error', () => {}),
  );
  await until(() => one.links.counts.displaced === 184, 'a flood');
  assert.ok(one.links.counts.waiting <= 16);
  two.dial(1);
  await until(() => one.links.counts.displaced >= 185, 'the peer is the newest that waits');
  flood.push(
    ...Array.from({ length: 10 }, () => connect({ host, port: addressOf(town, 1).port }).on('error', () => {})),
  );
  await until(() => one.connections.length === 1 && two.connections.length === 1, 'the peer is in');
  flood.push(
    ...Array.from({ length: 100 }, () => connect({ host, port: addressOf(town, 1).port }).on('error', () => {})),
  );
  await until(() => one.links.counts.displaced >= 250, 'more flood');
  two.connections[0]?.send(Buffer.from('still here'));
  await until(() => one.frames.length === 1, 'a frame');
  assert.equal([one.closes, two.closes], [[], []]);
  for (const socket of flood) socket.destroy();
});

it('bounds the connections of one peer: the oldest goes', async (town) => {
  const one = await town.node(1, { maxConnectionsPerPeer: 2 });
  const two = await town.node(2);
  for (let n = 1; n <= 3; n++) {
    two.dial(1);
    await until(() => one.connections.length === n && two.connections.length === n, `connection ${n}`);
  }
  await until(() => one.closes.length === 1 && two.closes.length === 1, 'closed');
  assert.equal(two.reason, 'more than 2 connections of one peer');
  assert.equal([one.links.counts.connections, two.links.counts.connections], [2, 2]);
  two.connections[2]?.send(Buffer.from('newest'));
  await until(() => one.frames.length === 1, 'the newest lives');
});

// --------------------------------------------------------------------------------------------------------- frames

it('ends the connection on a text frame', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.webSocket.send('text');
  await until(() => one.closes.length > 0 && stranger.ended !== undefined, 'closed');
  assert.equal([one.frames, one.closes.length, one.closes[0]?.byThisSide, stranger.ended?.code], [[], 1, true, 1003]);
});

it('ends the connection on a malformed frame', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])); // Opcode 3 is reserved.
  await until(() => one.closes.length > 0 && stranger.ended !== undefined, 'closed');
  assert.match(one.reason, /^bad frame: .*opcode 3/);
  assert.is(one.closes[0]?.byThisSide, true);
});

it('takes no compressed frames, and offers none', async (town) => {
  const one = await town.node(1);
  const { port } = addressOf(town, 1);
  const socket = await town.socket({ host, port });
  let said = '';
  socket.setEncoding('latin1').on('data', (text: string) => (said += text));
  socket.write(
    'GET /peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n',
  );
  await until(() => said.includes('\r\n\r\n'), 'an answer');
  assert.match(said, /^HTTP\/1.1 101 /);
  assert.not.match(said, /Extensions/i);

  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.socket.write(Buffer.from([0xc2, 0x81, 0, 0, 0, 0, 1])); // RSV1: compressed.
  await until(() => one.closes.length > 0 && stranger.ended !== undefined, 'closed');
  assert.match(one.reason, /^bad frame: .*RSV1/);
});

it('answers no pings, and is not held up by a flood of them', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  let pongs = 0;
  stranger.webSocket.on('pong', () => pongs++);
  await stranger.greet(2, 1);
  stranger.socket.write(Buffer.concat(Array<Buffer>(50_000).fill(Buffer.from([0x89, 0x80, 0, 0, 0, 0]))));
  stranger.webSocket.send(Buffer.from('still here'));
  await until(() => one.frames.length === 1, 'the frame behind the flood');
  assert.is(one.connections[0]?.bufferedBytes, 0);
  one.connections[0]?.send(Buffer.from('heard'));
  await until(() => stranger.received.some((bytes) => String(bytes) === 'heard'), 'an answer behind no pongs');
  assert.equal([pongs, one.closes], [0, []]);
});

it('closes whoever speaks before the challenge, or instead of an answer to it', async (town) => {
  const one = await town.node(1);
  const { port } = addressOf(town, 1);
  const upgrade =
    'GET /peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const binary = (length: number): Buffer =>
    Buffer.concat([Buffer.from([0x82, 0x80 | length, 0, 0, 0, 0]), Buffer.alloc(length, 1)]);
  for (const early of [binary(100), Buffer.alloc(2_000, 0x82), Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])]) {
    const socket = await town.socket({ host, port });
    socket.resume().write(Buffer.concat([Buffer.from(upgrade), early]));
    await once(socket, 'close');
  }
  await until(() => one.links.counts.waiting === 0, 'turned out');
  assert.equal(one.connections, []);
});

it('keeps other peers while one with the right secret sends nonsense', async (town) => {
  const one = await town.node(1);
  const three = await town.node(3);
  three.dial(1);
  await until(() => one.connections.length === 1 && three.connections.length === 1, 'a peer');
  for (const nonsense of [
    [0x83, 0x80, 0, 0, 0, 0],
    [0x02, 0x81, 0, 0, 0, 0, 1, 0x00, 0x81, 0, 0, 0, 0, 1],
    [0x81, 0x81, 0, 0, 0, 0, 1],
  ]) {
    const stranger = await town.stranger(addressOf(town, 1));
    await stranger.greet(2, 1);
    stranger.socket.write(Buffer.from(nonsense));
    await until(() => stranger.ended !== undefined, 'closed');
  }
  three.connections[0]?.send(Buffer.from('still here'));
  await until(() => one.frames.length === 1, 'a frame of the other peer');
  assert.is(three.closes.length, 0);
  assert.is(one.links.counts.connections, 1);
});

it('ends the connection on a frame in fragments, however small', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  const fragments = Buffer.concat([
    Buffer.from([0x02, 0x81, 0, 0, 0, 0, 1]),
    ...Array<Buffer>(100_000).fill(Buffer.from([0x00, 0x81, 0, 0, 0, 0, 1])),
  ]);
  stranger.socket.write(fragments);
  await until(() => one.closes.length > 0 && stranger.ended !== undefined, 'closed');
  assert.equal([one.frames.length, one.closes[0]?.byThisSide], [0, true]);
  assert.match(one.reason, /^bad frame: .*fragments/);
});

it('ends the connection on a frame above maxFrameBytes, and tells the sender', async (town) => {
  const { one, two, here } = await town.pair({ maxFrameBytes: 10_000 });
  here.send(Buffer.alloc(10_000));
  here.send(Buffer.alloc(10_001));
  await until(() => one.closes.length > 0 && two.closes.length > 0, 'closed');
  assert.equal([one.frames.length, one.closes.length, one.closes[0]?.byThisSide], [1, 1, true]);
  assert.equal(two.closes, [{ byThisSide: false, reason: 'the other side refused a frame as too long' }]);
});

it('sends the first frame of a turn at once, and those that follow it in one write', async (town) => {
  const { one, here } = await town.pair();
  const { _write, _writev } = Socket.prototype as Socket & { _writev: NonNullable<Socket['_writev']> };
  let writes = 0;
  Object.assign(Socket.prototype, {
    _write(this: Socket, ...call: Parameters<typeof _write>) {
      writes++;
      return _write.apply(this, call);
    },
    _writev(this: Socket, ...call: Parameters<typeof _writev>) {
      writes++;
      return _writev.apply(this, call);
    },
  });
  try {
    for (const frames of [64, 128]) {
      for (let n = 0; n < 64; n++) here.send(Buffer.alloc(100));
      await until(() => one.frames.length === frames, 'frames');
    }
  } finally {
    Object.assign(Socket.prototype, { _write, _writev });
  }
  assert.is(writes, 4);
});

// ------------------------------------------------------------------------------------------------------- endings

it('does not wait for a peer that takes nothing when it closes', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.socket.pause();
  const connection = one.connections[0] as Connection;
  for (let n = 0; n < 32; n++) connection.send(Buffer.alloc(1_000_000));
  const started = performance.now();
  connection.close('replaced');
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(one.closes.length, 1, 'reported at once');
  await one.links.stop();
  // The library's own patience is 30 s.
  assert.ok(performance.now() - started < 15_000, 'gone soon');
});

it('reports a close frame soon although the peer leaves its socket open', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.socket.pause();
  stranger.socket.write(Buffer.from([0x88, 0x85, 0, 0, 0, 0, 0x0f, 0xa0, ...Buffer.from('bye')])); // Code 4000.
  await until(() => one.closes.length > 0, 'closed');
  assert.equal(one.closes, [{ byThisSide: false, reason: 'bye' }]);
});

it('survives a reset in the middle of a frame', async (town) => {
  const one = await town.node(1);
  const stranger = await town.stranger(addressOf(town, 1));
  await stranger.greet(2, 1);
  stranger.socket.write(Buffer.from([0x82, 0xfe, 0x10, 0, 0, 0, 0, 0, 1, 2, 3]));
  for (let n = 0; n < 8; n++) one.connections[0]?.send(Buffer.alloc(1_000_000));
  stranger.socket.resetAndDestroy();
  await until(() => one.closes.length > 0, 'closed');
  assert.equal([one.closes.length, one.closes[0]?.byThisSide, one.frames], [1, false, []]);
  assert.match(one.reason, /ECONNRESET|EPIPE|connection lost/);
});

it('survives resets of strangers at any moment', async (town) => {
  const one = await town.node(1);
  const headers = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  for (let n = 0; n < 60; n++) {
    const socket = await town.socket(addressOf(town, 1));
    const path = n % 2 ? '/peer' : '/other';
    const key = n % 3 ? 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' : '';
    socket.write(`GET ${path} HTTP/1.1\r\n${headers}${key}\r\n`.slice(0, n % 5 ? undefined : 40));
    if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
  }
  await until(() => one.links.counts.waiting === 0, 'all gone');
  const two = await town.node(2);
  two.dial(1);
  await until(() => one.connections.length === 1, 'still serving');
});

it('lets an exception of a handler through: it is a bug of the node, not trouble of the network', async (town) => {
  const { here, one } = await town.pair();
  const earlier = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught: Error[] = [];
  process.on('uncaughtException', (error) => uncaught.push(error));
  one.frames.push = () => {
    throw new Error('InvariantViolation');
  };
  here.send(Buffer.from('x'));
  await until(() => uncaught.length > 0, 'uncaught');
  process.removeAllListeners('uncaughtException');
  for (const listener of earlier) process.on('uncaughtException', listener);
  assert.is(uncaught[0]?.message, 'InvariantViolation');
});

it('stops: tells its peers, drops who waits, frees the port, and dials no more', async (town) => {
  const { one, two, here } = await town.pair({ greetingDeadlineMs: 60_000 });
  const waiting = await town.socket(addressOf(town, 1));
  const { port } = addressOf(town, 1);
  await one.links.stop();
  await until(() => two.closes.length > 0, 'closed');
  assert.equal(
    [one.closes, two.closes],
    [[{ byThisSide: true, reason: 'the node stops' }], [{ byThisSide: false, reason: 'the node stops' }]],
  );
  await until(() => waiting.destroyed || waiting.readableEnded || waiting.resume().closed, 'dropped');
  here.send(Buffer.from('too late'));
  const again = await town.node(1, { port });
  two.dial(1);
  await until(() => again.connections.length === 1 && two.connections.length === 2, 'the port serves again');
  await two.links.stop();
  two.dial(1);
  await until(() => again.closes.length === 1, 'closed');
  assert.is(again.reason, 'the node stops', 'a dialler says so too');
  assert.is(two.connections.length, 2);
});

it('says what to do when its port is taken', async (town) => {
  await town.node(1);
  const { port } = addressOf(town, 1);
  const second = new WebSocketLinks({ self: 2, peers: town.addresses, host, port, secret });
  const error = await second.start().then(
    () => undefined,
    (cause: Error) => cause,
  );
  assert.is(
    error?.message,
    `cannot listen for peers on 127.0.0.1:${port}: another process has this port; stop it, or choose another port for peers`,
  );
  await second.stop();
});

Sockets.run();
