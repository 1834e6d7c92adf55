/**
 * Any frames and any bytes on the WebSockets of the client port: what is well said is done and answered in order, the first
 * thing that is not ends the connection with a reason, and the server goes on.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpOptions } from '../../http/server.ts';
import { fitting } from '../../http/upgrades.ts';
import { anHttpWorld, type HttpWorld, RawClient } from '../support/httpWorld.ts';
import { frameOf, handshake } from '../support/streamClient.ts';
import { anyDamage, anyText, damaged, holds, oftenEnough, part, wholeText } from './property.ts';

const inOneWorld =
  (use: (world: HttpWorld) => Promise<void>, options: Omit<Partial<HttpOptions>, 'node'> = {}) =>
  async (): Promise<void> => {
    const world = await anHttpWorld({ ...options, limits: { stallMs: 10_000 } });
    try {
      await use(world);
      assert.is((await fetch(`${world.url}/health`)).status, 200, 'it goes on');
    } finally {
      await world.stop();
    }
  };

function noBug({ lines }: HttpWorld): void {
  const bug = lines.find(({ event }) => event === 'http_bug');
  assert.is(bug, undefined, bug?.message);
}

// ---------------------------------------------------------------------------------------------------------- frames

/** Something that a client sends; `message` where it is one, `ends` where the connection must end with it. */
interface Said {
  readonly bytes: Buffer;
  readonly message?: Buffer;
  readonly ends?: 'well' | 'broken';
}
const cutAt = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const cuts = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((to, i) => bytes.subarray(cuts[i], to));
};
const contents = fc.oneof(
  { weight: 6, arbitrary: wholeText.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.nat(70_000).map((length) => Buffer.alloc(length, 'x')) },
);
const opcode = fc.constantFrom(1, 2);
const message: fc.Arbitrary<Said> = fc
  .tuple(contents, opcode, fc.array(part, { maxLength: 3 }), fc.boolean())
  .map(([content, kind, places, withPings]) => {
    const parts = cutAt(content, places);
    const frames = parts.flatMap((one, i) => [
      frameOf(one, { opcode: i === 0 ? kind : 0, final: i === parts.length - 1 }),
      ...(withPings ? [frameOf('?', { opcode: 9 })] : []),
    ]);
    return { bytes: Buffer.concat(frames), message: content };
  });
const control: fc.Arbitrary<Said> = fc
  .tuple(fc.constantFrom(9, 10), fc.uint8Array({ maxLength: 125 }))
  .map(([kind, bytes]) => ({ bytes: frameOf(Buffer.from(bytes), { opcode: kind }) }));
const broken: fc.Arbitrary<Said> = fc
  .constantFrom<Buffer>(
    frameOf(Buffer.from([0x61, 0xff])), // Not UTF-8.
    frameOf(Buffer.from([0xed, 0xa0, 0x80])), // Half of a pair.
    frameOf('x', { opcode: 0 }), // Goes on with nothing.
    frameOf('x', { opcode: 3 }),
    frameOf('x', { opcode: 11 }),
    frameOf('x'.repeat(126), { opcode: 9 }),
    frameOf('x', { opcode: 9, final: false }),
    Buffer.concat([frameOf('x', { final: false }), frameOf('x')]), // A message within a message.
    Buffer.from([0x81, 0x01, 0x61]), // Not masked.
    Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), // Compressed, it says.
    Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), // 2^64 bytes.
    Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]), // A gibibyte.
    frameOf(Buffer.from([3]), { opcode: 8 }), // Half of a code.
    frameOf(Buffer.from([0, 0]), { opcode: 8 }), // No code.
  )
  .map((bytes) => ({ bytes, ends: 'broken' as const }));
const farewell: Said = { bytes: frameOf(Buffer.from([3, 232]), { opcode: 8 }), ends: 'well' };

const saying: fc.Arbitrary<readonly Said[]> = fc
  .array(
    fc.oneof({ weight: 8, arbitrary: message }, { weight: 2, arbitrary: control }, { weight: 1, arbitrary: broken }),
    { maxLength: 8 },
  )
  .map((all) => [...all, farewell]);

/** The texts of the server's frames, and the code that it closed with. */
function heardIn(received: Buffer): { readonly texts: string; readonly code: number | undefined } {
  let texts = '';
  let at = received.indexOf('\r\n\r\n') + 4;
  while (at + 2 <= received.length) {
    const kind = (received[at] as number) & 15;
    let length = (received[at + 1] as number) & 127;
    let head = 2;
    if (length === 126) [length, head] = [received.readUInt16BE(at + 2), 4];
    else if (length === 127) [length, head] = [Number(received.readBigUInt64BE(at + 2)), 10];
    const payload = received.subarray(at + head, at + head + length);
    if (kind === 8) return { texts, code: payload.length >= 2 ? payload.readUInt16BE() : 1005 };
    if (kind === 1) texts += payload.toString();
    at += head + length;
  }
  return { texts, code: undefined };
}

/** Opens `path`, says all of it in parts, and gives what came until the server hung up. */
async function converse(
  { port }: HttpWorld,
  path: string,
  bytes: Buffer,
  { cuts = [], hangsUp = false }: { readonly cuts?: readonly number[]; readonly hangsUp?: boolean } = {},
): Promise<Buffer> {
  const client = new RawClient(port).say(handshake(path));
  client.socket.setEncoding('latin1');
  await client.hears(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n/);
  for (const each of cutAt(bytes, cuts)) {
    client.say(each);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (hangsUp) client.socket.end();
  return Buffer.from(await client.ends(), 'latin1');
}

const Streams = suite('any frames to /append');

Streams(
  'are written and answered in order up to the first that is none, and that one is told',
  inOneWorld(async (world) => {
    const { node } = world;
    let [drawn, failed] = [0, 0];
    await holds(
      fc.asyncProperty(saying, fc.array(part, { maxLength: 3 }), async (said, cuts) => {
        drawn++;
        const before = node.appends.length;
        const last = said.findIndex(({ ends }) => ends !== undefined);
        const wanted = said.slice(0, last).flatMap((one) => one.message ?? []);
        const bytes = Buffer.concat(said.map((one) => one.bytes));
        const { texts, code } = heardIn(await converse(world, '/append', bytes, { cuts }));
        noBug(world);
        const written = node.appends.slice(before).flatMap((one) => one.contents);
        assert.equal(written.map(String), wanted.map(String));
        const lines = texts
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as { n: number; count?: number; error?: string; outcome?: string });
        const answers = lines.filter(({ error }) => error === undefined);
        assert.is(
          answers.reduce((sum, { count = 0 }) => sum + count, 0),
          wanted.length,
        );
        if (wanted.length > 0) assert.is(answers.at(-1)?.n, wanted.length);
        const failure = lines.at(-1)?.error === undefined ? undefined : lines.at(-1);
        assert.is(failure !== undefined, said[last]?.ends === 'broken');
        assert.is(code === 1000, failure === undefined, `closed with ${code}`);
        if (!failure) return;
        failed++;
        assert.equal([failure.n, failure.outcome], [wanted.length + 1, 'not_done']);
      }),
      0.5,
    );
    oftenEnough(failed, drawn, 0.05);
  }),
);
Streams.run();

// ----------------------------------------------------------------------------------------------------------- bytes

const Bytes = suite('any bytes on a WebSocket');

for (const path of ['/append', '/append?format=ndjson', '/live', '/inspect'])
  Bytes(
    `of ${path} end it, or are heard`,
    inOneWorld(
      async (world) => {
        const noise = fc.oneof(
          fc
            .tuple(saying, fc.array(anyDamage, { minLength: 1, maxLength: 3 }))
            .map(([said, what]) => damaged(Buffer.concat(said.map(({ bytes }) => bytes)), what)),
          fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        );
        await holds(
          fc.asyncProperty(noise, fc.array(part, { maxLength: 2 }), async (bytes, cuts) => {
            await converse(world, path, bytes, { cuts, hangsUp: true });
            noBug(world);
          }),
          0.25,
        );
      },
      { inspect: () => () => {} },
    ),
  );
Bytes.run();

// --------------------------------------------------------------------------------------------------------- reasons

const Reasons = suite('any text on /live');

/** Characters of one, two, three and four bytes: cut at any place. */
const character = fc.constantFrom('a', 'ñ', '日', '😀', '"', '\\', '\0');
const longText = fc.oneof(
  fc.array(character, { minLength: 1, maxLength: 200 }).map((all) => all.join('')),
  fc.tuple(character, fc.nat(3), fc.nat(200)).map(([one, before, count]) => 'a'.repeat(before) + one.repeat(count)),
);

Reasons(
  'that is no wish closes it with a reason, however long the words are that it names',
  inOneWorld(async (world) => {
    const texts = fc.oneof(
      longText.map((type) => JSON.stringify({ type })),
      longText.map((name) => JSON.stringify({ type: 'want', [name]: 1 })),
      longText,
      anyText,
    );
    const isRefused = async (text: string): Promise<void> => {
      // Whoever goes on listening is waited for.
      const { code } = heardIn(await converse(world, '/live', frameOf(text), { hangsUp: true }));
      assert.is(code, Buffer.byteLength(text) > 1024 ? 1009 : 1008);
      noBug(world);
    };
    // Three bytes for each of forty characters: the most that such words have.
    await isRefused(JSON.stringify({ type: '日'.repeat(60) }));
    await isRefused(JSON.stringify({ type: 'want', ['日'.repeat(60)]: 1 }));
    await holds(fc.asyncProperty(texts, isRefused), 0.25);
  }),
);
Reasons('is cut to what a close frame holds, between two characters', () => {
  holds(
    fc.property(fc.oneof(longText, anyText), (reason) => {
      const bytes = fitting(reason);
      assert.ok(bytes.length <= 123);
      const whole = Buffer.from(reason);
      assert.ok(whole.subarray(0, bytes.length).equals(bytes));
      assert.ok(bytes.length === whole.length || bytes.length > 119);
      assert.not.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    }),
  );
});
Reasons.run();
