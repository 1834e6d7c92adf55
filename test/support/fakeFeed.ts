/**
 * A node as the dashboard sees one: serves the built page, and a `/live` that says what the test tells it to.
 *
 *   const feed = await fakeFeed();
 *   feed.tick({ views: [seen(aView(8001, { lamport: 9 }))] });
 *
 * As a node does, it speaks without end: what was said last is said again, so that no page thinks it dead (but `isSilent`).
 * It speaks http/live/protocol.ts and nothing else; POST requests get the answer that `onPost` makes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type WebSocket, WebSocketServer } from 'ws';
import type { LinkView, MessageView, MetricsView, NodeView, StatusView } from '../../actors/observation.ts';
import type { NodeId } from '../../actors/protocol/epoch.ts';
import { packedMessages } from '../../http/live/packedMessages.ts';
import { packed } from '../../http/live/packedTrace.ts';
import {
  type Hello,
  type LiveView,
  liveVersion,
  type SeenView,
  type Tick,
  type Want,
} from '../../http/live/protocol.ts';

const built = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const root = dirname(built);

/** The built page; a compiler that was run by hand has made none, then it is made now. */
export function builtPage(): string {
  const folder = join(built, 'ui');
  if (!existsSync(join(folder, 'index.html'))) execFileSync(process.execPath, [join(root, 'ui', 'build.mjs'), folder]);
  return folder;
}

export interface Posted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
export interface FakeAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface FakeFeed {
  readonly url: string;
  /** What the next page is greeted with; may be changed. */
  hello: Hello | null;
  /** What pages wanted, newest last. */
  readonly wants: readonly Want[];
  readonly posts: readonly Posted[];
  /** How many pages are connected. */
  readonly pages: number;
  onPost: (posted: Posted) => FakeAnswer;
  /** What GET /messages has, as a node answers. */
  log: readonly Readonly<Record<string, unknown>>[];
  /** Queries of GET /messages. */
  readonly reads: readonly string[];
  tick(tick: Partial<Omit<Tick, 'type'>>): void;
  /** Breaks all connections; refuses new ones while `isDown`. */
  drop(): void;
  isDown: boolean;
  /** Says nothing but what the test has it say. */
  isSilent: boolean;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** As strict as a node's own: what the page does against it shows as an error of the console. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'";

function serve(folder: string, req: IncomingMessage, res: ServerResponse): void {
  const path = new URL(req.url ?? '/', 'http://x').pathname;
  const name = path === '/dashboard' ? 'index.html' : path.replace('/dashboard/', '');
  const file = join(folder, name);
  if (!/^(index\.html|icon\.svg|assets\/[\w.-]+)$/.test(name) || !existsSync(file)) {
    res.writeHead(404).end();
    return;
  }
  res.writeHead(200, { 'content-type': types[extname(file)] ?? '', 'content-security-policy': policy });
  res.end(readFileSync(file));
}

const take = async (req: IncomingMessage): Promise<Posted> => {
  let body = '';
  for await (const chunk of req.setEncoding('utf8')) body += chunk;
  return { path: req.url ?? '', headers: req.headers, body };
};

/** A page calls a node stale after 3 s, and gives its connection up after 10 s. */
const beatMs = 500;

export async function fakeFeed(hello: Hello | null = aHello()): Promise<FakeFeed> {
  const folder = builtPage();
  const sockets = new Set<WebSocket>();
  /** Who wants to hear anything. */
  const listening = new Set<WebSocket>();
  let saidLast: readonly SeenView[] = [];
  const wants: Want[] = [];
  const posts: Posted[] = [];
  const reads: string[] = [];
  const server = createServer((req, res) => {
    if (req.url?.startsWith('/messages?')) {
      reads.push(req.url);
      const { searchParams } = new URL(req.url, 'http://x');
      const [after, limit] = [Number(searchParams.get('after')), Number(searchParams.get('limit'))];
      const asked = feed.log.filter(({ id }) => Number(id) > after).slice(0, limit);
      const lines = asked.map((message) => `${JSON.stringify(message)}\n`);
      res.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(lines.join(''));
      return;
    }
    if (req.url === '/session') {
      const said = { token_for: 'writes', signed_in: false };
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
      return;
    }
    if (req.method !== 'POST') return serve(folder, req, res);
    void take(req).then((posted) => {
      posts.push(posted);
      const { status, body } = feed.onPost(posted);
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const live = new WebSocketServer({ noServer: true });
  server.on('upgrade', (req, socket, head) => {
    if (feed.isDown || req.url !== '/live') return socket.destroy();
    live.handleUpgrade(req, socket, head, (page) => {
      sockets.add(page);
      page.on('close', () => {
        sockets.delete(page);
        listening.delete(page);
      });
      page.on('message', (text) => {
        const want = JSON.parse(String(text)) as Want;
        wants.push(want);
        if (want.everyMs > 0) listening.add(page);
        else listening.delete(page);
      });
      if (feed.hello === null) return;
      saidLast = feed.hello.views;
      page.send(JSON.stringify(feed.hello));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const say = (tick: Partial<Omit<Tick, 'type'>>, to: ReadonlySet<WebSocket>): void => {
    const text = JSON.stringify({ type: 'tick', wallMs: Date.now(), missed: 0, views: [], ...tick } satisfies Tick);
    for (const socket of to) socket.send(text);
  };
  const beat = setInterval(() => {
    if (!feed.isSilent) say({ views: saidLast.map(again) }, listening);
  }, beatMs);
  let lastId = 0;
  const feed: FakeFeed = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dashboard`,
    hello,
    wants,
    posts,
    reads,
    log: [],
    get pages() {
      return sockets.size;
    },
    onPost: () => ({
      status: 200,
      body: { id: ++lastId, lamport_timestamp: lastId * 10, node_id: 8001, seen: 0, physical_timestamp: 0 },
    }),
    tick: (tick) => {
      if (tick.views !== undefined) saidLast = tick.views;
      say(tick, sockets);
    },
    drop: () => {
      for (const socket of sockets) socket.terminate();
    },
    isDown: false,
    isSilent: false,
    close: async () => {
      clearInterval(beat);
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return feed;
}

// ------------------------------------------------------------------------------------------------ a cluster to be shown

export const voters: readonly NodeId[] = [8001, 8002, 8003];
const leaderOfAll = 8003;
const epoch = 65_536 * 5 + leaderOfAll;

export interface ViewParts {
  readonly boot?: number;
  readonly seq?: number;
  readonly wallMs?: number;
  readonly status?: Partial<StatusView>;
  readonly links?: readonly Partial<LinkView>[];
  readonly metrics?: Partial<MetricsView>;
  readonly story?: NodeView['story'];
  readonly messages?: readonly MessageView[];
  readonly rest?: Partial<Pick<NodeView, 'trace' | 'actors'>>;
}

let seq = 0;
/** A node of a healthy cluster that 8003 leads, but for the parts that are given; each newer than the one before. */
export function aView(node: NodeId, parts: ViewParts = {}): LiveView {
  const isLeader = (parts.status?.leader === undefined ? leaderOfAll : parts.status.leader) === node;
  const { messages = [], rest: { trace, actors } = {} } = parts;
  return {
    node,
    boot: parts.boot ?? 1,
    seq: parts.seq ?? ++seq,
    wallMs: parts.wallMs ?? Date.now(),
    status: {
      role: isLeader ? 'leading' : 'follower',
      leader: leaderOfAll,
      epoch,
      lamport: 1_284_311,
      lastIndex: 90_215,
      durableIndex: 90_214,
      commitIndex: 90_213,
      lastId: 90_208,
      uptimeSeconds: 4211,
      diskFull: false,
      diskUsed: 0.31,
      trouble: null,
      ...parts.status,
    },
    links: voters
      .filter((peer) => peer !== node)
      .map((peer, i) => ({
        peer,
        link: 'up',
        up: true,
        rttMs: 0.3 + i * 0.21 + (node % 10) * 0.07,
        lag: isLeader ? i * 3 : null,
        error: null,
        ...parts.links?.find((link) => link.peer === peer),
      })),
    metrics: {
      sent: 30_112 + node,
      received: 60_096,
      violations: 0,
      elections: 2,
      averageMs: 1.42,
      p95Ms: 3.8,
      perSecond: 1240,
      ...parts.metrics,
    },
    story: parts.story ?? [],
    messages: { count: messages.length, shown: packedMessages(messages) },
    ...(trace && { trace: { oneOf: trace.oneOf, dropped: trace.dropped, ...packed(node, trace.events) } }),
    ...(actors && { actors }),
  };
}
export const seen = (view: LiveView, ageMs = 0): SeenView => ({ view, ageMs });

/** Nothing has happened since. */
function again({ view: { trace: _, ...view }, ageMs }: SeenView): SeenView {
  const messages = { count: 0, shown: packedMessages([]) };
  return seen({ ...view, seq: ++seq, wallMs: Date.now(), story: [], messages }, ageMs);
}

export function aMessage(id: number, parts: Partial<MessageView> = {}): MessageView {
  const content = parts.content ?? `message ${id}`;
  return {
    id,
    lamport: id * 10,
    origin: voters[id % voters.length] as NodeId,
    seen: Math.max(0, id - 1),
    physicalSeconds: 1_795_418_878 + id / 100,
    content,
    bytes: Buffer.byteLength(content),
    violation: false,
    ...parts,
  };
}

export interface HelloParts extends Partial<Omit<Hello, 'type' | 'history'>> {
  readonly history?: Partial<Omit<Hello['history'], 'messages'>> & { readonly messages?: readonly MessageView[] };
}
export function aHello(parts: HelloParts = {}): Hello {
  const { history: { messages = [], ...history } = {}, ...rest } = parts;
  return {
    type: 'hello',
    version: liveVersion,
    node: 8001,
    release: '0.1.0',
    voters,
    chaos: null,
    inspect: false,
    needsToken: false,
    nodeUrls: {},
    charts: [],
    chartOf: {},
    views: voters.map((node) => seen(aView(node), node === 8001 ? 0 : 60)),
    ...rest,
    history: { points: [], messages: packedMessages(messages), stories: [], trace: [], ...history },
  };
}
