/**
 * People who look at the dashboard, as a node sees them: WebSockets at /live that want what the first page wants. What comes is
 * counted and dropped, since what a browser does with it is not the log's time. Ends when its parent does.
 */
import { connect } from 'node:net';
import type { Endpoint } from './systems.ts';
import { textFrame } from './wires.ts';

export interface ViewersJob {
  readonly at: readonly Endpoint[];
  readonly viewers: number;
}
export type ViewersTold =
  | { readonly type: 'open' }
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'failed'; readonly words: string };

const want = textFrame(JSON.stringify({ type: 'want', everyMs: 100, trace: false, actors: false, oneOf: 1 }));
const tell = (told: ViewersTold): void => void process.send?.(told);

function look({ host, port }: Endpoint, heard: (bytes: number) => void, isOpen: () => void): void {
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
    socket.write(want);
    isOpen();
  });
  socket.on('error', (error) => tell({ type: 'failed', words: error.message }));
}

process.on('disconnect', () => process.exit(0));
process.once('message', ({ at, viewers }: ViewersJob) => {
  let bytes = 0;
  let open = 0;
  const isOpen = (): void => {
    open++;
    if (open === viewers) tell({ type: 'open' });
  };
  for (let i = 0; i < viewers; i++) look(at[i % at.length] as Endpoint, (more) => (bytes += more), isOpen);
  process.on('message', () => tell({ type: 'bytes', bytes }));
});
