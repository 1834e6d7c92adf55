/**
 * The slots of the identity file: who this node is, what it promised, whether its log is damaged (R-D1a). Pure.
 *
 *   magic u32 | crc u32 | version u8 | 0 u24 | length u32 | sequence f64, then `length` bytes of JSON, then zeros
 *
 * A1. A slot is 4 KiB: the biggest identity (seven voters) takes a fifth of that, so it never has to grow.
 * A2. `crc` covers everything behind it up to the end of the JSON. A slot is whole or it is nothing.
 * A3. 'blank' is a slot that nobody ever wrote, all zeros; 'unsupported' a valid one of a newer program.
 */
import { crc32 } from 'node:zlib';
import { type Epoch, isNodeId, type NodeId } from './epoch.ts';
import { type Incarnation, maxVoters, type Roster } from './frames.ts';
import { invariant } from './logicalLog.ts';
import type { Unreadable } from './record.ts';

export const slotBytes = 4096;
const slotVersion = 1;
const slotMagic = 0xd15c_1de7;
const headerBytes = 24;

export interface Identity {
  readonly clusterId: string | null;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly roster: Roster | null;
  readonly membership: readonly NodeId[];
  readonly promised: Epoch;
  readonly boot: number;
  /** R-D3: the log lost something that had been fsynced. */
  readonly damaged: boolean;
}
/** Both ascending. */
export const sameMembers = (a: readonly NodeId[], b: readonly NodeId[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i]);

/** 16 hexadecimal digits: two of a kind are not to be expected in any number of clusters that people run. */
export function drawId(dice: () => number): string {
  let id = '';
  for (let i = 0; i < 4; i++)
    id += Math.floor(dice() * 65_536)
      .toString(16)
      .padStart(4, '0');
  return id;
}

export interface Slot {
  /** The higher one of two is the newer one. */
  readonly sequence: number;
  readonly identity: Identity;
}

export function encodeSlot({ sequence, identity }: Slot): Buffer {
  const { clusterId, nodeId, incarnation, roster, membership, promised, boot, damaged } = identity;
  const json = Buffer.from(
    JSON.stringify({
      clusterId,
      nodeId,
      incarnation,
      roster: roster && [...roster],
      membership,
      promised,
      boot,
      damaged,
    }),
  );
  invariant(headerBytes + json.length <= slotBytes, 'A1', `an identity of ${json.length} bytes`);
  const bytes = Buffer.alloc(slotBytes);
  bytes.writeUInt32BE(slotMagic, 0);
  bytes[8] = slotVersion;
  bytes.writeUInt32BE(json.length, 12);
  bytes.writeDoubleBE(sequence, 16);
  json.copy(bytes, headerBytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(8, headerBytes + json.length)), 4);
  return bytes;
}

export function decodeSlot(bytes: Buffer): Slot | 'blank' | Unreadable {
  if (bytes.length !== slotBytes) return 'malformed';
  if (bytes.every((byte) => byte === 0)) return 'blank';
  const end = headerBytes + bytes.readUInt32BE(12);
  if (bytes.readUInt32BE(0) !== slotMagic || end > slotBytes) return 'malformed';
  if (crc32(bytes.subarray(8, end)) !== bytes.readUInt32BE(4)) return 'malformed';
  if (bytes[8] !== slotVersion) return 'unsupported';
  const sequence = bytes.readDoubleBE(16);
  const identity = identityOf(parse(bytes.toString('utf8', headerBytes, end)));
  return identity && isCount(sequence) ? { sequence, identity } : 'malformed';
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 64;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function identityOf(value: unknown): Identity | null {
  if (typeof value !== 'object' || value === null) return null;
  const { clusterId, nodeId, incarnation, roster, membership, promised, boot, damaged } = value as Partial<
    Record<keyof Identity, unknown>
  >;
  if (clusterId !== null && !isName(clusterId)) return null;
  if (!isNodeId(nodeId) || !isName(incarnation) || typeof damaged !== 'boolean') return null;
  if (!isCount(promised) || !isCount(boot)) return null;
  if (!Array.isArray(membership) || membership.length > maxVoters || !membership.every(isNodeId)) return null;
  const members = rosterOf(roster);
  if (members === 'malformed') return null;
  return { clusterId, nodeId, incarnation, roster: members, membership, promised, boot, damaged };
}

function rosterOf(value: unknown): Roster | null | 'malformed' {
  if (value === null) return null;
  if (!Array.isArray(value) || value.length > maxVoters) return 'malformed';
  const roster = new Map<NodeId, Incarnation>();
  for (const pair of value) {
    if (!Array.isArray(pair) || !isNodeId(pair[0]) || !isName(pair[1])) return 'malformed';
    roster.set(pair[0], pair[1]);
  }
  return roster;
}
