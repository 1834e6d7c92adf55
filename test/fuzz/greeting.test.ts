/** Any conversation instead of a greeting, on both ends of a real socket: nobody gets in without the secret. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import {
  answerChallenge,
  decodeAnswer,
  encodeAnswer,
  encodeChallenge,
  encodeWelcome,
  judgeAnswer,
  proofOf,
} from '../../transport/handshake.ts';
import { addressOf, inTown, nonce, type Stranger, secret, type Town, until } from '../support/peerTown.ts';
import { anyDamage, type Damage, damaged, holds, record } from './property.ts';

const damages = fc.array(anyDamage, { minLength: 1, maxLength: 3 });
const noise = fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.uint8Array({ minLength: 500, maxLength: 3000 }));
const kind = <const K extends string>(name: K): { readonly kind: fc.Arbitrary<K> } => ({ kind: fc.constant(name) });

// ---------------------------------------------------------------------------------------------------- the listener

type Line =
  | { readonly kind: 'answer' | 'replay' | 'guess' | 'other' | 'text' | 'ping' | 'pong' | 'pause' }
  | { readonly kind: 'changed'; readonly damages: readonly Damage[] }
  | { readonly kind: 'noise' | 'raw'; readonly bytes: Uint8Array };
const line: fc.Arbitrary<Line> = fc.oneof(
  record({ kind: fc.constantFrom('answer', 'replay', 'guess', 'other', 'text', 'ping', 'pong', 'pause') }),
  record({ ...kind('changed'), damages }),
  record({ ...kind('noise'), bytes: noise }),
  record({ ...kind('raw'), bytes: noise }),
) as fc.Arbitrary<Line>;

const Listener = suite('any greeting: a listener');

Listener(
  'lets in who answers its challenge, at once and with the secret, and nobody else',
  inTown(async (town) => {
    const one = await town.node(1, { greetingDeadlineMs: 10_000 });
    const recorded = await (await town.stranger(addressOf(town, 1))).greet(2, 1);
    await holds(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
        const before = one.connections.length;
        const stranger = await town.stranger(addressOf(town, 1));
        const challenge = await stranger.challenge();
        for (const each of lines) await say(stranger, each, challenge, recorded);
        const first = lines.find((each) => !['ping', 'pong', 'pause'].includes(each.kind));
        if (first?.kind === 'answer') {
          await until(() => one.connections.length > before, 'it is let in');
          assert.is(one.connections.at(-1)?.peer, 3);
        }
        stranger.webSocket.terminate();
        await until(() => one.links.counts.waiting === 0 && stranger.ended !== undefined, 'it has gone');
        assert.is(one.connections.length - before, first?.kind === 'answer' ? 1 : 0);
      }),
      0.5,
    );
    await until(() => one.links.counts.connections <= 1, 'nothing is left of all that');
    const two = await town.node(2);
    two.dial(1);
    await until(() => two.connections.length === 1, 'a peer gets in');
  }),
);

async function say({ webSocket, socket }: Stranger, line: Line, challenge: Buffer, recorded: Buffer): Promise<void> {
  if (webSocket.readyState !== webSocket.OPEN) return;
  const answer = (id: number, theirSecret: string): Buffer => {
    const answered = answerChallenge({ id, secret: theirSecret, nonce }, 1, challenge);
    if (!answered.ok) throw new Error(answered.refusal);
    return answered.answer;
  };
  switch (line.kind) {
    case 'answer':
      return webSocket.send(answer(3, secret));
    case 'replay':
      return webSocket.send(recorded);
    case 'guess':
      return webSocket.send(answer(3, 'guess'));
    case 'other':
      return webSocket.send(answer(9, secret));
    case 'changed': {
      const changed = damaged(answer(3, secret), line.damages);
      // A change that changed nothing is an answer.
      return webSocket.send(changed.equals(answer(3, secret)) ? 'text' : changed);
    }
    case 'text':
      return webSocket.send('text');
    case 'noise':
      return webSocket.send(line.bytes);
    case 'raw':
      return void socket.write(line.bytes);
    case 'ping':
      return webSocket.ping();
    case 'pong':
      return webSocket.pong();
    case 'pause':
      return new Promise((resolve) => setImmediate(resolve));
  }
}
Listener.run();

// ----------------------------------------------------------------------------------------------------- the dialler

type Trick =
  | { readonly kind: 'challenge' | 'otherId' | 'otherVersion' | 'reflect' | 'guess' | 'text' | 'ping' | 'listen' }
  | { readonly kind: 'changed'; readonly damages: readonly Damage[] }
  | { readonly kind: 'noise' | 'raw'; readonly bytes: Uint8Array };
const trick: fc.Arbitrary<Trick> = fc.oneof(
  record({
    kind: fc.constantFrom('challenge', 'otherId', 'otherVersion', 'reflect', 'guess', 'text', 'ping', 'listen'),
  }),
  record({ ...kind('changed'), damages }),
  record({ ...kind('noise'), bytes: noise }),
  record({ ...kind('raw'), bytes: noise }),
) as fc.Arbitrary<Trick>;

const Dialler = suite('any greeting: a dialler');

Dialler(
  'falls for no listener that does not know the secret, and its dial ends with a reason',
  inTown(async (town) => {
    let act: (socket: WebSocket) => Promise<void> = async () => {};
    await town.impostor((socket) => void act(socket));
    const two = await town.node(2, { greetingDeadlineMs: 10_000 });
    await holds(
      fc.asyncProperty(fc.array(trick, { maxLength: 5 }), fc.boolean(), async (tricks, politely) => {
        two.closes.length = 0;
        let proofSeen: string | undefined;
        act = async (socket) => {
          const heard: Buffer[] = [];
          socket.on('error', () => {});
          socket.on('message', (data) => heard.push(data as Buffer));
          for (const each of tricks) await play(socket, each, heard);
          proofSeen = heard.map(String).find((text) => text.includes(secret));
          if (politely) socket.close();
          else socket.terminate();
        };
        two.dial(1);
        await until(() => two.closes.length > 0, 'the dial ends');
        assert.is(two.connections.length, 0);
        assert.ok(two.reason.length > 0 && two.reason.length < 300);
        assert.is(proofSeen, undefined, 'the secret is never said');
      }),
      0.5,
    );
    assert.is(two.links.counts.connections, 0);
  }),
);

async function play(socket: WebSocket, trick: Trick, heard: readonly Buffer[]): Promise<void> {
  const challenge = encodeChallenge({ version: 1, listener: 1, nonce });
  if (socket.readyState !== socket.OPEN) return;
  switch (trick.kind) {
    case 'challenge':
      return socket.send(challenge);
    case 'otherId':
      return socket.send(encodeChallenge({ version: 1, listener: 3, nonce }));
    case 'otherVersion':
      return socket.send(encodeChallenge({ version: 2, listener: 1, nonce }));
    case 'reflect': {
      const answer = heard[0] ? decodeAnswer(heard[0]) : 'malformed';
      return socket.send(answer === 'malformed' ? 'text' : encodeWelcome(answer));
    }
    case 'guess': {
      const greeting = { dialler: 2, listener: 1, diallerNonce: nonce, listenerNonce: nonce };
      return socket.send(encodeWelcome({ proof: proofOf('guess', 'listener', greeting) }));
    }
    case 'changed':
      return socket.send(damaged(challenge, trick.damages));
    case 'text':
      return socket.send('text');
    case 'ping':
      return socket.ping();
    case 'noise':
      return socket.send(trick.bytes);
    case 'raw':
      return void (socket as unknown as { _socket: Town['socket'] & { write(bytes: Uint8Array): void } })._socket.write(
        trick.bytes,
      );
    case 'listen':
      return new Promise((resolve) => setTimeout(resolve, 1));
  }
}
Dialler.run();

// -------------------------------------------------------------------------------------------------------- decisions

const Verdicts = suite('any greeting: verdicts');

Verdicts('are good for the one right answer to this challenge, and for no other bytes', () => {
  const bytesOf = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(Buffer.from);
  const id = fc.integer({ min: 1, max: 4 });
  const greeting = record({
    dialler: id,
    listener: id,
    mine: bytesOf,
    theirs: bytesOf,
    theirSecret: fc.constantFrom(secret, 'other'),
  });
  holds(
    fc.property(greeting, fc.array(anyDamage, { maxLength: 2 }), (drawn, what) => {
      const { dialler, listener, mine, theirs, theirSecret } = drawn;
      const covered = { dialler, listener, diallerNonce: theirs, listenerNonce: mine };
      const proof = proofOf(theirSecret, 'dialler', covered);
      const honest = encodeAnswer({ version: 1, dialler, listener, nonce: theirs, proof });
      const answer = damaged(honest, what);
      const verdict = judgeAnswer({ id: 1, secret, nonce: mine }, (peer) => peer <= 3, answer);
      const isRight = answer.equals(honest) && listener === 1 && dialler > 1 && dialler <= 3 && theirSecret === secret;
      assert.is(verdict.ok, isRight, verdict.ok ? 'let in' : verdict.refusal);
    }),
    3,
  );
});
Verdicts.run();
