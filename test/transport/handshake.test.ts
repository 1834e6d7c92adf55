import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  answerChallenge,
  decodeAnswer,
  decodeChallenge,
  decodeWelcome,
  encodeAnswer,
  encodeChallenge,
  encodeWelcome,
  type Greeting,
  judgeAnswer,
  judgeWelcome,
  nonceBytes,
  peerProtocolVersion,
  proofOf,
  type Self,
} from '../../transport/handshake.ts';
import { SeededDice } from '../support/dice.ts';

const Handshake = suite('handshake');

const secret = 'correct horse battery staple';
const nonce = (fill: number): Buffer => Buffer.alloc(nonceBytes, fill);
const aDialler = (changes: Partial<Self> = {}): Self => ({ id: 2, secret, nonce: nonce(2), ...changes });
const aListener = (changes: Partial<Self> = {}): Self => ({ id: 1, secret, nonce: nonce(1), ...changes });
const isPeer = (id: number): boolean => id <= 3;

const challengeOf = (listener: Self): Buffer =>
  encodeChallenge({ version: peerProtocolVersion, listener: listener.id, nonce: listener.nonce });

function answerOf(dialler: Self, listener: Self): { readonly answer: Buffer; readonly greeting: Greeting } {
  const answered = answerChallenge(dialler, listener.id, challengeOf(listener));
  if (!answered.ok) throw new Error(answered.refusal);
  return answered;
}

const refusalOf = (verdict: { readonly ok: true } | { readonly ok: false; readonly refusal: string }): string =>
  verdict.ok ? 'accepted' : verdict.refusal;

Handshake('lets two nodes of one secret recognise each other', () => {
  const { answer, greeting } = answerOf(aDialler(), aListener());
  const verdict = judgeAnswer(aListener(), isPeer, answer);
  assert.ok(verdict.ok && verdict.dialler === 2);
  assert.is(refusalOf(judgeWelcome(aDialler(), greeting, verdict.welcome)), 'accepted');
});

Handshake('refuses a dialler with another secret', () => {
  const { answer } = answerOf(aDialler({ secret: 'guess' }), aListener());
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, answer)), 'wrong cluster secret');
});

Handshake('refuses a listener with another secret', () => {
  const { greeting } = answerOf(aDialler(), aListener());
  const proof = proofOf('guess', 'listener', greeting);
  assert.is(refusalOf(judgeWelcome(aDialler(), greeting, encodeWelcome({ proof }))), 'wrong cluster secret');
});

Handshake('refuses an answer that was recorded in another greeting', () => {
  const { answer } = answerOf(aDialler(), aListener({ nonce: nonce(7) }));
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, answer)), 'wrong cluster secret');
});

Handshake('refuses a welcome that was recorded in another greeting', () => {
  const old = answerOf(aDialler({ nonce: nonce(7) }), aListener());
  const verdict = judgeAnswer(aListener(), isPeer, old.answer);
  assert.ok(verdict.ok);
  const { greeting } = answerOf(aDialler(), aListener());
  assert.is(refusalOf(judgeWelcome(aDialler(), greeting, verdict.welcome)), 'wrong cluster secret');
});

Handshake("refuses a dialler's own proof sent back as the welcome", () => {
  const { answer, greeting } = answerOf(aDialler(), aListener());
  const decoded = decodeAnswer(answer);
  assert.ok(decoded !== 'malformed');
  assert.is(refusalOf(judgeWelcome(aDialler(), greeting, encodeWelcome(decoded))), 'wrong cluster secret');
});

Handshake('covers every field: a proof is good for one role, one pair of ids and one pair of nonces only', () => {
  const greeting: Greeting = { dialler: 2, listener: 1, diallerNonce: nonce(2), listenerNonce: nonce(1) };
  const proofs = [
    proofOf(secret, 'dialler', greeting),
    proofOf(secret, 'listener', greeting),
    proofOf(`${secret}!`, 'dialler', greeting),
    proofOf(secret, 'dialler', { ...greeting, dialler: 3 }),
    proofOf(secret, 'dialler', { ...greeting, listener: 3 }),
    proofOf(secret, 'dialler', { ...greeting, dialler: 1, listener: 2 }),
    proofOf(secret, 'dialler', { ...greeting, diallerNonce: nonce(3) }),
    proofOf(secret, 'dialler', { ...greeting, listenerNonce: nonce(3) }),
    proofOf(secret, 'dialler', { ...greeting, diallerNonce: nonce(1), listenerNonce: nonce(2) }),
  ];
  assert.is(new Set(proofs.map((proof) => proof.toString('hex'))).size, proofs.length);
});

Handshake('does not take the proof of one node for another that knows the secret', () => {
  const { answer } = answerOf(aDialler(), aListener());
  const decoded = decodeAnswer(answer);
  assert.ok(decoded !== 'malformed');
  const forged = encodeAnswer({ ...decoded, dialler: 3 });
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, forged)), 'wrong cluster secret');
});

Handshake('names an unknown id, a lower id, a wrong address and another version, in words', () => {
  const { answer: unknown } = answerOf(aDialler({ id: 9 }), aListener());
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, unknown)), 'unknown id 9: not a peer of node 1');
  const { answer: lower } = answerOf(aDialler({ id: 1 }), aListener({ id: 2 }));
  assert.is(refusalOf(judgeAnswer(aListener({ id: 2 }), isPeer, lower)), 'the higher id dials, and 1 is lower than 2');
  assert.match(
    refusalOf(answerChallenge(aDialler(), 1, challengeOf(aListener({ id: 3 })))),
    /node 3 answers at the address of node 1/,
  );
  const { answer: elsewhere } = answerOf(aDialler(), aListener({ id: 3 }));
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, elsewhere)), 'this is node 1, not 3');
  const newer = encodeChallenge({ version: 2, listener: 1, nonce: nonce(1) });
  assert.match(refusalOf(answerChallenge(aDialler(), 1, newer)), /version 2, this node speaks 1/);
});

Handshake('tells a stranger nothing about the members before it has proved the secret', () => {
  const { answer } = answerOf(aDialler({ id: 9, secret: 'guess' }), aListener());
  assert.is(refusalOf(judgeAnswer(aListener(), isPeer, answer)), 'wrong cluster secret');
});

Handshake('names to its own side the peer that somebody says to be, and nobody who is no peer', () => {
  const claimedBy = (id: number): unknown => {
    const verdict = judgeAnswer(aListener(), isPeer, answerOf(aDialler({ id, secret: 'guess' }), aListener()).answer);
    return verdict.ok || verdict.claimed;
  };
  assert.equal([2, 3, 9].map(claimedBy), [2, 3, undefined]); // biome-ignore format: one line
});

Handshake('never sends the secret', () => {
  const { answer, greeting } = answerOf(aDialler(), aListener());
  const welcome = encodeWelcome({ proof: proofOf(secret, 'listener', greeting) });
  for (const sent of [challengeOf(aListener()), answer, welcome]) assert.not.ok(sent.includes(secret));
});

Handshake('calls malformed whatever is cut, too long, of another kind, or noise', () => {
  const { answer, greeting } = answerOf(aDialler(), aListener());
  const good = [challengeOf(aListener()), answer, encodeWelcome({ proof: proofOf(secret, 'listener', greeting) })];
  const decoders = [decodeChallenge, decodeAnswer, decodeWelcome];
  for (const [n, decode] of decoders.entries()) {
    for (const [m, bytes] of good.entries()) {
      if (n === m) assert.is.not(decode(bytes), 'malformed');
      else assert.is(decode(bytes), 'malformed');
      assert.is(decode(Buffer.concat([bytes, Buffer.alloc(1)])), 'malformed');
      for (let length = 0; length < bytes.length; length++) assert.is(decode(bytes.subarray(0, length)), 'malformed');
    }
    const dice = new SeededDice(n);
    for (let round = 0; round < 500; round++) {
      const noise = Buffer.from(Array.from({ length: dice.int(200) }, () => dice.int(256)));
      assert.not.throws(() => decode(noise));
    }
  }
});

Handshake('refuses an answer with any one bit changed', () => {
  const { answer } = answerOf(aDialler(), aListener());
  for (let bit = 0; bit < answer.length * 8; bit++) {
    const changed = Buffer.from(answer);
    changed[bit >> 3] = (answer[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.not.ok(judgeAnswer(aListener(), () => true, changed).ok, `bit ${bit}`);
  }
});

Handshake.run();
