/** One HTTP call to a port of this machine, and its whole answer. */
import { type Agent, request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

export interface HttpCall {
  readonly method?: string;
  readonly headers?: NodeJS.Dict<string>;
  readonly body?: string | Buffer;
  readonly withinMs?: number;
  /** Keeps connections; without one each call has its own. */
  readonly agent?: Agent;
}

/** Rejects when there is no whole answer. */
export function call(
  port: number,
  path: string,
  { method, headers, body, withinMs = 30_000, agent }: HttpCall = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        agent: agent ?? false,
        headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
        signal: AbortSignal.timeout(withinMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            get json() {
              return JSON.parse(whole.toString('utf8')) as Record<string, unknown>;
            },
          });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
