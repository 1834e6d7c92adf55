/**
 * Logger: the `LogLines` port over bunyan. One JSON line an event, to stdout and to `<folder>/node_<id>.log`.
 *
 * Every line has bunyan's fields (`name`, `hostname`, `pid`, `level`, `msg`, `time`, `v`, so that bunyan's viewer reads
 * it), `node_id`, `lamport` (the node's Lamport time when the line was written), `module`, `event`, and the event's own.
 * How often something is logged is for the caller to decide.
 *
 * With the format `gcp` the lines on stdout are as Google Cloud Logging reads them: `severity` and `message` in place of
 * `level` and `msg`. The file stays bunyan's.
 *
 * G1. An event's own field never hides one of the line's: it then appears as `event_<name>`.
 * G2. No trouble with stdout or with the file ends the node or makes it wait; trouble with the file is told on stdout.
 */
import { join } from 'node:path';
import Bunyan from 'bunyan';
import type { LogFields, LogLines } from '../actors/ports.ts';
import type { LogFormat, LogLevel } from './config.ts';
import { RotatingFile } from './rotatingFile.ts';

export interface LoggerOptions {
  readonly nodeId: number;
  readonly level: LogLevel;
  /** Of the lines on stdout. */
  readonly format?: LogFormat;
  /** Null = no file. */
  readonly folder: string | null;
  /** The node's Lamport time now; 0 before it is known. */
  lamport(): number;
  /** Takes lines beside the file: stdout. Must not throw. */
  readonly stdout: { write(line: string): unknown };
  readonly maxBytes?: number;
  readonly maxFiles?: number;
}

export interface Logger extends LogLines {
  /** The same log under another module's name. */
  readonly module: (name: string) => LogLines;
  fatal(event: string, message: string, fields?: LogFields): void;
  /** What was written is in the file when it calls back. */
  drained(done: () => void): void;
  /** The same before it returns: for the last words of a process. */
  flushSync(): void;
}

/** 50 MB, five of them. */
const maxBytesByDefault = 50_000_000;
const maxFilesByDefault = 5;

const order: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

const reserved = new Set(
  ['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v', 'node_id', 'lamport', 'module', 'event'].concat(
    'src',
    'err',
    'severity',
    'message',
  ),
);

export function createLogger(options: LoggerOptions): Logger {
  const { nodeId, level, folder, lamport, stdout } = options;
  const base = { name: 'distributed-log', node_id: nodeId };
  const shown: Bunyan.Stream =
    options.format === 'gcp' ? { level, type: 'raw', stream: cloudLines(stdout) } : { level, stream: writable(stdout) };
  const onStdout = Bunyan.createLogger({ ...base, streams: [shown] });
  const file =
    folder === null
      ? undefined
      : new RotatingFile({
          path: join(folder, `node_${nodeId}.log`),
          maxBytes: options.maxBytes ?? maxBytesByDefault,
          maxFiles: options.maxFiles ?? maxFilesByDefault,
          onTrouble: (message) => aboutFile('error', 'log_file_failed', `lines go to stdout only: ${message}`),
          onRecovered: (lost) =>
            aboutFile('warn', 'log_file_recovered', `the file takes lines again; ${lost} are on stdout only`, { lost }),
        });
  const both = Bunyan.createLogger({
    ...base,
    streams: file === undefined ? [shown] : [shown, { level, stream: writable(file) }],
  });

  const fieldsOf = (module: string, event: string, fields: LogFields | undefined): Record<string, unknown> => {
    const record: { [name: string]: unknown; module: unknown } = { lamport: lamport(), module, event };
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (name === 'module')
        record.module = value; // A caller that speaks for a part of the node.
      else record[reserved.has(name) ? `event_${name}` : name] = value;
    }
    return record;
  };
  const aboutFile: LogLines['write'] = (severity, event, message, fields) =>
    onStdout[severity](fieldsOf('logger', event, fields), message);

  const linesOf = (module: string): LogLines => ({
    wantsDebug: level === 'debug',
    write: (severity, event, message, fields) => {
      // Most debug lines are not wanted: nothing is built for them.
      if (order[severity] >= order[level]) both[severity](fieldsOf(module, event, fields), message);
    },
  });
  return {
    ...linesOf('node'),
    module: linesOf,
    fatal: (event, message, fields) => both.fatal(fieldsOf('node', event, fields), message),
    drained: (done) => (file === undefined ? done() : file.drained(done)),
    flushSync: () => file?.flushSync(),
  };
}

/** bunyan only ever calls `write`; its types ask for a whole stream. */
const writable = (target: { write(line: string): unknown }): NodeJS.WritableStream =>
  target as unknown as NodeJS.WritableStream;

const severities: Readonly<Record<number, string>> = {
  [Bunyan.DEBUG]: 'DEBUG',
  [Bunyan.INFO]: 'INFO',
  [Bunyan.WARN]: 'WARNING',
  [Bunyan.ERROR]: 'ERROR',
  [Bunyan.FATAL]: 'CRITICAL',
};

/** https://cloud.google.com/logging/docs/structured-logging: these three fields are the entry's own, the rest its payload. */
const cloudLines = (stdout: { write(line: string): unknown }): NodeJS.WritableStream =>
  writable({
    write: (record: unknown) => {
      const { level, msg, time, v, ...rest } = record as Record<string, unknown> & { readonly level: number };
      const line = { severity: severities[level] ?? 'DEFAULT', message: msg, time, ...rest };
      return stdout.write(`${JSON.stringify(line, Bunyan.safeCycles())}\n`);
    },
  });
