/**
 * People who look at the dashboard, as a node sees them: WebSockets at /live that want what the first page wants, or nothing. What
 * comes is counted and dropped, since what a browser does with it is not the log's time. Ends when its parent does.
 */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from './systems.ts';
import { textFrame } from './wires.ts';

export interface ViewersJob {
  readonly at: readonly Endpoint[];
  readonly viewers: number;
}
export type ViewersOrder = ViewersJob | 'look' | 'away' | 'bytes';
export type ViewersTold =
  | { readonly type: 'open' }
  | { readonly type: 'done' }
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'failed'; readonly words: string };

/** As the overview asks. */
const firstPageMs = 200;
const wantEvery = (everyMs: number): Buffer =>
  textFrame(JSON.stringify({ type: 'want', everyMs, trace: false, actors: false, oneOf: 1 }));
const tell = (told: ViewersTold): void => void process.send?.(told);

function open({ host, port }: Endpoint, heard: (bytes: number) => void, isOpen: () => void): Socket {
  const socket = connect({ host, port });
  let opened = false;
  socket.write(
    `GET /live HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  socket.on('data', (chunk: Buffer) => {
    heard(chunk.length);
    if (opened) return;
    opened = true;
    if (!chunk.toString('latin1', 0, 12).endsWith('101')) tell({ type: 'failed', words: chunk.toString('latin1') });
    isOpen();
  });
  socket.on('error', (error) => tell({ type: 'failed', words: error.message }));
  return socket;
}

process.on('disconnect', () => process.exit(0));
process.once('message', ({ at, viewers }: ViewersJob) => {
  let bytes = 0;
  let opened = 0;
  const isOpen = (): void => {
    opened++;
    if (opened === viewers) tell({ type: 'open' });
  };
  const hear = (more: number): void => {
    bytes += more;
  };
  const sockets = Array.from({ length: viewers }, (_, i) => open(at[i % at.length] as Endpoint, hear, isOpen));
  process.on('message', (order: ViewersOrder) => {
    if (order === 'bytes') return tell({ type: 'bytes', bytes });
    const want = wantEvery(order === 'look' ? firstPageMs : 0);
    for (const socket of sockets) socket.write(want);
    tell({ type: 'done' });
  });
});
