/**
 * Writes a back-up into a new, empty cluster: the NDJSON of `GET /messages` on its input, each message once, in order, under
 * its old id.
 *
 *   node docs/restore.mjs <http://node> … < messages.ndjson
 *
 * Requests go one after the other, each with an Idempotency-Key made of its first id. So one whose answer was lost is sent
 * again, here or at the next node, and when this program was stopped the same command goes on where it ended.
 */
import { setTimeout as pause } from 'node:timers/promises';

const nodes = process.argv.slice(2).map((url) => url.replace(/\/$/, ''));
const token = process.env.API_TOKEN;
const giveUpMs = 60_000;
/** Of one request. The same input must always be cut at the same places. */
const messagesMax = 5_000;
const bytesMax = 1024 * 1024;

class Fault extends Error {}

/** Asks the nodes in turn until one says yes; `path` and `init` are those of fetch. */
let turn = 0;
async function ask(path, init = {}) {
  const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) };
  for (const beganAt = performance.now(); ; turn++) {
    const node = nodes[turn % nodes.length];
    let why;
    try {
      const answer = await fetch(node + path, { ...init, headers, signal: AbortSignal.timeout(30_000) });
      const text = await answer.text();
      if (answer.ok) return text;
      why = `${node}: ${answer.status} ${text.trim()}`;
      if (answer.status < 500) throw new Fault(why);
    } catch (error) {
      if (error instanceof Fault) throw error;
      why = `${node}: ${error.cause?.message ?? error.message}`;
    }
    if (performance.now() - beganAt > giveUpMs) throw new Fault(`${why}\nRun the same command again to go on.`);
    await pause(200);
  }
}

/** `node:readline` would also end lines at U+2028, which may stand within JSON. */
async function* lines() {
  let rest = '';
  for await (const text of process.stdin.setEncoding('utf8')) {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    yield* parts;
  }
  if (rest !== '') yield rest;
}

/** Pieces of the input: `{ firstId, bodies }`, a body the JSON of one message. */
async function* pieces() {
  let [id, firstId, bodies, bytes] = [0, 1, [], 0];
  for await (const line of lines()) {
    const body = JSON.stringify(contentOf(line, ++id));
    if (bodies.length === messagesMax || (bodies.length > 0 && bytes + body.length > bytesMax)) {
      yield { firstId, bodies };
      [firstId, bodies, bytes] = [id, [], 0];
    }
    bodies.push(body);
    bytes += body.length;
  }
  if (bodies.length > 0) yield { firstId, bodies };
}

/** A back-up has all messages from the first on, so line n is message n. */
function contentOf(line, id) {
  let message;
  try {
    message = JSON.parse(line);
  } catch (error) {
    throw new Fault(`line ${id} is not JSON: ${error.message}`);
  }
  if (message?.id !== id || typeof message.content !== 'string') throw new Fault(`line ${id} is not message ${id}`);
  return message.content;
}

/** A single message may be too large as JSON (six bytes for a control character), but never as text. */
function write({ firstId, bodies }) {
  const alone = bodies.length === 1 && bodies[0].length > bytesMax;
  const type = alone ? 'text/plain; charset=utf-8' : 'application/x-ndjson';
  const headers = { 'content-type': type, 'idempotency-key': `restore:${firstId}` };
  return ask(alone ? '/' : '/messages', {
    method: 'POST',
    headers,
    body: alone ? JSON.parse(bodies[0]) : bodies.join('\n'),
  });
}

async function restore() {
  if (nodes.length === 0) throw new Fault('node docs/restore.mjs <http://node> … < messages.ndjson');
  const figures = await ask('/metrics', { headers: { accept: 'text/plain' } });
  /** So many are there already, from a restore that was stopped. */
  const there = Number(/^dlog_last_message_id (\d+)/m.exec(figures)?.[1]);
  if (there > 0) process.stderr.write(`${there} messages are there already\n`);
  let lastId = 0;
  for await (const piece of pieces()) {
    const { firstId, bodies } = piece;
    lastId = firstId + bodies.length - 1;
    if (there >= firstId) {
      const id = Math.min(lastId, there);
      const { content } = JSON.parse(await ask(`/messages/${id}`));
      const isOurs = JSON.stringify(content) === bodies[id - firstId];
      if (!isOurs || there < lastId)
        throw new Fault(`message ${id} there is not of this restore: the cluster is not new`);
      continue;
    }
    const answer = JSON.parse(await write(piece));
    const found = answer.first_id ?? answer.id;
    if (found !== firstId) throw new Fault(`message ${firstId} has become ${found}: somebody else writes here`);
    if (Math.floor(lastId / 100_000) > Math.floor((firstId - 1) / 100_000))
      process.stderr.write(`${lastId} messages\n`);
  }
  if (there > lastId) throw new Fault(`the cluster has ${there} messages, the back-up ${lastId}`);
  process.stdout.write(`${lastId} messages restored\n`);
}

try {
  await restore();
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
