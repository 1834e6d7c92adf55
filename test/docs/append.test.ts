/** The example of how to write a stream, before a node that takes its time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocketServer } from 'ws';

const Example = suite('docs/append.mjs');

const script = fileURLToPath(new URL('../../../docs/append.mjs', import.meta.url));

Example('closes behind the last answer, however long that takes: ws gives up 30 s behind a close frame', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const story: string[] = [];
  server.on('connection', (socket) => {
    let n = 0;
    const answer = (): void => {
      story.push(`answers ${n}`);
      socket.send(`{"n":${n},"first_id":1,"count":${n},"lamport_timestamp":1}\n`);
    };
    socket.on('message', () => {
      if (++n === 3) setTimeout(answer, 200);
    });
    socket.on('close', (code) => {
      if (story.length === 0) child.kill(); // It would come again and again.
      story.push(`closed ${code}`);
    });
  });
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, [script, 's', `ws://127.0.0.1:${port}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  child.stdin.end('a\nb\nc\n');
  let said = '';
  for await (const text of child.stdout) said += String(text);
  const [code] = (await ended) as [number];
  server.close();
  assert.equal([code, said], [0, '3 of 3 messages appended\n']);
  assert.equal(story, ['answers 3', 'closed 1005']);
});

Example.run();
