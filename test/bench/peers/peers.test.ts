/** What the peers' clients write and read, byte by byte; and what is said where a peer is not installed. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fields, pageOf, putRequest, putsRequest, rangeRequest, varint } from './etcd.ts';
import { callHeaders, frame, GrpcWire, grpcMessage } from './grpc.ts';
import { natsReader, publish, refusalOf, replyOf } from './nats.ts';
import { command, type Reply, respReader } from './redis.ts';
import { commandPath, missing } from './servers.ts';

const hex = (bytes: Buffer | undefined): string => bytes?.toString('hex') ?? '';
const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** The same bytes whole, one by one, and in pieces of three. */
function inPieces(whole: Buffer, read: (chunks: readonly Buffer[]) => void): void {
  for (const size of [whole.length, 1, 3]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
    read(chunks);
  }
}

// ---------------------------------------------------------------------------------------------------------- etcd

const Etcd = suite('etcd client');

Etcd('writes numbers as varints', () => {
  assert.is(hex(varint(0)), '00');
  assert.is(hex(varint(127)), '7f');
  assert.is(hex(varint(500)), 'f403');
  assert.is(hex(varint(2 ** 35)), '808080808001');
});

Etcd('writes a put as key and value', () => {
  assert.is(hex(putRequest('ab', 'xyz')), '0a026162120378797a');
});

Etcd('writes a batch as a transaction of puts that has no conditions', () => {
  const puts = [putRequest('a', 'x'), putRequest('b', 'y')];
  assert.is(hex(putsRequest(puts)), '1208 1206 0a0161 120178 1208 1206 0a0162 120179'.replaceAll(' ', ''));
});

Etcd('asks a page of all keys from one on, of what the node itself has', () => {
  assert.is(hex(rangeRequest(Buffer.from('k'), 300)), '0a016b 120100 18ac02 3801'.replaceAll(' ', ''));
});

Etcd('reads fields of numbers and of bytes', () => {
  const read = [...fields(bytesOf('08ac02 12026869 1800'))].map(([number, bytes]) => [number, hex(bytes)]);
  assert.equal(read, [
    [1, 'ac02'],
    [2, '6869'],
    [3, '00'],
  ]);
});

Etcd('does not take a wire type that etcd does not use for anything else', () => {
  assert.throws(() => [...fields(bytesOf('0d00000000'))], /wire type 5/);
});

Etcd('counts the keys of a page and finds the last one', () => {
  // A header, two pairs of key, revision and value, and the count of all.
  const page = bytesOf('0a020801 1208 0a0161 1005 2a0178 1208 0a0162 1006 2a0179 2009');
  assert.equal(pageOf(page), { count: 2, last: Buffer.from('b') });
  assert.is(pageOf(Buffer.alloc(0)).count, 0);
});

Etcd.run();

// ----------------------------------------------------------------------------------------------------------- gRPC

const Grpc = suite('gRPC by hand');

const settingsOf = (window: number): Buffer => {
  const payload = bytesOf('0004 00000000');
  payload.writeUInt32BE(window, 2);
  return frame(4, 0, 0, payload);
};
const path = '/a.B/C';

Grpc('begins with the preface, the largest window, and no limit for the connection', () => {
  const { hello } = new GrpcWire();
  assert.is(hello.toString('latin1', 0, 24), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  assert.is(
    hex(hello.subarray(24)),
    '000006 04 00 00000000 0004 7fffffff 000004 08 00 00000000 7fff0000'.replaceAll(' ', ''),
  );
});

Grpc('names method, path, host and type in header fields that are kept in no table', () => {
  const block = callHeaders(path);
  const expected = `83 86 04 06 ${hex(Buffer.from(path))} 01 09 ${hex(Buffer.from('127.0.0.1'))} 0f10 10 ${hex(
    Buffer.from('application/grpc'),
  )} 00 02 ${hex(Buffer.from('te'))} 08 ${hex(Buffer.from('trailers'))}`;
  assert.is(hex(block), expected.replaceAll(' ', ''));
});

Grpc('sends a message after five bytes: not compressed, and its length', () => {
  assert.is(hex(grpcMessage(Buffer.from('hi'))), '00000000026869');
});

Grpc('sends a call as a frame of headers and a last frame of data', () => {
  const sent = new GrpcWire().request(3, path, Buffer.from('hi'));
  const headers = callHeaders(path);
  assert.is(hex(sent.subarray(0, 9)), `0000${hex(Buffer.from([headers.length]))}010400000003`);
  assert.is(hex(sent.subarray(9 + headers.length)), '000007 00 01 00000003 00000000026869'.replaceAll(' ', ''));
});

Grpc('leaves a call open that is to go on', () => {
  const sent = new GrpcWire().request(3, path, Buffer.from('hi'), false);
  assert.is(hex(sent.subarray(-16)), '000007 00 00 00000003 00000000026869'.replaceAll(' ', ''));
});

Grpc('hears an answer, and an error that has headers only, in any pieces', () => {
  const whole = Buffer.concat([
    settingsOf(65_535),
    frame(1, 4, 1, bytesOf('88')),
    frame(0, 0, 1, grpcMessage(Buffer.from('yes'))),
    frame(1, 5, 1, bytesOf('bf')),
    frame(1, 5, 3, bytesOf('88')),
    frame(6, 0, 0, bytesOf('0102030405060708')),
  ]);
  inPieces(whole, (chunks) => {
    const wire = new GrpcWire();
    const ends: unknown[] = [];
    const parts: Buffer[] = [];
    const answers = chunks.map((chunk) =>
      wire.take(chunk, {
        data: (_stream, bytes) => parts.push(bytes),
        ended: (stream, isGood) => ends.push([stream, isGood]),
      }),
    );
    assert.is(hex(Buffer.concat(parts)), '0000000003796573');
    assert.equal(ends, [
      [1, true],
      [3, false],
    ]);
    const sent = answers.map(hex).join('');
    assert.is(sent, '000000 04 01 00000000 000008 06 01 00000000 0102030405060708'.replaceAll(' ', ''));
  });
});

Grpc('takes a reset stream for a failed call', () => {
  const ends: unknown[] = [];
  const whole = Buffer.concat([frame(0, 0, 1, Buffer.from('half')), frame(3, 0, 1, bytesOf('00000002'))]);
  new GrpcWire().take(whole, { ended: (stream, isGood) => ends.push([stream, isGood]) });
  assert.equal(ends, [[1, false]]);
});

Grpc('throws with the reason when the server ends the connection', () => {
  const end = frame(7, 0, 0, Buffer.concat([bytesOf('00000001 00000000'), Buffer.from('enough')]));
  assert.throws(() => new GrpcWire().take(end, { ended: () => undefined }), /enough/);
});

/** Lengths of DATA frames, and whether the last one ends its stream. */
function dataIn(bytes: Buffer): { lengths: number[]; isEnd: boolean } {
  const lengths: number[] = [];
  let isEnd = false;
  for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] !== 0) continue;
    lengths.push(bytes.readUIntBE(at, 3));
    isEnd = bytes[at + 4] === 1;
  }
  return { lengths, isEnd };
}

Grpc('sends no more than the windows of stream and connection allow, and the rest when they open', () => {
  const wire = new GrpcWire();
  const deaf = { ended: () => undefined };
  const update = (stream: number, by: number): Buffer => {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(by);
    return frame(8, 0, stream, payload);
  };
  wire.take(settingsOf(40_000), deaf);
  assert.equal(dataIn(wire.request(1, path, Buffer.alloc(99_995))), { lengths: [16_384, 16_384, 7_232], isEnd: false });
  // 25,535 are left for all streams.
  assert.equal(dataIn(wire.request(3, path, Buffer.alloc(29_995))), { lengths: [16_384, 9_151], isEnd: false });
  assert.is(wire.take(update(1, 60_000), deaf), undefined);
  assert.equal(dataIn(wire.take(update(0, 100_000), deaf)!), {
    lengths: [16_384, 16_384, 16_384, 10_848, 4_465],
    isEnd: true,
  });
  assert.is(wire.take(update(0, 100_000), deaf), undefined);
});

Grpc('sends on when new settings widen the first window of a stream', () => {
  const wire = new GrpcWire();
  const deaf = { ended: () => undefined };
  wire.take(settingsOf(10), deaf);
  assert.equal(dataIn(wire.request(1, path, Buffer.alloc(15))), { lengths: [10], isEnd: false });
  assert.equal(dataIn(wire.take(settingsOf(20), deaf)!), { lengths: [10], isEnd: true });
});

Grpc.run();

// ----------------------------------------------------------------------------------------------------------- NATS

const Nats = suite('NATS client');

Nats('writes a publish with the subject of its answer and the count of bytes', () => {
  assert.is(publish('log', '_INBOX.a', 'zwölf'), 'PUB log _INBOX.a 6\r\nzwölf\r\n');
  assert.is(publish('log', undefined, ''), 'PUB log 0\r\n\r\n');
});

Nats('reads lines and messages in any pieces, whatever a message holds', () => {
  const whole = Buffer.from(
    'INFO {"a":1}\r\nPING\r\nMSG log 1 11\r\nMSG a 1 5\r\n\r\nHMSG log 2 back 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG log 1 0\r\n\r\nPONG\r\n',
  );
  inPieces(whole, (chunks) => {
    const heard: string[][] = [];
    const read = natsReader((line, payload) => heard.push([line, payload.toString()]));
    for (const chunk of chunks) read(chunk);
    assert.equal(heard, [
      ['INFO {"a":1}', ''],
      ['PING', ''],
      ['MSG log 1 11', 'MSG a 1 5\r\n'],
      ['HMSG log 2 back 12 14', 'NATS/1.0\r\n\r\nhi'],
      ['MSG log 1 0', ''],
      ['PONG', ''],
    ]);
  });
});

Nats('throws at a message without a length', () => {
  assert.throws(() => natsReader(() => undefined)(Buffer.from('MSG log 1 x\r\n')), /not a message/);
});

Nats('knows where an answer to a message goes', () => {
  assert.is(replyOf('MSG log 1 back 5'), 'back');
  assert.is(replyOf('MSG log 1 5'), undefined);
  assert.is(replyOf('HMSG log 1 back 12 12'), 'back');
  assert.is(replyOf('HMSG log 1 12 12'), undefined);
});

Nats('takes only an acknowledgement of the stream for one', () => {
  assert.is(refusalOf(Buffer.from('{"stream":"log", "seq":7}')), undefined);
  const error =
    '{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"log","seq":0}';
  assert.is(refusalOf(Buffer.from(error)), 'maximum messages exceeded');
  assert.is(refusalOf(Buffer.from('NATS/1.0 503\r\n\r\n')), 'no leader');
  assert.is(refusalOf(Buffer.from('?')), '?');
});

Nats.run();

// ---------------------------------------------------------------------------------------------------------- Redis

const Redis = suite('Redis client');

Redis('writes a command as a list of counted words', () => {
  assert.is(command('XADD', 'log', 'ö'), '*3\r\n$4\r\nXADD\r\n$3\r\nlog\r\n$2\r\nö\r\n');
});

Redis('reads replies of every kind in any pieces, lists in lists too', () => {
  const whole = Buffer.from(
    '+OK\r\n-ERR no\r\n:2\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n*2\r\n$1\r\n1\r\n*1\r\n$0\r\n\r\n:7\r\n$1\r\nz\r\n',
  );
  inPieces(whole, (chunks) => {
    const heard: Reply[] = [];
    const read = respReader((reply) => heard.push(reply instanceof Error ? `error ${reply.message}` : reply));
    for (const chunk of chunks) read(chunk);
    assert.equal(heard, ['OK', 'error ERR no', 2, 'a\r\nb', null, null, [], [['1', ['']], 7], 'z']);
  });
});

Redis('throws at what is no reply', () => {
  assert.throws(() => respReader(() => undefined)(Buffer.from('HTTP/1.1 200\r\n')), /not a reply: HTTP/);
});

Redis.run();

// ------------------------------------------------------------------------------------------------------ installed

const Installed = suite('servers of peers');

Installed('are looked for in the path and in /usr/sbin, and only programs count', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peers-'));
  try {
    writeFileSync(join(folder, 'a-server'), '');
    assert.is(commandPath('a-server', folder), undefined);
    chmodSync(join(folder, 'a-server'), 0o755);
    assert.is(commandPath('a-server', `:${folder}`), join(folder, 'a-server'));
    assert.is(missing('a-server', 'a-package', folder), null);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

Installed('are found in /usr/sbin, which is in the path of few', () => {
  const program = readdirSync('/usr/sbin').find((name) => commandPath(name, '/usr/sbin') !== undefined);
  assert.is(commandPath(program!, '/nowhere'), `/usr/sbin/${program}`);
});

Installed('are named with the package to install where they are missing', () => {
  assert.is(missing('a-server', 'a-package', '/nowhere'), 'a-server is not installed (apt-get install a-package)');
});

Installed.run();
