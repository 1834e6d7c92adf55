/** A real HTTP server on loopback before a façade in memory, and clients good and bad. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { LogFields } from '../../actors/ports.ts';
import { createHttpServer, type HttpOptions, type HttpServer } from '../../http/server.ts';
import { MemoryFacade } from './memoryFacade.ts';

export interface LoggedLine {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

export interface HttpWorld {
  readonly node: MemoryFacade;
  readonly http: HttpServer;
  readonly url: string;
  readonly port: number;
  readonly lines: LoggedLine[];
  stop(): Promise<void>;
}

export async function anHttpWorld(options: Omit<Partial<HttpOptions>, 'node'> = {}): Promise<HttpWorld> {
  const node = new MemoryFacade();
  const lines: LoggedLine[] = [];
  const log: HttpOptions['log'] = {
    write: (level, event, message, fields = {}) => lines.push({ level, event, message, fields }),
  };
  const http = createHttpServer({ log, port: 0, ...options, node });
  const { port } = await http.listen();
  return { node, http, port, lines, url: `http://127.0.0.1:${port}`, stop: () => http.stop() };
}

/** Runs `body` in a world of its own, which ends with it in any case. */
export const inWorld =
  (
    body: (world: HttpWorld) => Promise<void>,
    options: Omit<Partial<HttpOptions>, 'node'> = {},
  ): (() => Promise<void>) =>
  async () => {
    const world = await anHttpWorld(options);
    try {
      await body(world);
    } finally {
      await world.stop();
    }
  };

/** A hang, not a measure: the machine may have much else to do. */
const patienceMs = 30_000;

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  closed = false;
  #wake: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      this.received += text;
      this.#wake?.();
    });
    this.socket.on('error', () => {}); // A reset shows as `closed`.
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }
  async opened(): Promise<this> {
    if (this.socket.connecting) await once(this.socket, 'connect');
    return this;
  }
  say(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }
  /** Until all that came matches; throws, with what came, when the connection ends before. */
  async hears(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.closed) throw new Error(`closed before ${pattern}: ${this.received.slice(0, 500)}`);
      await this.#change(`hears ${pattern}`);
    }
    return this.received;
  }
  async ends(): Promise<string> {
    while (!this.closed) await this.#change('ends');
    return this.received;
  }
  #change(wanted: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void =>
        reject(new Error(`${patienceMs} ms in vain: ${wanted}, came ${this.received.slice(0, 500)}`));
      const deadline = setTimeout(late, patienceMs);
      this.#wake = () => {
        clearTimeout(deadline);
        resolve();
      };
    });
  }
  hangUp(): void {
    this.socket.destroy();
  }
}

/** Until `condition` holds: looks at every turn of the event loop, without sleeping. */
export async function until(condition: () => boolean, what: string, withinMs = patienceMs): Promise<void> {
  const begun = performance.now();
  while (!condition()) {
    if (performance.now() - begun > withinMs) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
