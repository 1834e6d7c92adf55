/** Examples as lines for a shell. Pure. */
import { type Example, json, type Operation, type WebSocketTalk } from './vocabulary.ts';

/** In single quotes, where the shell would read more into it than is there. */
const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** `base` is the address of a node, like `http://127.0.0.1:8001`. */
export function curlOf({ method }: Pick<Operation, 'method'>, example: Example, base: string): string {
  const { path, headers = {}, body } = example;
  const words = ['curl'];
  if (method === 'POST' && body === undefined) words.push('--request', 'POST');
  for (const [name, value] of Object.entries(headers)) words.push('--header', quoted(`${name}: ${value}`));
  if (body?.type === json) words.push('--json', quoted(body.text));
  else if (body) words.push('--header', quoted(`Content-Type: ${body.type}`), '--data-binary', quoted(body.text));
  words.push(quoted(base + path));
  return words.join(' ');
}

/** The client in docs/ sends each line of its input as a frame. */
export function streamCommandOf({ example: { session, frames } }: WebSocketTalk, base: string): string {
  const node = base.replace(/^http/, 'ws');
  return `printf '%s\\n' ${frames.map(quoted).join(' ')} | node docs/append.mjs ${quoted(session)} ${node}`;
}
