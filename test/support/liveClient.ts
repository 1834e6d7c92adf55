/** A page of the dashboard as the server sees it: opens /live, says what it wants, keeps what it hears. */
import { WebSocket } from 'ws';
import type { NodeView } from '../../actors/observation.ts';
import type { Hello, Tick } from '../../http/live/protocol.ts';
import { until } from './httpWorld.ts';

export class LiveClient {
  readonly socket: WebSocket;
  readonly ticks: Tick[] = [];
  hello: Hello | undefined;
  bytes = 0;
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Where the opening was refused. */
  refused: number | undefined;

  constructor(
    port: number,
    { path = '/live', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
  ) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    this.socket.on('error', () => {}); // 'close' follows.
    this.socket.on('unexpected-response', (request, response) => {
      this.refused = response.statusCode;
      request.destroy();
      this.closed = { code: 1006, reason: `refused with ${this.refused}` };
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    this.socket.on('message', (data: Buffer) => {
      this.bytes += data.length;
      const said = JSON.parse(String(data)) as Hello | Tick;
      if (said.type === 'hello') this.hello = said;
      else this.ticks.push(said);
    });
  }

  async opened(): Promise<this> {
    await until(() => this.hello !== undefined || this.closed !== undefined, 'hello');
    if (this.hello === undefined) throw new Error(`refused with ${this.refused}`);
    return this;
  }
  say(text: string | Buffer): this {
    this.socket.send(text);
    return this;
  }
  want(more: Readonly<Record<string, unknown>> = {}): this {
    return this.say(JSON.stringify({ type: 'want', everyMs: 100, trace: false, actors: false, oneOf: 1, ...more }));
  }
  async hears(what: string, condition: () => boolean, withinMs?: number): Promise<void> {
    await until(condition, what, withinMs);
  }
  async ends(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, 'its end');
    return this.closed as { readonly code: number; readonly reason: string };
  }
  hangUp(): void {
    this.socket.terminate();
  }
}

/** A view as a node makes them. */
export const aView = (more: Partial<NodeView> = {}): NodeView => ({
  node: 8001,
  boot: 1,
  seq: 1,
  wallMs: 1_700_000_000_000,
  status: {
    role: 'leading',
    leader: 8001,
    epoch: 73_537,
    lamport: 5,
    lastIndex: 3,
    durableIndex: 3,
    commitIndex: 3,
    lastId: 2,
    uptimeSeconds: 12,
    diskFull: false,
    diskUsed: 0.5,
    trouble: null,
  },
  links: [{ peer: 8002, link: 'up', up: true, rttMs: 0.4, lag: 0, error: null }],
  metrics: { sent: 1, received: 1, violations: 0, elections: 1, averageMs: 1, p95Ms: 2, perSecond: 3 },
  story: [],
  messages: { count: 0, shown: [] },
  ...more,
});

export const aMessage = (id: number, content = `message ${id}`): NodeView['messages']['shown'][number] => ({
  id,
  lamport: id + 10,
  origin: 8001,
  seen: id - 1,
  physicalSeconds: 1_700_000_000,
  content,
  bytes: Buffer.byteLength(content),
  violation: false,
});
