/** Every example of the description, sent to a real node in the order of the page: its answers are as described. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApiOf, templateOf } from '../../http/openapi/document.ts';
import { operationsOf } from '../../http/openapi/operations.ts';
import type { Example, Operation } from '../../http/openapi/vocabulary.ts';
import { DescribedApi, itemsOf, type OpenApi } from '../support/describedApi.ts';
import { type HttpAnswer, type RealNode, withRunningCluster } from '../support/realCluster.ts';
import { StreamClient } from '../support/streamClient.ts';

const Examples = suite('openapi examples');
const api = new DescribedApi(openApiOf({ chaos: true, base: 'http://127.0.0.1' }) as unknown as OpenApi);

/** Members and their types; of an array those of its first element. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, shapeOf(member)]),
  );
}

/** What is in a text that others read: the messages in it, or lines that always stand there. */
function assertText(real: string, shown: string, type: string, label: string): void {
  if (type === 'application/x-ndjson' || type === 'text/event-stream') {
    assert.equal(itemsOf(type, real).map(shapeOf), itemsOf(type, shown).map(shapeOf), label);
    return;
  }
  const fixed = shown.split('\n').filter((line) => /^[#<]/.test(line));
  for (const line of fixed) assert.ok(real.split('\n').includes(line), `${label}: no line ${line}`);
}

async function check(node: RealNode, operation: Operation, example: Example): Promise<void> {
  const { method } = operation;
  const { path, headers = {}, body, type = 'application/json' } = example;
  const label = `${method} ${path} ${body?.text ?? ''}`;
  const sent = { ...headers, ...(body && { 'Content-Type': body.type }) };
  const answer: HttpAnswer = await node.call(path, { method, headers: sent, ...(body && { body: body.text }) });
  const text = answer.body.toString();
  assert.is(answer.status, example.status, `${label}: ${text}`);
  const template = templateOf(operation.path);
  assert.equal(
    api.faultsOf({ method, template, status: answer.status, headers: answer.headers, body: text }),
    [],
    label,
  );
  if (example.code !== undefined) {
    assert.is(answer.json.code, example.code, label);
    // Numbers in it are of this moment.
    const blurred = (detail: unknown): string => String(detail).replace(/\d+/g, '0');
    assert.is(blurred(answer.json.detail), blurred(example.detail), label);
  } else if (type !== 'application/json') assertText(text, String(example.answer), type, label);
  else if (operation.path !== '/openapi.json') assert.equal(shapeOf(answer.json), shapeOf(example.answer), label);
}

/** Resolves when the call broke off without an answer. */
async function checkEnd(node: RealNode, { method }: Operation, { path }: Example): Promise<void> {
  const answer = await node.call(path, { method }).catch(() => undefined);
  assert.is(answer, undefined, `${method} ${path} was answered`);
  assert.equal(await node.process?.ended, { code: null, signal: 'SIGKILL' });
}

async function checkStream(node: RealNode, { path, webSocket }: Operation): Promise<void> {
  if (!webSocket) return;
  const { session, frames, line } = webSocket.example;
  const client = await new StreamClient(node.port, `?session=${session}&from=1`).opened();
  for (const frame of frames) client.socket.send(frame);
  client.socket.close();
  const { lines, code } = await client.closed;
  assert.is(code, 1000, path);
  for (const one of lines) {
    assert.equal(api.faultsOfValue({ ...webSocket.lineSchema }, one), []);
    assert.equal(shapeOf(one), shapeOf(line));
  }
  assert.is(lines.at(-1)?.n, frames.length);
}

Examples('are answered by a real node as they are described', async () => {
  await withRunningCluster({ nodes: 1, env: { CHAOS: '1' } }, async (cluster) => {
    const [node] = cluster.nodes;
    assert.ok(node);
    let count = 0;
    for (const operation of operationsOf(true)) {
      for (const example of operation.examples) {
        if (example.status === undefined) await checkEnd(node, operation, example);
        else await check(node, operation, example);
        count++;
      }
      await checkStream(node, operation);
    }
    assert.ok(count > 30);
    assert.not(node.running);
  });
});
Examples.run();
