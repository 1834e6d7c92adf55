/**
 * Reader: takes values out of the environment, one kind a method, and notes what is wrong with each.
 *
 * A1. A fault does not end the reading: something in range is returned, so that all faults are told together.
 * A2. An empty variable counts as unset: compose files and unit files pass empty ones.
 * A3. A secret's value is in no fault.
 */
import {
  flag,
  type IntegerName,
  integers,
  nodeUrlsAccepted,
  originsAccepted,
  peersAccepted,
  type Range,
  ranges,
} from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/** The text of a file; throws when it cannot be read. */
export type ReadText = (path: string) => string;

export interface PeerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface ConfigFault {
  readonly variable: string;
  /** As given; `(hidden)` for a secret, `(not set)` where nothing was given. */
  readonly value: string;
  readonly accepted: string;
}

const notSet = '(not set)';
const hidden = '(hidden)';
const visible = /^[\x21-\x7e]+$/;
const hostName = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const ipv6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/;

const isHost = (host: string): boolean => host.length <= 255 && (hostName.test(host) || ipv6.test(host));

/** Reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** As browsers send it: no path, no trailing slash. */
function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}

function parseInteger(text: string, { min, max }: Range): number | undefined {
  if (!/^[+-]?\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function parsePeer(text: string): PeerAddress | undefined {
  const match = /^(\d+)@(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, idText = '', bracketed, plain, portText = ''] = match;
  const id = parseInteger(idText, ranges.NODE_ID);
  const port = parseInteger(portText, ranges.PEER_PORT);
  const host = bracketed ?? plain ?? '';
  const valid = bracketed === undefined ? hostName.test(host) : ipv6.test(host);
  return id === undefined || port === undefined || !valid ? undefined : { id, host, port };
}

export class Reader {
  readonly faults: ConfigFault[] = [];
  readonly #env: Environment;
  readonly #readText: ReadText;

  constructor(env: Environment, readText: ReadText) {
    this.#env = env;
    this.#readText = readText;
  }

  /** A2. */
  text(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  fault(variable: string, accepted: string, value = this.text(variable) ?? notSet): void {
    this.faults.push({ variable, value, accepted });
  }

  /** `byDefault` undefined = required. */
  integer(name: IntegerName, byDefault: number | undefined): number {
    const text = this.text(name);
    const value = text === undefined ? byDefault : parseInteger(text, ranges[name]);
    if (value === undefined) this.fault(name, integers(ranges[name]));
    return value ?? byDefault ?? ranges[name].min;
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined || ['0', 'false', 'no', 'off'].includes(text)) return false;
    if (!['1', 'true', 'yes', 'on'].includes(text)) this.fault(name, flag);
    return true;
  }

  host(name: string, byDefault: string): string {
    const text = this.text(name) ?? byDefault;
    const host = text.replace(/^\[(.*)\]$/, '$1');
    if (!isHost(host)) this.fault(name, 'address or name');
    return host;
  }

  word<T extends string>(name: string, words: readonly T[], byDefault: T): T {
    const text = this.text(name)?.toLowerCase() ?? byDefault;
    const word = words.find((known) => known === text);
    if (word === undefined) this.fault(name, words.join(', '));
    return word ?? byDefault;
  }

  /** A secret from the variable or from the file that `<name>_FILE` names. */
  secret(name: string, accepted: string, lengthMin: number, lengthMax: number): string | null {
    const fileName = `${name}_FILE`;
    const path = this.text(fileName);
    let secret = this.text(name);
    if (path !== undefined) {
      if (secret !== undefined) {
        this.fault(fileName, `only one of ${name} and ${fileName}`);
        return null;
      }
      try {
        secret = this.#readText(path).trim();
      } catch (error) {
        this.fault(fileName, `a file that can be read (${error instanceof Error ? error.message : String(error)})`);
        return null;
      }
    }
    if (secret === undefined) return null;
    if (!visible.test(secret) || secret.length < lengthMin || secret.length > lengthMax) {
      if (path === undefined) this.fault(name, accepted, hidden);
      else this.fault(fileName, `a file that holds ${accepted}`);
      return null;
    }
    return secret;
  }

  origins(): readonly string[] {
    const origins = (this.text('ALLOWED_ORIGINS') ?? '').split(',').map((origin) => origin.trim());
    const given = origins.filter((origin) => origin !== '');
    if (given.some((origin) => !isOrigin(origin))) this.fault('ALLOWED_ORIGINS', originsAccepted);
    return given;
  }

  nodeUrls(): ReadonlyMap<number, string> {
    const urls = new Map<number, string>();
    const given = (this.text('NODE_URLS') ?? '').split(',').map((one) => one.trim());
    for (const one of given.filter((text) => text !== '')) {
      const [, idText = '', url = ''] = /^(\d+)@(.+)$/.exec(one) ?? [];
      const id = parseInteger(idText, ranges.NODE_ID);
      if (id !== undefined && isOrigin(url) && !urls.has(id)) urls.set(id, url);
      else {
        this.fault('NODE_URLS', nodeUrlsAccepted);
        break;
      }
    }
    return urls;
  }

  peers(): readonly PeerAddress[] | undefined {
    const text = this.text('PEERS');
    const peers = text?.split(',').map((peer) => parsePeer(peer.trim()));
    const known = peers?.filter((peer) => peer !== undefined);
    const unique = (of: (peer: PeerAddress) => string): boolean => new Set(known?.map(of)).size === known?.length;
    if (
      peers === undefined ||
      known === undefined ||
      known.length !== peers.length ||
      !unique(({ id }) => `${id}`) ||
      !unique(({ host, port }) => `${host.toLowerCase()} ${port}`)
    ) {
      this.fault('PEERS', peersAccepted);
      return undefined;
    }
    return known;
  }
}
