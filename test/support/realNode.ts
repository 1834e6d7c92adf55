/**
 * A node as a real process on this machine.
 *
 * A1. Whatever happens, every process that was started here is ended, by its pid, and its folder removed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { call, type HttpAnswer, type HttpCall } from './httpCall.ts';
import { until } from './waiting.ts';

export interface NodeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const serveScript = fileURLToPath(new URL('../../scripts/serve.js', import.meta.url));
const everyChild = new Set<ChildProcess>();
/** Folders to be removed at the end, too. */
export const everyFolder = new Set<string>();

function endAll(): void {
  for (const child of everyChild) child.kill('SIGKILL');
  for (const folder of everyFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  everyChild.clear();
  everyFolder.clear();
}
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

/** Starts the script of a node; what it says is kept. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<NodeEnd>;
  stderr = '';
  running = true;

  constructor(env: NodeJS.ProcessEnv, under: readonly string[] = []) {
    const [command = '', ...args] = [...under, process.execPath, '--enable-source-maps', serveScript];
    // With an IPC channel a node ends by itself when this process is gone.
    this.child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    everyChild.add(this.child);
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-16_384);
    });
    this.ended = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.running = false;
        everyChild.delete(this.child);
        resolve({ code, signal });
      };
      this.child.on('close', finish);
      this.child.on('error', (error) => {
        this.stderr += error.message;
        finish(null, null);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }
}

export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly event: string;
  readonly msg: string;
}

export class RealNode {
  readonly id: number;
  readonly port: number;
  readonly peerPort: number;
  readonly dataDir: string;
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #under: readonly string[];
  process: NodeProcess | undefined;

  constructor(given: {
    id: number;
    port: number;
    peerPort: number;
    dataDir: string;
    logDir: string;
    env: NodeJS.ProcessEnv;
    under: readonly string[];
  }) {
    this.id = given.id;
    this.port = given.port;
    this.peerPort = given.peerPort;
    this.dataDir = given.dataDir;
    this.logFile = join(given.logDir, `node_${given.id}.log`);
    this.env = given.env;
    this.#under = given.under;
  }

  get running(): boolean {
    return this.process?.running === true;
  }

  start(): void {
    if (this.running) throw new Error(`${this.id} runs already`);
    this.process = new NodeProcess(this.env, this.#under);
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.child.kill(signal);
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<NodeEnd> {
    this.signal(signal);
    return (await this.process?.ended) ?? { code: null, signal: null };
  }

  call(path: string, options?: HttpCall): Promise<HttpAnswer> {
    return call(this.port, path, options);
  }

  /** The answer of /health; undefined when nobody answers. */
  async health(): Promise<HttpAnswer | undefined> {
    try {
      return await this.call('/health', { withinMs: 1_000 });
    } catch {
      return undefined;
    }
  }

  async post(
    message: string,
    { timeoutMs = 10_000, key }: { timeoutMs?: number; key?: string } = {},
  ): Promise<HttpAnswer> {
    return this.call(`/?timeout=${timeoutMs}`, {
      body: JSON.stringify({ message }),
      headers: key === undefined ? {} : { 'Idempotency-Key': key },
      withinMs: timeoutMs + 5_000,
    });
  }

  /** All messages, as NDJSON, by a linearizable read; asked again while nobody leads. */
  async messages(): Promise<Buffer> {
    const answer = await until(`all messages of ${this.id}`, async () => {
      const found = await this.call('/messages?consistency=linearizable', {
        headers: { Accept: 'application/x-ndjson' },
        withinMs: 60_000,
      });
      return found.status === 200 ? found : undefined;
    });
    return answer.body;
  }

  async metrics(): Promise<Record<string, unknown>> {
    return (await this.call('/metrics')).json;
  }

  /** Memory in MiB, as the system counts it: also of a node that answers nobody. */
  rssMib(): number {
    const status = readFileSync(`/proc/${this.process?.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  }

  /** Lines of its log so far. */
  logLines(): LogLine[] {
    if (!existsSync(this.logFile)) return [];
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  logged(event: string): Promise<LogLine> {
    return until(`the line ${event} in the log of ${this.id}`, () =>
      this.logLines().find((line) => line.event === event),
    );
  }
}
