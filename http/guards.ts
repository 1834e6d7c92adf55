/**
 * Who may call: before any route, by headers alone.
 *
 * G1. A page of another site cannot write here: its browser says `Origin` or `Sec-Fetch-Site` with every such request.
 *     Nor can it open a WebSocket, which browsers would let it read.
 * G2. A name that somebody else pointed at this machine (DNS rebinding) opens nothing: what arrives on loopback must be
 *     addressed to an IP address, to localhost, or to the host of an allowed origin.
 *     A request that names two hosts is none (RFC 9112 §3.2): what stands before this server may have gone by the other.
 * G3. Where a token is set, every write needs it; where it is for all, every call that shows anything of the log (access.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { Access, isOpen, type TokenFor } from './access.ts';
import { Refusal } from './errors.ts';
import { opensReads, opensWrites } from './upgrades.ts';

export interface GuardOptions {
  readonly apiToken: string | undefined;
  /** Writes alone, by default. */
  readonly tokenFor?: TokenFor | undefined;
  readonly allowedOrigins: readonly string[];
  readonly maxUrlBytes: number;
  readonly maxHeaderCount: number;
}

export type Guard = (req: IncomingMessage, res: ServerResponse) => Refusal | undefined;

export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.'));

const isWrite = (method: string | undefined): boolean => method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';

/** `host` without its port, `[::1]` without its brackets. */
function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.indexOf(':');
  return colon < 0 ? host : host.slice(0, colon);
}

const hostOf = (origin: string): string => origin.slice(origin.indexOf('://') + 3);

export function createGuard(options: GuardOptions): Guard {
  const origins = new Set(options.allowedOrigins.map((origin) => origin.toLowerCase()));
  const names = new Set(['localhost', ...[...origins].map((origin) => hostName(hostOf(origin)))]);
  const access = new Access(options.apiToken);
  const forAll = options.tokenFor === 'all';
  /** Hosts that were looked at and found right: nearly always one or two. */
  const known = new Set<string>();

  const isOurs = (host: string): boolean => {
    if (known.has(host)) return true;
    const name = hostName(host.toLowerCase());
    if (isIP(name) === 0 && !names.has(name) && !name.endsWith('.localhost')) return false;
    if (known.size < 64) known.add(host);
    return true;
  };

  /** A page of this very server, or one of an allowed origin. */
  const isHome = ({ headers }: IncomingMessage): boolean => {
    const { origin } = headers;
    if (origin === undefined) return headers['sec-fetch-site'] !== 'cross-site';
    const lower = origin.toLowerCase();
    if (origins.has(lower)) return true;
    return lower.includes('://') && hostOf(lower) === headers.host?.toLowerCase();
  };

  return (req, res) => {
    const { headers, method, url = '' } = req;
    if (url.length > options.maxUrlBytes) return new Refusal('URL_TOO_LONG', `at most ${options.maxUrlBytes} bytes`);
    // A proxy's form of a request names the host too; node parses it only when the router asks, and then may throw.
    if (!url.startsWith('/') && url !== '*' && !URL.canParse(url)) return new Refusal('MALFORMED_URL');
    if (req.rawHeaders.length > 2 * options.maxHeaderCount) {
      return new Refusal('HEADERS_TOO_LARGE', `at most ${options.maxHeaderCount} headers`);
    }
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
      return new Refusal('HEADER_INVALID', 'Expect is 100-continue or absent');
    }
    if (namesTwoHosts(req)) return new Refusal('MALFORMED_REQUEST', 'Host is given twice');
    if (headers.host !== undefined && !isOurs(headers.host) && isLoopback(req.socket.localAddress)) {
      return new Refusal('FOREIGN_HOST', `${JSON.stringify(headers.host.slice(0, 100))} is no name of this server`);
    }
    if (headers.origin !== undefined && origins.has(headers.origin.toLowerCase())) allowPage(res, headers.origin);
    const writes = isWrite(method) || opensWrites(req);
    if ((writes || opensReads(req)) && !isHome(req))
      return new Refusal('FOREIGN_ORIGIN', headers.origin?.slice(0, 100));
    const needsToken = writes || (forAll && method !== 'OPTIONS' && !isOpen(url));
    return needsToken && !access.knows(req) ? new Refusal('TOKEN_REQUIRED') : undefined;
  };
}

function namesTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}

/** CORS: lets the page of an allowed origin read the answer, and makes its browser's preflight succeed. */
function allowPage(res: ServerResponse, origin: string): void {
  res.setHeader('Access-Control-Allow-Origin', origin);
  res.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST');
  res.setHeader(
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, Idempotency-Key, Lamport-Time, Last-Event-ID',
  );
  res.setHeader('Access-Control-Expose-Headers', 'Lamport-Time, Retry-After');
  res.setHeader('Access-Control-Max-Age', '600');
  res.setHeader('Vary', 'Origin');
}
