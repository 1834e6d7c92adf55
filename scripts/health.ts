/**
 * Asks the node of this environment whether it serves (`/health/live`), and ends with 0 or 1: the health check of the
 * image, which has no curl. A few built-in modules only: it is started every ten seconds.
 */
import { get } from 'node:http';
import { isMain } from './main.ts';

/** Shorter than the five seconds that the image allows, so that it can still say why. */
const withinMs = 4_000;

/** By the same variables as the node itself (config.ts); an address that stands for all is asked at this machine's own. */
export function liveUrl(env: Readonly<Record<string, string | undefined>>): string {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const port = text('PORT') ?? text('NODE_ID') ?? '';
  const host = (text('HOST') ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${asked.includes(':') ? `[${asked}]` : asked}:${port}/health/live`;
}

/** Undefined when it is live, else why not. */
export function troubleAt(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false, signal: AbortSignal.timeout(withinMs) }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `${url} answers ${response.statusCode}`);
    });
    asked.on('error', (error) => resolve(`${url}: ${error.message}`));
  });
}

if (isMain(import.meta.url)) {
  const trouble = await troubleAt(liveUrl(process.env));
  if (trouble !== undefined) process.stderr.write(`${trouble}\n`);
  process.exit(trouble === undefined ? 0 : 1);
}
