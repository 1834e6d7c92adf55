/** As much of a registry of images as a push needs (OCI distribution): blobs and manifests, in memory. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export class LoopbackRegistry {
  readonly #server: Server;
  readonly #uploads = new Map<string, Buffer>();
  readonly blobs = new Map<string, Buffer>();
  /** By `name:reference`. */
  readonly manifests = new Map<string, Buffer>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async open(): Promise<LoopbackRegistry> {
    const made = new LoopbackRegistry();
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry');
    const [, name = '', kind = '', last = ''] = /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
    const body = await bodyOf(request);
    const say = (status: number, headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end();
    };
    if (url.pathname === '/v2/') return say(200);
    if (request.method === 'HEAD') {
      const bytes = kind === 'blobs' ? this.blobs.get(last) : this.manifests.get(`${name}:${last}`);
      return bytes === undefined ? say(404) : say(200, { 'Content-Length': `${bytes.length}` });
    }
    if (kind === 'manifests' && request.method === 'PUT') {
      this.manifests.set(`${name}:${last}`, body);
      return say(201, { 'Docker-Content-Digest': digestOf(body) });
    }
    if (last.startsWith('uploads/')) return this.#upload(name, last.slice('uploads/'.length), url, request, body, say);
    say(404);
  }

  #upload(
    name: string,
    given: string,
    url: URL,
    { method }: IncomingMessage,
    body: Buffer,
    say: (status: number, headers?: Record<string, string>) => void,
  ): void {
    const id = given === '' ? `${this.#uploads.size + 1}` : given;
    const bytes = Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), body]);
    this.#uploads.set(id, bytes);
    const headers = { Location: `/v2/${name}/blobs/uploads/${id}`, Range: `0-${Math.max(0, bytes.length - 1)}` };
    if (method !== 'PUT') return say(202, headers);
    const digest = digestOf(bytes);
    if (url.searchParams.get('digest') !== digest) return say(400);
    this.blobs.set(digest, bytes);
    say(201, headers);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
