/** The calls of chaos: that they are not there, for whom they are there, and what they take. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Chaos, type ChaosOrder, faultMsMax } from '../../http/chaos.ts';
import type { ActiveFault } from '../../http/live/protocol.ts';
import { inWorld, until } from '../support/httpWorld.ts';
import { LiveClient } from '../support/liveClient.ts';
import { call } from '../support/realCluster.ts';

const Chaotic = suite('calls of chaos');
const calls = ['/kill', '/chaos/pause', '/chaos/cut', '/chaos/revive', '/chaos/heal'];

/** Does nothing, and remembers what it was asked. */
class NotedChaos implements Chaos {
  readonly supervised = true;
  readonly orders: ChaosOrder[] = [];
  readonly listeners = new Set<() => void>();
  faults: readonly ActiveFault[] = [];
  why: string | undefined;

  active(): readonly ActiveFault[] {
    return this.faults;
  }
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  async order(order: ChaosOrder): Promise<string | undefined> {
    this.orders.push(order);
    return this.why;
  }
  become(...faults: readonly ActiveFault[]): void {
    this.faults = faults;
    for (const listener of this.listeners) listener();
  }
}
const post = (port: number, path: string, body: unknown, headers: Record<string, string> = {}) =>
  call(port, path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });

Chaotic(
  'do not exist where chaos is off, not even for a chaos that is given',
  inWorld(
    async ({ port }) => {
      for (const path of calls) {
        const { status, json } = await post(port, path, { node: 8001 });
        assert.equal([status, json.code], [404, 'NOT_FOUND'], path);
        assert.is((await call(port, path)).status, 404, path);
      }
      const client = await new LiveClient(port).opened();
      assert.is(client.hello?.chaos, null);
      client.hangUp();
    },
    { chaos: new NotedChaos() },
  ),
);

const chaos = new NotedChaos();
Chaotic(
  'exist for whoever sits at this machine, and for no page of another site',
  inWorld(
    async ({ port, lines }) => {
      for (const path of calls) {
        const strangers: readonly (readonly [Record<string, string>, number])[] = [
          [{ 'X-Forwarded-For': '10.0.0.1' }, 404],
          [{ Forwarded: 'for=10.0.0.1' }, 404],
          [{ Origin: 'https://evil.example' }, 403],
          [{ Origin: 'null' }, 403],
          [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
          [{ Host: 'evil.example' }, 421],
        ];
        for (const [headers, status] of strangers)
          assert.is((await post(port, path, { node: 8001 }, headers)).status, status, path);
      }
      assert.equal(chaos.orders, []);
      const home = { Origin: `http://127.0.0.1:${port}` };
      assert.is((await post(port, '/chaos/pause', { node: 8001, ms: 500 }, home)).status, 200);
      assert.equal(chaos.orders.splice(0), [{ what: 'pause', node: 8001, ms: 500 }]);
      assert.ok(lines.some(({ event, fields }) => event === 'chaos_ordered' && fields.what === 'pause'));
    },
    { kill: () => {}, chaos },
  ),
);
Chaotic(
  'take orders within bounds, fill in what is left out, and refuse all else',
  inWorld(
    async ({ port, node }) => {
      node.statusPatch = { voters: [8001, 8002, 8003] };
      for (const [path, body, order] of [
        ['/chaos/pause', { node: 8002 }, { what: 'pause', node: 8002, ms: 30_000 }],
        ['/chaos/cut', { node: 8001, peer: 8003 }, { what: 'cut', node: 8001, peer: 8003, ms: 30_000, oneWay: false }],
        [
          '/chaos/cut',
          { node: 8003, peer: 8001, ms: 100, oneWay: true },
          { what: 'cut', node: 8003, peer: 8001, ms: 100, oneWay: true },
        ],
        ['/kill', { node: 8003, ms: faultMsMax }, { what: 'kill', node: 8003, ms: faultMsMax }],
        ['/chaos/revive', { node: 8003 }, { what: 'revive', node: 8003 }],
        ['/chaos/heal', '', { what: 'heal', id: null }],
        ['/chaos/heal', { id: 'cut:8001->8002' }, { what: 'heal', id: 'cut:8001->8002' }],
      ] as const) {
        assert.is((await post(port, path, body)).status, 200, path);
        assert.equal(chaos.orders.splice(0), [order]);
      }
      for (const [path, body, code] of [
        ['/chaos/pause', '', 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: 8004 }, 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: '8001' }, 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: 8001, ms: 99 }, 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: 8001, ms: faultMsMax + 1 }, 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: 8001, ms: 1e99 }, 'PARAMETER_INVALID'],
        ['/chaos/pause', { node: 8001, forever: true }, 'UNKNOWN_PARAMETER'],
        ['/chaos/cut', { node: 8001 }, 'PARAMETER_INVALID'],
        ['/chaos/cut', { node: 8001, peer: 8001 }, 'PARAMETER_INVALID'],
        ['/chaos/cut', { node: 8001, peer: 8002, oneWay: 'yes' }, 'PARAMETER_INVALID'],
        ['/chaos/revive', { node: 8001, ms: 500 }, 'UNKNOWN_PARAMETER'],
        ['/chaos/heal', { id: '<script>' }, 'PARAMETER_INVALID'],
        ['/kill', { node: null }, 'PARAMETER_INVALID'],
        ['/chaos/pause', '[]', 'PARAMETER_INVALID'],
        ['/chaos/pause', '{', 'MALFORMED_JSON'],
        ['/chaos/pause', `"${'x'.repeat(2000)}"`, 'BODY_TOO_LARGE'],
      ] as const)
        assert.is((await post(port, path, body)).json.code, code, `${path} ${JSON.stringify(body).slice(0, 60)}`);
      assert.equal(chaos.orders, []);
      chaos.why = '8003 runs';
      const { status, json } = await post(port, '/chaos/revive', { node: 8003 });
      assert.equal([status, json.code, json.detail], [409, 'CHAOS_REFUSED', '8003 runs']);
      chaos.why = undefined;
      chaos.orders.length = 0;
    },
    { kill: () => {}, chaos },
  ),
);
Chaotic(
  'need the token where one is set',
  inWorld(
    async ({ port }) => {
      for (const path of calls) assert.is((await post(port, path, { node: 8001 })).status, 401, path);
      assert.is((await post(port, '/chaos/heal', '', { Authorization: 'Bearer secret' })).status, 200);
    },
    { kill: () => {}, chaos, apiToken: 'secret' },
  ),
);
Chaotic(
  'are known to every page, from its beginning and whenever they change',
  inWorld(
    async ({ port, node }) => {
      const fault = { id: 'pause:8002', what: 'pause', node: 8002, healsAtWallMs: 1 } as const;
      chaos.become(fault);
      const client = await new LiveClient(port).opened();
      assert.equal(client.hello?.chaos, { supervised: true, active: [fault] });
      client.want();
      await until(() => node.watchers.size === 1, 'a watch');
      await client.hears('the first', () => client.ticks.some((tick) => tick.chaos !== undefined));
      client.ticks.length = 0;
      await client.hears('ticks', () => client.ticks.length >= 3);
      assert.ok(
        client.ticks.every((tick) => tick.chaos === undefined),
        'told once',
      );
      chaos.become();
      await client.hears('the change', () => client.ticks.some((tick) => tick.chaos?.length === 0));
      client.hangUp();
    },
    { kill: () => {}, chaos },
  ),
);
Chaotic.run();
