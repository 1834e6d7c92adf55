import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogLevel } from '../../scripts/config.ts';
import { createLogger, type Logger, type LoggerOptions } from '../../scripts/logger.ts';

const Lines = suite('logger');
const Rotation = suite('log rotation');
const Trouble = suite('log file trouble');

type Line = Readonly<Record<string, unknown>>;

const linesIn = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

const drained = (logger: Logger): Promise<void> => new Promise((resolve) => logger.drained(resolve));

interface World {
  readonly logger: Logger;
  readonly folder: string;
  readonly file: string;
  readonly shown: () => Line[];
  readonly written: (name?: string) => Line[];
}

function aLogger(options: Partial<LoggerOptions> & { readonly level?: LogLevel } = {}): World {
  const folder = join(mkdtempSync(join(tmpdir(), 'logger-')), 'logs');
  const stdout: string[] = [];
  const logger = createLogger({
    nodeId: 7,
    level: 'info',
    folder,
    lamport: () => 42,
    stdout: { write: (line) => stdout.push(line) },
    ...options,
  });
  const file = join(folder, 'node_7.log');
  return {
    logger,
    folder,
    file,
    shown: () => linesIn(stdout.join('')),
    written: (name = 'node_7.log') => linesIn(readFileSync(join(folder, name), 'utf8')),
  };
}

Lines('writes one JSON line to stdout and the same to the file', async () => {
  const { logger, shown, written } = aLogger();
  logger.write('info', 'leader_elected', 'node 7 leads', { epoch: 65_543, voters: [7, 8, 9], alone: false, by: null });
  await drained(logger);
  const [line] = written();
  assert.equal(shown().length, 1);
  assert.equal(shown()[0], line);
  const { time, hostname, pid, ...rest } = line ?? {};
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.type(hostname, 'string');
  assert.is(pid, process.pid);
  assert.equal(rest, {
    name: 'distributed-log',
    level: 30,
    v: 0,
    node_id: 7,
    lamport: 42,
    module: 'node',
    event: 'leader_elected',
    msg: 'node 7 leads',
    epoch: 65_543,
    voters: [7, 8, 9],
    alone: false,
    by: null,
  });
});

Lines('are on stdout as Cloud Logging reads them when that is asked for, and in the file as ever', async () => {
  const { logger, shown, written } = aLogger({ format: 'gcp', level: 'debug' });
  logger.write('debug', 'a', 'one');
  logger.write('info', 'b', 'two', { epoch: 65_543, severity: 'mine', message: 'not this' });
  logger.write('warn', 'c', 'three\nlines\n');
  logger.write('error', 'd', 'four');
  logger.fatal('e', 'five');
  await drained(logger);
  const lines = shown();
  assert.equal(
    lines.map(({ severity, message }) => [severity, message]),
    [
      ['DEBUG', 'one'],
      ['INFO', 'two'],
      ['WARNING', 'three\nlines\n'],
      ['ERROR', 'four'],
      ['CRITICAL', 'five'],
    ],
  );
  const { time, hostname, pid, ...rest } = lines[1] ?? {};
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(rest, {
    severity: 'INFO',
    message: 'two',
    name: 'distributed-log',
    node_id: 7,
    lamport: 42,
    module: 'node',
    event: 'b',
    epoch: 65_543,
    event_severity: 'mine',
    event_message: 'not this',
  });
  assert.equal(written().map(({ level, msg }) => [level, String(msg).slice(0, 3)])[4], [60, 'fiv']); // biome-ignore format: one line
});

Lines('asks for the Lamport time at each line', () => {
  let lamport = 1;
  const { logger, shown } = aLogger({ lamport: () => lamport++ });
  logger.write('info', 'a', '');
  logger.write('info', 'b', '');
  assert.equal(
    shown().map((line) => line.lamport),
    [1, 2],
  );
});

Lines('names the part of the node that speaks', () => {
  const { logger, shown } = aLogger();
  logger.module('http').write('warn', 'slow_client', '');
  logger.write('info', 'vote_granted', '', { module: 'election' });
  assert.equal(
    shown().map((line) => line.module),
    ['http', 'election'],
  );
});

Lines('never lets a field of an event hide one of the line', () => {
  const { logger, shown } = aLogger();
  logger.write('error', 'causality_violation', 'm', { node_id: 9, time: 1, msg: 'x', level: 1, lamport: 3, v: 5 });
  const [line = {}] = shown();
  assert.is(line.node_id, 7);
  assert.is(line.event_node_id, 9);
  assert.is(line.lamport, 42);
  assert.is(line.event_lamport, 3);
  assert.is(line.level, 50);
  assert.is(line.msg, 'm');
});

Lines('keeps what is below the level to itself', () => {
  const { logger, shown } = aLogger({ level: 'warn' });
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger.write(level, level, '');
  logger.fatal('fatal', '');
  assert.equal(
    shown().map((line) => line.event),
    ['warn', 'error', 'fatal'],
  );
});

Lines('takes a message as it is, with percent signs and line breaks', () => {
  const { logger, shown } = aLogger();
  logger.write('info', 'e', '100 %d\n%s', { text: 'a\nb' });
  assert.is(shown()[0]?.msg, '100 %d\n%s');
});

Lines('has what was written in the file when it is flushed, also behind a write under way', async () => {
  const { logger, written } = aLogger();
  for (let n = 0; n < 3; n++) logger.write('info', `e${n}`, '');
  logger.flushSync();
  assert.equal([...new Set(written().map((line) => line.event))].sort(), ['e0', 'e1', 'e2']);
});

Rotation('starts a new file before one grows too large, and keeps so many', async () => {
  const { logger, folder, written } = aLogger({ maxBytes: 2_000, maxFiles: 3 });
  for (let n = 0; n < 100; n++) logger.write('info', 'e', '', { n });
  await drained(logger);
  assert.equal(readdirSync(folder).sort(), ['node_7.log', 'node_7.log.1', 'node_7.log.2']);
  for (const name of readdirSync(folder)) assert.ok(readFileSync(join(folder, name)).length <= 2_000, name);
  const kept = ['node_7.log.2', 'node_7.log.1', 'node_7.log'].flatMap((name) => written(name).map((line) => line.n));
  assert.equal(
    kept,
    Array.from({ length: kept.length }, (_, i) => 100 - kept.length + i),
  );
  assert.ok(kept.length > 20);
});

Rotation('loses no line, however the lines arrive', async () => {
  const { logger, folder, written } = aLogger({ maxBytes: 10_000, maxFiles: 200 });
  let next = 0;
  for (let round = 0; round < 40; round++) {
    for (let n = 0; n < 1 + ((round * 7) % 50); n++)
      logger.write('info', 'e', 'x'.repeat((next * 13) % 900), { n: next++ });
    if (round % 3 === 0) await drained(logger);
    else if (round % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await drained(logger);
  const numberOf = (name: string): number => Number(name.split('.')[2] ?? 0);
  const names = readdirSync(folder).sort((a, b) => numberOf(b) - numberOf(a));
  assert.ok(names.length > 20);
  assert.equal(
    names.flatMap((name) => written(name).map((line) => line.n)),
    Array.from({ length: next }, (_, n) => n),
  );
});

Rotation('goes on in the file of an earlier run', async () => {
  const { logger, folder, file, written } = aLogger({ maxBytes: 1_000, maxFiles: 3 });
  mkdirSync(folder);
  writeFileSync(file, `${JSON.stringify({ old: 'x'.repeat(900) })}\n`);
  logger.write('info', 'first', '');
  await drained(logger);
  assert.is(written('node_7.log.1')[0]?.event, undefined);
  assert.is(written()[0]?.event, 'first');
});

Rotation('takes a line larger than a file', async () => {
  const { logger, folder, written } = aLogger({ maxBytes: 1_000, maxFiles: 3 });
  logger.write('info', 'small', '');
  logger.write('info', 'large', 'x'.repeat(5_000));
  logger.write('info', 'small', '');
  await drained(logger);
  assert.is(readdirSync(folder).length, 3);
  assert.is(written('node_7.log.1')[0]?.event, 'large');
});

Trouble('is told once on stdout, and the node goes on', async () => {
  const { logger, folder, shown } = aLogger();
  writeFileSync(folder, 'a file stands where the folder should be');
  for (let n = 0; n < 5; n++) {
    logger.write('info', 'e', '');
    await drained(logger);
  }
  const events = shown().map((line) => line.event);
  assert.is(events.filter((event) => event === 'log_file_failed').length, 1);
  assert.is(events.filter((event) => event === 'e').length, 5);
});

Trouble('ends when the file takes lines again, which says how many are missing there', async () => {
  const { logger, folder, file, shown } = aLogger();
  writeFileSync(folder, '');
  for (let n = 0; n < 3; n++) logger.write('info', 'lost', '');
  await drained(logger);
  rmSync(folder);
  logger.write('info', 'kept', '');
  await drained(logger);
  assert.ok(existsSync(file));
  const recovered = shown().find((line) => line.event === 'log_file_recovered');
  assert.is(recovered?.lost, 3);
});

Trouble('of a full disk is survived', async () => {
  if (!existsSync('/dev/full')) return;
  const { logger, folder, file, shown } = aLogger();
  mkdirSync(folder);
  const { symlinkSync } = await import('node:fs');
  symlinkSync('/dev/full', file);
  chmodSync(folder, 0o755);
  logger.write('info', 'e', '');
  await drained(logger);
  logger.flushSync();
  const told = shown().find((line) => line.event === 'log_file_failed');
  assert.match(String(told?.msg), 'ENOSPC');
});

Lines.run();
Rotation.run();
Trouble.run();
