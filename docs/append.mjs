/**
 * Appends the lines of its input, each once and in order, whichever nodes end meanwhile:
 *
 *   node docs/append.mjs <session> <ws://node> …
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

const [session = '', ...nodes] = process.argv.slice(2);
const messages = readFileSync(0, 'utf8').trimEnd().split('\n');
/** Frame n is messages[n - 1]. */
let answered = 0;

/** Goes on where the last stream ended; resolves with the code of its close frame. */
function stream(node) {
  const socket = new WebSocket(`${node}/append?session=${encodeURIComponent(session)}&from=${answered + 1}`);
  let sent = answered;
  const send = () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // While the node does not read, what is sent stays here.
    while (sent < messages.length && socket.bufferedAmount < 1_000_000) socket.send(messages[sent++]);
    if (sent < messages.length) setTimeout(send, 1);
  };
  socket.on('open', send);
  socket.on('message', (lines) => {
    for (const line of String(lines).trimEnd().split('\n')) {
      const answer = JSON.parse(line);
      if ('error' in answer) process.stderr.write(`${node}: ${line}\n`);
      else answered = answer.n;
    }
    // Not before: 30 s behind its close frame ws gives up, and a busy node may need longer for what is on the way to it.
    if (answered === messages.length) socket.close();
  });
  socket.on('error', (error) => process.stderr.write(`${node}: ${error.message}\n`));
  return new Promise((resolve) => socket.on('close', resolve));
}

for (let turn = 0; answered < messages.length; turn++) {
  const before = answered;
  const node = nodes[turn % nodes.length];
  const code = await stream(node);
  if (answered < messages.length) process.stderr.write(`${node}: ended with ${code} behind message ${answered}\n`);
  if (code === 1008 || code === 1009) break; // What the client did wrong does not get better.
  if (answered === before) await pause(500);
}
process.stdout.write(`${answered} of ${messages.length} messages appended\n`);
process.exitCode = answered === messages.length ? 0 : 1;
