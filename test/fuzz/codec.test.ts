/** Decoders of what peers send and disks hold, before any bytes: whole, changed, cut, spliced, and plain noise. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readView } from '../../actors/observer/viewText.ts';
import { decodeBatch, encodeBatch, encodeWrite, readWrite } from '../../actors/protocol/batch.ts';
import { ByteReader, ByteWriter } from '../../actors/protocol/bytes.ts';
import { decodeFrame, encodeFrame } from '../../actors/protocol/frameCodec.ts';
import type { Frame } from '../../actors/protocol/frames.ts';
import { decodeSlot, encodeSlot, type Identity, slotBytes } from '../../actors/protocol/identityRecord.ts';
import { dataBatch, encodedWrite, frameDraw, frameOf, kinds, nodeId, whole, writeDraw } from './frameDraws.ts';
import { anyDamage, damaged, damageInPlace, holds, record } from './property.ts';

const encode = (frame: Frame, lamport = 1): Buffer => Buffer.from(encodeFrame(frame as never, lamport));
const noise = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 5000 })).map(Buffer.from);
const damages = fc.array(anyDamage, { minLength: 1, maxLength: 3 });

// ------------------------------------------------------------------------------------------------- bytes, readers

type Field = {
  readonly as: 'u8' | 'u16' | 'u32' | 'f64' | 'varint' | 'bool' | 'text' | 'bytes';
  readonly value: never;
};
const field = fc.oneof(
  record({ as: fc.constant('u8'), value: fc.nat(255) }),
  record({ as: fc.constant('bool'), value: fc.boolean() }),
  record({ as: fc.constant('u16'), value: fc.nat(65_535) }),
  record({ as: fc.constant('u32'), value: fc.nat(2 ** 32 - 1) }),
  record({ as: fc.constant('f64'), value: fc.double() }),
  record({ as: fc.constant('varint'), value: whole }),
  record({ as: fc.constant('text'), value: fc.string({ unit: 'grapheme' }) }),
  record({ as: fc.constant('bytes'), value: fc.uint8Array().map(Buffer.from) }),
) as fc.Arbitrary<Field>;
const fields = fc.array(field, { maxLength: 12 });

const Bytes = suite('any bytes: readers');

Bytes('give back what writers wrote', () => {
  holds(
    fc.property(fields, (written) => {
      const out = new ByteWriter(1);
      for (const { as, value } of written) out[as](value);
      const from = new ByteReader(out.finish());
      assert.equal(
        written.map(({ as }) => from[as]()),
        written.map(({ value }) => value),
      );
      assert.ok(from.done);
    }),
  );
});
Bytes('never throw, never pass their end, and after a fault give nothing', () => {
  holds(
    fc.property(noise, fields, (bytes, wanted) => {
      const from = new ByteReader(bytes);
      for (const { as } of wanted) {
        const wasOk = from.ok;
        const value = from[as]();
        assert.ok(from.at <= bytes.length);
        if (!wasOk) assert.ok(!value || (value as Buffer).length === 0, `${as} after a fault`);
        if (as === 'bytes') assert.ok((value as Buffer).buffer === bytes.buffer || (value as Buffer).length === 0);
      }
    }),
  );
});
Bytes('take no number for finite that is none', () => {
  holds(
    fc.property(fc.double(), (value) => {
      const from = new ByteReader(new ByteWriter().f64(value).finish());
      const read = from.finite();
      assert.is(from.ok, Number.isFinite(value));
      if (from.ok) assert.is(read, value);
    }),
  );
});
Bytes('take one spelling of a number only', () => {
  holds(
    fc.property(fc.array(fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0xff), { minLength: 1, maxLength: 10 }), (bytes) => {
      const from = new ByteReader(Buffer.from(bytes));
      const value = from.varint();
      if (from.ok) assert.equal(new ByteWriter().varint(value).finish(), Buffer.from(bytes.slice(0, from.at)));
    }),
  );
});
Bytes.run();

// ---------------------------------------------------------------------------------------------------------- frames

const Frames = suite('any bytes: frames');

for (const kind of kinds) {
  Frames(`of kind ${kind} come back as they were`, () => {
    holds(
      fc.property(frameOf(kind), whole, (frame, lamport) => {
        const bytes = encode(frame, lamport);
        const read = decodeFrame(bytes);
        assert.equal(read, { frame, lamport });
        if (read !== 'malformed')
          assert.ok(encode(read.frame, read.lamport).equals(bytes), 'and are spelt as they were');
      }),
      0.5,
    );
  });
}
Frames('that were changed, cut, or lengthened are malformed', () => {
  holds(
    fc.property(frameDraw, damages, (frame, what) => {
      const bytes = encode(frame);
      const changed = damaged(bytes, what);
      if (!changed.equals(bytes)) assert.is(decodeFrame(changed), 'malformed');
    }),
    5,
  );
});
Frames('made of two others are malformed, wherever the cut is', () => {
  const sameKind = fc.constantFrom(...kinds).chain((kind) => fc.tuple(frameOf(kind), frameOf(kind)));
  holds(
    fc.property(fc.oneof(sameKind, fc.tuple(frameDraw, frameDraw)), ([a, b]) => {
      const [first, second] = [encode(a), encode(b)];
      for (let cut = 0; cut <= first.length; cut++) {
        for (const at of [cut, cut + second.length - first.length]) {
          const spliced = Buffer.concat([first.subarray(0, cut), second.subarray(Math.max(0, at))]);
          if (spliced.equals(first) || spliced.equals(second)) continue;
          assert.is(decodeFrame(spliced), 'malformed', `cut at ${cut}, ${at}`);
        }
      }
    }),
    0.5,
  );
});
Frames('and batches with times that are no numbers are malformed: one would spoil every average', () => {
  const endless = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  holds(
    fc.property(frameOf('ping'), fc.constantFrom('sentAt', 'echo', 'heldMs'), endless, (ping, name, value) => {
      assert.is(decodeFrame(encode({ ...ping, [name]: value } as Frame)), 'malformed');
    }),
    0.2,
  );
  holds(
    fc.property(writeDraw, endless, (write, physicalSeconds) => {
      const bytes = encodeWrite({ ...write, physicalSeconds });
      const encoded = { bytes, tag: write.tag, count: write.contents.length };
      const result = { n: 1, firstId: 1, firstLamport: 1, earlier: { origin: 1, seen: 1, physicalSeconds } };
      const forwarded = { firstTryCommit: 0, write: encoded };
      assert.is(decodeFrame(encode({ kind: 'forward', epoch: 1, writes: [forwarded] })), 'malformed');
      assert.is(decodeFrame(encode({ kind: 'forwardOk', results: [result] })), 'malformed');
    }),
    0.2,
  );
});
Frames('are never found in noise', () => {
  holds(
    fc.property(noise, (bytes) => {
      assert.is(decodeFrame(bytes), 'malformed');
    }),
    5,
  );
});

/** The right checksums on changed bytes: what a peer of another mind could send. */
function resealed(bytes: Buffer): Buffer {
  const from = 5;
  for (let end = from; end <= bytes.length; end++) {
    // Where the fields end is known to the decoder alone: one of these is right.
    bytes.writeUInt32BE(crc32(bytes.subarray(from, end), bytes[0]), 1);
    if (decodeFrame(bytes) !== 'malformed') break;
  }
  return bytes;
}

Frames('that are sealed nonsense throw nothing, and cost no more than a few times their bytes', () => {
  holds(
    fc.property(frameDraw, fc.array(damageInPlace, { minLength: 1, maxLength: 3 }), (frame, what) => {
      const bytes = damaged(encode(frame), what).subarray(0, 600);
      if (bytes.length < 13) return;
      let read: ReturnType<typeof decodeFrame> = 'malformed';
      const allocated = allocatedBy(() => {
        read = decodeFrame(resealed(bytes));
      });
      assert.is(allocated, 0, 'a decoder makes views');
      if ((read as typeof read | object) !== 'malformed')
        assert.ok(leavesOf(read) <= 64 + bytes.length, 'list of nothing');
    }),
    2,
  );
});

/** Bytes of buffers that are made meanwhile. */
function allocatedBy(act: () => void): number {
  const { alloc, allocUnsafe, allocUnsafeSlow, concat } = Buffer;
  let bytes = 0;
  Object.assign(Buffer, {
    alloc: (size: number, ...more: []) => {
      bytes += size;
      return alloc(size, ...more);
    },
    allocUnsafe: (size: number) => {
      bytes += size;
      return allocUnsafe(size);
    },
    allocUnsafeSlow: (size: number) => {
      bytes += size;
      return allocUnsafeSlow(size);
    },
    concat: (list: readonly Uint8Array[], ...more: []) => {
      bytes += list.reduce((sum, { length }) => sum + length, 0);
      return concat(list, ...more);
    },
  });
  try {
    act();
  } finally {
    Object.assign(Buffer, { alloc, allocUnsafe, allocUnsafeSlow, concat });
  }
  return bytes;
}

/** How many values there are in it. */
function leavesOf(value: unknown): number {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + leavesOf(member), 1);
}
Frames.run();

// --------------------------------------------------------------------------------------------------------- batches

const Batches = suite('any bytes: batches');

Batches('give back their writes', () => {
  holds(
    fc.property(fc.array(writeDraw, { minLength: 1, maxLength: 4 }), whole, (writes, firstId) => {
      const encoded = writes.map((write) => ({
        bytes: encodeWrite(write),
        tag: write.tag,
        count: write.contents.length,
        ...(write.key && { key: write.key }),
      }));
      const count = writes.reduce((sum, { contents }) => sum + contents.length, 0);
      const header = { epoch: 1, type: 'data', baseIndex: 1, baseLamport: 1, firstId, count } as const;
      const read = decodeBatch(encodeBatch(header, encoded).bytes);
      if (read === 'malformed') throw new Error('malformed');
      assert.equal(
        [...read.writes()].map(({ write }) => write),
        writes,
      );
      assert.is(
        read.hasKeys,
        writes.some(({ key }) => key !== undefined),
      );
    }),
  );
});
Batches('that were changed are malformed', () => {
  holds(
    fc.property(dataBatch, damages, fc.boolean(), ({ bytes }, what, deep) => {
      const changed = damaged(bytes, what);
      if (!changed.equals(bytes)) assert.is(decodeBatch(changed, deep), 'malformed');
    }),
    5,
  );
});
Batches('that are sealed nonsense are malformed, or spelt as this program spells them', () => {
  holds(
    fc.property(dataBatch, fc.array(damageInPlace, { minLength: 1, maxLength: 2 }), (batch, what) => {
      const bytes = damaged(batch.bytes, what);
      bytes.writeUInt32BE(bytes.length, 0);
      bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
      const read = decodeBatch(bytes);
      if (read === 'malformed') return;
      const writes = [...read.writes()].map(({ write }) => ({
        bytes: encodeWrite(write),
        tag: write.tag,
        count: write.contents.length,
        ...(write.key && { key: write.key }),
      }));
      const { epoch, type, baseIndex, baseLamport, firstId, count } = read;
      const again = encodeBatch({ epoch, type, baseIndex, baseLamport, firstId, count }, writes);
      assert.ok(again.bytes.equals(bytes));
    }),
    10,
  );
});
Batches('never read a write beyond its end', () => {
  holds(
    fc.property(encodedWrite, damages, (write, what) => {
      const bytes = damaged(write.bytes, what);
      const from = new ByteReader(bytes);
      const { contents } = readWrite(from);
      assert.ok(contents.length <= bytes.length);
      assert.ok(from.at <= bytes.length);
    }),
    2,
  );
});
Batches.run();

// -------------------------------------------------------------------------------------------------------- identity

const identity: fc.Arbitrary<Identity> = record({
  clusterId: fc.option(fc.string({ minLength: 1, maxLength: 64 })),
  nodeId,
  incarnation: fc.string({ minLength: 1, maxLength: 64 }),
  roster: fc.option(
    fc
      .array(fc.tuple(nodeId, fc.string({ minLength: 1, maxLength: 64 })), { maxLength: 7 })
      .map((pairs) => new Map(pairs)),
  ),
  membership: fc.array(nodeId, { maxLength: 7 }),
  promised: whole,
  boot: whole,
  damaged: fc.boolean(),
});
const slot = record({ sequence: whole, identity });

const Slots = suite('any bytes: identity');

Slots('comes back as it was', () => {
  holds(
    fc.property(slot, (written) => {
      assert.equal(decodeSlot(encodeSlot(written)), written);
    }),
  );
});
Slots('that was changed is malformed, except behind its end', () => {
  holds(
    fc.property(slot, damages, (written, what) => {
      const bytes = encodeSlot(written);
      const end = 24 + bytes.readUInt32BE(12);
      const changed = Buffer.concat([damaged(bytes.subarray(0, end + 8), what), Buffer.alloc(slotBytes)]).subarray(
        0,
        slotBytes,
      );
      const read = decodeSlot(changed);
      const isWhole = changed.subarray(0, end).equals(bytes.subarray(0, end));
      if (isWhole) assert.equal(read, written);
      else assert.ok(read === 'malformed' || (read === 'blank' && changed.every((byte) => byte === 0)), `${read}`);
    }),
    2,
  );
});
Slots('that is sealed nonsense has the form of an identity, or is malformed', () => {
  const json = fc.oneof(
    fc.json(),
    record({ identity: fc.object() }).map((value) => JSON.stringify(value)),
  );
  const changedJson = fc.tuple(slot, fc.array(damageInPlace, { minLength: 1, maxLength: 2 })).map(([written, what]) => {
    const bytes = encodeSlot(written);
    return damaged(bytes.subarray(24, 24 + bytes.readUInt32BE(12)), what);
  });
  holds(
    fc.property(fc.oneof(json.map(Buffer.from), changedJson), fc.double(), (text, sequence) => {
      const bytes = encodeSlot({ sequence: 1, identity: aNode });
      const fits = text.subarray(0, slotBytes - 24);
      bytes.fill(0, 24);
      fits.copy(bytes, 24);
      bytes.writeUInt32BE(fits.length, 12);
      bytes.writeDoubleBE(sequence, 16);
      bytes.writeUInt32BE(crc32(bytes.subarray(8, 24 + fits.length)), 4);
      const read = decodeSlot(bytes);
      if (typeof read === 'string') return;
      assert.equal(decodeSlot(encodeSlot(read)), read);
    }),
    2,
  );
});
const aNode: Identity = {
  clusterId: null,
  nodeId: 1,
  incarnation: 'i',
  roster: null,
  membership: [1],
  promised: 0,
  boot: 1,
  damaged: false,
};
Slots.run();

// ---------------------------------------------------------------------------------------------------------- views

/** With something in every list, so that every place of a view can be spoilt. */
const aView = {
  node: 2,
  boot: 3,
  seq: 4,
  wallMs: 1.5,
  status: {
    role: 'leading',
    leader: 2,
    epoch: 65_538,
    lamport: 9,
    lastIndex: 8,
    durableIndex: 8,
    commitIndex: 7,
    lastId: 6,
    uptimeSeconds: 0.5,
    diskFull: false,
    diskUsed: 0.25,
    trouble: 'DAMAGED',
  },
  links: [{ peer: 1, link: 'up', up: true, rttMs: 1.5, lag: 3, error: 'reset' }],
  metrics: { sent: 1, received: 2, violations: 0, elections: 1, averageMs: 1.5, p95Ms: 2.5, perSecond: 3.5 },
  story: [{ wallMs: 1.5, lamport: 3, event: 'leads', words: 'node 2 leads', epoch: 65_538, leader: 2 }],
  messages: {
    count: 1,
    shown: [
      { id: 1, lamport: 2, origin: 3, seen: 0, physicalSeconds: 1.5, content: 'text', bytes: 4, violation: false },
    ],
  },
  trace: {
    oneOf: 1,
    dropped: 0,
    events: [
      {
        seq: 1,
        lamport: 2,
        wallMs: 1.5,
        kind: 'send',
        what: 'append',
        group: 'replication',
        frame: '2>1:2',
        peer: 1,
        ids: [1, 2],
        epoch: 65_538,
        violation: false,
      },
    ],
  },
  actors: [
    {
      id: 'election',
      parent: 'node',
      states: ['election.inOffice'],
      figures: { promised: 65_538 },
      events: 5,
      perSecond: 1.5,
      last: [{ event: 'ping.received', from: 'clock', wallMs: 1.5 }],
    },
  ],
};
type Place = readonly (string | number)[];
const placesIn = (value: unknown, at: Place = []): Place[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inside]) => [[...at, key], ...placesIn(inside, [...at, key])])
    : [];
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value);

const Views = suite('any bytes: views of peers');

Views('read what a node wrote', () => {
  assert.equal(readView(Buffer.from(JSON.stringify(aView))), aView);
});
Views('never throw, whatever the bytes are', () => {
  const bytes = Buffer.from(JSON.stringify(aView));
  holds(
    fc.property(
      fc.oneof(
        noise,
        fc.json().map(Buffer.from),
        damages.map((all) => damaged(bytes, all)),
      ),
      (input) => {
        const view = readView(input);
        assert.ok(view === null || view.node >= 0);
      },
    ),
  );
});
Views('with something of another kind anywhere are nonsense', () => {
  // What may be left out or unknown is `null`; a figure may be anything that can be shown.
  holds(
    fc.property(fc.constantFrom(...placesIn(aView)), fc.jsonValue(), (place, value) => {
      const spoilt = structuredClone(aView) as unknown as Record<string | number, unknown>;
      const last = place.at(-1) as string;
      const inside = place.slice(0, -1).reduce((at, key) => at[key] as typeof spoilt, spoilt);
      const before = inside[last];
      inside[last] = value;
      const view = readView(Buffer.from(JSON.stringify(spoilt)));
      const isFigure = place.includes('figures') && last !== 'figures';
      if (view !== null && value !== null && !isFigure) assert.is(kindOf(value), kindOf(before), place.join('.'));
    }),
    5,
  );
});
Views.run();
