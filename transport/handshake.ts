/**
 * The greeting of two nodes: mutual authentication by the cluster's shared secret. Pure: the adapter brings nonces and bytes.
 *
 *   listener --challenge {version, id, nonce}--------------------> dialler
 *   listener <-answer {version, dialler's id, listener's id, nonce, proof}-- dialler
 *   listener --welcome {proof}-----------------------------------> dialler
 *
 *   proof = HMAC-SHA256(secret, label | version | role | dialler's id | listener's id | dialler's nonce | listener's nonce)
 *
 * H1. The secret never leaves this process; a proof tells nothing about it (RFC 2104). Whoever dials proves itself first,
 *     so that a stranger gets no proof to guess passwords against.
 * H2. A recorded greeting cannot be replayed: each side's proof covers the other side's fresh nonce.
 * H3. A proof cannot be reflected: it covers the role of who made it, and both ids in order.
 * H4. Decoders take exactly one size, return 'malformed' and never throw; proofs are compared in constant time.
 *
 * It authenticates and does not encrypt: whoever can rewrite packets on the way takes over after the greeting. Peers
 * belong on a private network or behind TLS.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ByteReader, ByteWriter } from '../actors/protocol/bytes.ts';
import { isNodeId, type NodeId } from '../actors/protocol/epoch.ts';

/** Of the greeting and of everything behind it; nodes of different versions refuse each other. */
export const peerProtocolVersion = 1;
export const nonceBytes = 32;
const proofBytes = 32;
const label = 'distributed-log peer greeting';

export interface Challenge {
  readonly version: number;
  readonly listener: NodeId;
  readonly nonce: Buffer;
}
export interface Answer {
  readonly version: number;
  readonly dialler: NodeId;
  readonly listener: NodeId;
  readonly nonce: Buffer;
  readonly proof: Buffer;
}
export interface Welcome {
  readonly proof: Buffer;
}

/** What both sides must agree upon. */
export interface Greeting {
  readonly dialler: NodeId;
  readonly listener: NodeId;
  readonly diallerNonce: Buffer;
  readonly listenerNonce: Buffer;
}
export type Role = 'dialler' | 'listener';

const kinds = { challenge: 1, answer: 2, welcome: 3 } as const;

export const encodeChallenge = ({ version, listener, nonce }: Challenge): Buffer =>
  new ByteWriter().u8(kinds.challenge).u8(version).u16(listener).raw(nonce).finish();

export const encodeAnswer = ({ version, dialler, listener, nonce, proof }: Answer): Buffer =>
  new ByteWriter().u8(kinds.answer).u8(version).u16(dialler).u16(listener).raw(nonce).raw(proof).finish();

export const encodeWelcome = ({ proof }: Welcome): Buffer => new ByteWriter().u8(kinds.welcome).raw(proof).finish();

export function decodeChallenge(bytes: Buffer): Challenge | 'malformed' {
  const reader = readerOf(bytes, kinds.challenge);
  const challenge = { version: reader.u8(), listener: reader.u16(), nonce: reader.raw(nonceBytes) };
  return reader.done && isNodeId(challenge.listener) ? challenge : 'malformed';
}

export function decodeAnswer(bytes: Buffer): Answer | 'malformed' {
  const reader = readerOf(bytes, kinds.answer);
  const [version, dialler, listener] = [reader.u8(), reader.u16(), reader.u16()];
  const [nonce, proof] = [reader.raw(nonceBytes), reader.raw(proofBytes)];
  return reader.done && isNodeId(dialler) && isNodeId(listener)
    ? { version, dialler, listener, nonce, proof }
    : 'malformed';
}

export function decodeWelcome(bytes: Buffer): Welcome | 'malformed' {
  const reader = readerOf(bytes, kinds.welcome);
  const proof = reader.raw(proofBytes);
  return reader.done ? { proof } : 'malformed';
}

function readerOf(bytes: Buffer, kind: number): ByteReader {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== kind) reader.fail();
  return reader;
}

export function proofOf(secret: string, role: Role, greeting: Greeting): Buffer {
  const covered = new ByteWriter()
    .text(label)
    .u8(peerProtocolVersion)
    .u8(role === 'dialler' ? 1 : 2)
    .u16(greeting.dialler)
    .u16(greeting.listener)
    .bytes(greeting.diallerNonce)
    .bytes(greeting.listenerNonce);
  return createHmac('sha256', secret).update(covered.finish()).digest();
}

const isProof = (secret: string, role: Role, greeting: Greeting, proof: Buffer): boolean =>
  proof.length === proofBytes && timingSafeEqual(proofOf(secret, role, greeting), proof);

/** Who this node is, and what it drew for this greeting alone. */
export interface Self {
  readonly id: NodeId;
  readonly secret: string;
  readonly nonce: Buffer;
}
/** A refusal is for people; it goes to the other side as the reason of the close. */
export type Verdict<T> =
  | ({ readonly ok: true } & T)
  /** `claimed`: who it says to be, which nothing has proved. */
  | { readonly ok: false; readonly refusal: string; readonly claimed?: NodeId };
export const wrongSecret = 'wrong cluster secret';

const refuse = (refusal: string): { readonly ok: false; readonly refusal: string } => ({ ok: false, refusal });
const otherVersion = (theirs: number) =>
  refuse(`peer protocol version ${theirs}, this node speaks ${peerProtocolVersion}: run the same release on all nodes`);

/** The dialler's answer to a challenge of the listener that it believes to be `listener`. */
export function answerChallenge(
  self: Self,
  listener: NodeId,
  bytes: Buffer,
): Verdict<{ readonly answer: Buffer; readonly greeting: Greeting }> {
  const challenge = decodeChallenge(bytes);
  if (challenge === 'malformed') return refuse('malformed challenge: is this address a peer port?');
  if (challenge.version !== peerProtocolVersion) return otherVersion(challenge.version);
  if (challenge.listener !== listener) {
    return refuse(`node ${challenge.listener} answers at the address of node ${listener}: check the peers' addresses`);
  }
  const greeting = { dialler: self.id, listener, diallerNonce: self.nonce, listenerNonce: challenge.nonce };
  const proof = proofOf(self.secret, 'dialler', greeting);
  const answer = { version: peerProtocolVersion, dialler: self.id, listener, nonce: self.nonce, proof };
  return { ok: true, answer: encodeAnswer(answer), greeting };
}

/** The listener's verdict on an answer to its challenge. */
export function judgeAnswer(
  self: Self,
  isPeer: (id: NodeId) => boolean,
  bytes: Buffer,
): Verdict<{ readonly dialler: NodeId; readonly welcome: Buffer }> {
  const answer = decodeAnswer(bytes);
  if (answer === 'malformed') return refuse('malformed answer');
  const { dialler: claimed } = answer;
  const verdict = judge(self, isPeer, answer);
  return verdict.ok || !isPeer(claimed) ? verdict : { ...verdict, claimed };
}

function judge(
  self: Self,
  isPeer: (id: NodeId) => boolean,
  { version, dialler, listener, nonce, proof }: Answer,
): Verdict<{ readonly dialler: NodeId; readonly welcome: Buffer }> {
  if (version !== peerProtocolVersion) return otherVersion(version);
  if (listener !== self.id) return refuse(`this is node ${self.id}, not ${listener}`);
  const greeting = { dialler, listener, diallerNonce: nonce, listenerNonce: self.nonce };
  if (!isProof(self.secret, 'dialler', greeting, proof)) return refuse(wrongSecret);
  if (dialler === self.id) return refuse(`two nodes have the id ${self.id}`);
  if (!isPeer(dialler)) return refuse(`unknown id ${dialler}: not a peer of node ${self.id}`);
  if (dialler < self.id) return refuse(`the higher id dials, and ${dialler} is lower than ${self.id}`);
  return { ok: true, dialler, welcome: encodeWelcome({ proof: proofOf(self.secret, 'listener', greeting) }) };
}

/** The dialler's verdict on the listener's welcome. */
export function judgeWelcome(self: Self, greeting: Greeting, bytes: Buffer): Verdict<object> {
  const welcome = decodeWelcome(bytes);
  if (welcome === 'malformed') return refuse('malformed welcome');
  if (!isProof(self.secret, 'listener', greeting, welcome.proof)) return refuse(wrongSecret);
  return { ok: true };
}
