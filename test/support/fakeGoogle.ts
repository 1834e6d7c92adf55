/**
 * Google's APIs, as far as `npm run cloud` uses them, on loopback: for the real gcloud, told by its environment to come here.
 *
 * Things are kept by their paths as they were sent. What Google would work out is left out, but names of what a thing hangs
 * on are checked where it is made and where it is removed, as Google does: so a plan in the wrong order fails here too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Thing = Record<string, unknown>;
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const fault = (status: number, reason: string, message: string): Answer => ({
  status,
  body: {
    error: {
      code: status,
      message,
      status: { 404: 'NOT_FOUND', 409: 'ALREADY_EXISTS', 400: 'FAILED_PRECONDITION' }[status],
      errors: [{ message, reason, domain: 'global' }],
    },
  },
});

/** Collections whose members name the others that they need, by members that hold their URLs. */
const links = [
  'network',
  'subnetwork',
  'source',
  'IPAddress',
  'target',
  'urlMap',
  'defaultService',
  'securityPolicy',
  'group',
  'instance',
];
const listed = ['healthChecks', 'sslCertificates'];

const asks = new Set(['listInstances', 'getHealth']);
const actions = new Set([
  ...asks,
  'addInstances',
  'setMetadata',
  'addRule',
  'setUrlMap',
  'setNamedPorts',
  'setSecurityPolicy',
  'resize',
]);

export class FakeGoogle {
  /** By path, as `projects/p/global/networks/n`. */
  readonly things = new Map<string, Thing>();
  /** What changed something: `POST projects/p/global/networks n`. */
  readonly changes: string[] = [];
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'gcloud-'));
  #port = 0;
  #operations = 0;

  constructor() {
    this.#server = createServer((req, res) => {
      void this.#take(req).then(({ status, body }) => {
        res.writeHead(status, { 'content-type': 'application/json' });
        res.end(JSON.stringify(body));
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }
  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** For gcloud: it then knows no account, no project of yours, and no other address. */
  get env(): Record<string, string> {
    const at = (path: string): string => `http://127.0.0.1:${this.#port}/${path}`;
    return {
      CLOUDSDK_CONFIG: this.#folder,
      CLOUDSDK_AUTH_DISABLE_CREDENTIALS: 'true',
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_CHECK_GCE_METADATA: 'false',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
      CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: at('compute/v1/'),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER: at(''),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM: at(''),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER: at(''),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY: at(''),
      CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE: at(''),
    };
  }

  names(collection: string): readonly string[] {
    return [...this.things.keys()]
      .filter((path) => path.includes(`/${collection}/`))
      .map((path) => path.split('/').at(-1) ?? '');
  }

  // ----------------------------------------------------------------------------------------------------- requests

  async #take(req: IncomingMessage): Promise<Answer> {
    const pieces: Buffer[] = [];
    for await (const piece of req) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const url = new URL(req.url ?? '/', 'http://google');
    const path = decodeURIComponent(url.pathname).replace(/^\/(?:compute\/)?(?:v\d\w*\/)?/, '');
    // An account is known by its name alone.
    const whole = path.startsWith('projects/-/') && [...this.things.keys()].find((one) => one.endsWith(path.slice(10)));
    const body = (text === '' ? {} : JSON.parse(text)) as Thing;
    try {
      return this.#answer(req.method ?? 'GET', whole || path, url.searchParams, body);
    } catch (error) {
      return error instanceof Missing
        ? fault(404, 'notFound', error.message)
        : fault(500, 'backendError', String(error));
    }
  }

  #answer(method: string, path: string, query: URLSearchParams, body: Thing): Answer {
    if (path.includes('/operations/')) return ok(this.#operation(path));
    const verb = /:(\w+)$/.exec(path)?.[1];
    if (verb !== undefined) return this.#custom(path.slice(0, -verb.length - 1), verb, body);
    if (method === 'GET') return this.#get(path, query);
    const log = (name = ''): void => void this.changes.push(`${method} ${path} ${name}`.trim());
    if (method === 'DELETE') {
      this.#need(path);
      const user = this.#userOf(path);
      if (user !== undefined)
        return fault(400, 'resourceInUseByAnotherResource', `${path} is already being used by ${user}`);
      log();
      this.things.delete(path);
      return this.#done(path, 'delete');
    }
    if (method === 'PATCH' || method === 'PUT') {
      log();
      Object.assign(this.#need(path), body);
      return this.#done(path);
    }
    const parts = path.split('/');
    // An action on a thing has a path of odd length behind the project: …/networks/n/action.
    const owner = parts.slice(0, -1).join('/');
    if (this.things.has(owner)) {
      if (!asks.has(parts.at(-1) ?? '')) log();
      return this.#act(owner, parts.at(-1) ?? '', body);
    }
    if (actions.has(parts.at(-1) ?? '')) throw new Missing(`The resource '${owner}' was not found`);
    const name = String(
      parts.at(-1) === 'repositories'
        ? query.get('repositoryId')
        : (body.name ?? query.get('secretId') ?? query.get('repositoryId') ?? body.accountId ?? ''),
    );
    log(name);
    return this.#insert(path, name, body);
  }

  #get(path: string, query: URLSearchParams): Answer {
    const thing = this.things.get(path);
    if (thing) return ok(thing);
    if (/^projects\/[^/]+$/.test(path)) return ok({ projectId: path.split('/')[1], kind: 'compute#project' });
    if (path.endsWith('/services'))
      return ok({ services: this.#enabled.map((name) => ({ config: { name }, state: 'ENABLED' })) });
    const parts = path.split('/');
    if (/^projects\/[^/]+\/(?:zones|regions)\/[^/]+$/.test(path))
      return ok({ name: path.split('/').at(-1), status: 'UP', selfLink: this.#link(path) });
    // gcloud looks images up by family; the newest is this.
    if (path.includes('/images/family/')) return ok({ name: 'cos-129', selfLink: this.#link(path) });
    if (parts.includes('aggregated')) {
      const kind = parts.at(-1) ?? '';
      const wanted = [...this.things].filter(([one]) => one.split('/').at(-2) === kind).map(([, one]) => one);
      return ok({ items: { 'zones/all': { [kind]: wanted } } });
    }
    const members = [...this.things].filter(([one]) => one.startsWith(`${path}/`)).map(([, one]) => one);
    const isCollection =
      /^[a-z]+[A-Z]?[A-Za-z]*s$/.test(parts.at(-1) ?? '') && parts.length % 2 === (path.includes('global/') ? 0 : 1);
    if (isCollection || query.has('filter')) return ok({ items: members });
    throw new Missing(`The resource '${path}' was not found`);
  }

  #insert(collection: string, name: string, body: Thing): Answer {
    const path = `${collection}/${name}`;
    if (this.things.has(path)) return fault(409, 'alreadyExists', `The resource '${path}' already exists`);
    for (const needed of this.#neededBy(body)) this.#need(needed);
    const kind = collection.split('/').at(-1) ?? '';
    const thing: Thing = { ...body, name, selfLink: this.#link(path), ...madeUp(kind, body) };
    const [, , scope, place] = path.split('/');
    if (scope === 'zones' || scope === 'regions')
      thing[scope.slice(0, -1)] = this.#link(path.split('/').slice(0, 4).join('/'));
    if (collection.endsWith('secrets') || collection.endsWith('serviceAccounts') || kind === 'repositories') {
      thing.name = kind === 'serviceAccounts' ? `${collection}/${name}@${place ?? ''}` : path;
      if (kind === 'serviceAccounts') return this.#account(collection, name);
    }
    this.things.set(path, thing);
    if (kind === 'secrets') return ok(thing);
    return this.#done(path);
  }

  #account(collection: string, name: string): Answer {
    const email = `${name}@${collection.split('/')[1]}.iam.gserviceaccount.com`;
    const thing = { name: `${collection}/${email}`, email };
    this.things.set(thing.name, thing);
    return ok(thing);
  }

  /** Calls like `…/instances/i/setMetadata`. */
  #act(owner: string, action: string, body: Thing): Answer {
    const thing = this.#need(owner);
    for (const needed of this.#neededBy(body)) this.#need(needed);
    const list = (name: string): Thing[] => {
      thing[name] ??= [];
      return thing[name] as Thing[];
    };
    if (action === 'addInstances') list('members').push(...(body.instances as Thing[]));
    else if (action === 'listInstances')
      return ok({ items: list('members').map(({ instance }) => ({ instance, status: 'RUNNING' })) });
    else if (action === 'setMetadata') thing.metadata = body;
    else if (action === 'addRule') list('rules').push(body);
    else if (
      action === 'setUrlMap' ||
      action === 'setTarget' ||
      action === 'setSecurityPolicy' ||
      action === 'setNamedPorts' ||
      action === 'resize'
    )
      Object.assign(thing, body);
    else if (action === 'getHealth') return ok({ healthStatus: [] });
    else throw new Error(`nothing is known of ${action} of ${owner}`);
    return this.#done(owner);
  }

  /** Calls like `…/secrets/s:setIamPolicy`. */
  #custom(owner: string, verb: string, body: Thing): Answer {
    if (verb === 'getIamPolicy') return ok(this.#policyOf(owner));
    this.changes.push(`POST ${owner}:${verb}`);
    if (verb === 'setIamPolicy') {
      this.#policies.set(owner, body.policy as Thing);
      return ok(body.policy);
    }
    if (verb === 'addVersion') {
      Object.assign(this.#need(owner), { payload: body.payload });
      return ok({ name: `${owner}/versions/1`, state: 'ENABLED' });
    }
    if (verb === 'batchEnable') {
      this.#enabled.push(...(body.serviceIds as string[]));
      return ok({ name: 'operations/acf.1', done: true, response: {} });
    }
    throw new Error(`nothing is known of ${verb} of ${owner}`);
  }
  readonly #policies = new Map<string, Thing>();
  readonly #enabled: string[] = [];
  #policyOf(owner: string): Thing {
    if (owner.split('/').length > 2) this.#need(owner);
    return this.#policies.get(owner) ?? { version: 1, etag: 'BwX=' };
  }

  // -------------------------------------------------------------------------------------------------------- things

  #link(path: string): string {
    return `http://127.0.0.1:${this.#port}/compute/v1/${path}`;
  }
  #need(path: string): Thing {
    const thing = this.things.get(path);
    if (!thing) throw new Missing(`The resource '${path}' was not found`);
    return thing;
  }

  #neededBy(body: unknown, name = ''): readonly string[] {
    if (Array.isArray(body)) return body.flatMap((one) => this.#neededBy(one, name));
    if (typeof body === 'object' && body !== null)
      return Object.entries(body).flatMap(([key, one]) => this.#neededBy(one, key));
    if (typeof body !== 'string' || ![...links, ...listed].includes(name)) return [];
    const path = /projects\/[^/]+\/(?:global|zones|regions)\/.+$/.exec(body)?.[0];
    return path === undefined || path.includes('/images/') ? [] : [path];
  }
  #userOf(path: string): string | undefined {
    return [...this.things].find(([other, thing]) => other !== path && this.#neededBy(thing).includes(path))?.[0];
  }

  #done(path: string, kind = 'insert'): Answer {
    const [root, project, scope = 'global', place = ''] = path.split('/');
    const at = scope === 'global' ? 'global' : `${scope}/${place}`;
    const operation = `${root}/${project}/${at}/operations/operation-${++this.#operations}`;
    this.#targets.set(operation, path);
    this.#kinds.set(operation, kind);
    return ok(this.#operation(operation));
  }
  readonly #targets = new Map<string, string>();
  readonly #kinds = new Map<string, string>();
  #operation(path: string): Thing {
    const target = this.#targets.get(path) ?? '';
    const [, , scope = '', place = ''] = path.split('/');
    const isCompute = !target.includes('/repositories/');
    return {
      kind: 'compute#operation',
      name: isCompute ? path.split('/').at(-1) : path,
      operationType: this.#kinds.get(path) ?? 'insert',
      status: 'DONE',
      progress: 100,
      done: true,
      ...(scope === 'zones' && { zone: this.#link(`${path.split('/').slice(0, 2).join('/')}/zones/${place}`) }),
      ...(scope === 'regions' && { region: this.#link(`${path.split('/').slice(0, 2).join('/')}/regions/${place}`) }),
      selfLink: this.#link(path),
      targetLink: this.#link(target),
      response: {},
    };
  }
}

class Missing extends Error {}

/** What Google adds, as far as somebody here reads it. */
function madeUp(kind: string, body: Thing): Thing {
  if (kind === 'instances') return { status: 'RUNNING' };
  if (kind === 'addresses' && body.address === undefined) return { address: '203.0.113.80', status: 'RESERVED' };
  if (kind === 'sslCertificates') return { managed: { ...(body.managed as Thing), status: 'PROVISIONING' } };
  return { fingerprint: 'abc=' };
}
