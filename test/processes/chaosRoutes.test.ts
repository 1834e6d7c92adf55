/** Faults that a page orders, of the nodes of a real `npm start -- --chaos`: done, told, healed, and survived. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { ActiveFault } from '../../http/live/protocol.ts';
import { aCluster, type Told } from '../support/clusterScript.ts';
import { LiveClient } from '../support/liveClient.ts';
import { call, freePort, type HttpAnswer, NodeProcess, patient, untilTrue } from '../support/realCluster.ts';

const Routes = suite('chaos by its routes');

Object.assign(process.env, patient); // For all nodes that are started here.

interface Town {
  readonly cluster: Told;
  readonly ids: readonly number[];
  readonly logDir: string;
}
async function aTown(): Promise<Town> {
  const { cluster, port, env } = await aCluster('--chaos', '--inspect');
  started.add(cluster);
  await cluster.says(/chaos is on/);
  await cluster.says(/ready in/);
  return { cluster, ids: [port, port + 1, port + 2], logDir: String(env.LOG_DIR) };
}
const started = new Set<Told>();
process.on('exit', () => {
  for (const { child } of started) child.kill('SIGKILL'); // Of a test that failed; its nodes end with it.
});
async function end({ cluster }: Town): Promise<void> {
  cluster.child.kill('SIGTERM');
  assert.is(await cluster.ends(), 0);
}
/** As the page at this node does it. */
const order = (at: number, path: string, body: object = {}): Promise<HttpAnswer> =>
  call(at, path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { Origin: `http://127.0.0.1:${at}` },
  });
const activeIn = ({ json }: HttpAnswer): readonly ActiveFault[] => json.active as readonly ActiveFault[];
const healthy = async (id: number): Promise<boolean> =>
  (await call(id, '/health', { withinMs: 800 }).catch(() => undefined))?.status === 200;
const allHealthy = (ids: readonly number[]): Promise<void> =>
  untilTrue('all healthy', async () => (await Promise.all(ids.map(healthy))).every(Boolean));
const write = async (at: number, message: string): Promise<void> =>
  assert.is((await call(at, '/?timeout=25000', { body: JSON.stringify({ message }) })).status, 200, message);

/** What each node has in the end must be the same, and all that was written. */
async function agree(ids: readonly number[], written: readonly string[]): Promise<void> {
  await allHealthy(ids);
  const logs = await Promise.all(
    ids.map(async (id) => String((await call(id, '/messages?consistency=linearizable')).body)),
  );
  for (const log of logs) assert.is(log, logs[0]);
  const contents = (JSON.parse(logs[0] ?? '') as { content: string }[]).map(({ content }) => content);
  assert.equal(contents, written);
}

Routes('wakes a paused node also when nobody is left to do it: it finds that out, and ends', async () => {
  const { cluster, ids } = await aTown();
  const [a, b] = ids as [number, number];
  const pid = Number(new RegExp(`^ +${b} .* pid (\\d+) `, 'm').exec(cluster.text())?.[1]);
  const runs = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const ms = 1500;
  const orderedAt = performance.now();
  assert.is((await order(a, '/chaos/pause', { node: b, ms })).status, 200);
  cluster.child.kill('SIGKILL');
  await cluster.ends();
  const isThere = runs();
  assert.ok(isThere || performance.now() - orderedAt > ms, 'it stands still');
  await untilTrue('its end', () => !runs());
});

Routes('kills another node, revives it, pauses it, cuts it off and heals; the logs agree', async () => {
  const town = await aTown();
  const { cluster, ids, logDir } = town;
  const [a, b, c] = ids as [number, number, number];
  const page = (await new LiveClient(a).opened()).want({ everyMs: 200 });
  assert.is(page.hello?.chaos?.supervised, true);
  assert.is(page.hello?.inspect, true);
  const heard = (): (readonly ActiveFault[])[] => page.ticks.flatMap(({ chaos }) => (chaos ? [chaos] : []));
  const isIn = (faults: readonly ActiveFault[] | undefined, id: string): boolean =>
    faults?.some((fault) => fault.id === id) === true;
  /** What is over soon may be over when somebody looks: so all that was heard counts, and one thing is done to a node once. */
  const hears = (what: string, id: string): Promise<void> =>
    untilTrue(what, () => heard().some((faults) => isIn(faults, id)));
  const hearsEnd = (what: string, id: string): Promise<void> => untilTrue(what, () => !isIn(heard().at(-1), id));
  await write(a, '1');

  // The leader, by the page of another node.
  await untilTrue(`${c} leads`, async () => (await call(a, '/leader')).json === (c as unknown));
  const killed = await order(a, '/kill', { node: c, ms: 60_000 });
  assert.is(killed.status, 200);
  assert.equal(activeIn(killed).map(({ what, node }) => [what, node]), [['killed', c]]); // biome-ignore format: one line
  await cluster.says(new RegExp(`${c} ended, it was the leader: killed by SIGKILL`));
  await hears('that it is killed', `killed:${c}`);
  await write(a, '2');
  assert.is((await order(a, '/chaos/pause', { node: c })).json.detail, `${c} does not run here`);
  assert.is((await order(b, '/chaos/revive', { node: c })).status, 200);
  await hearsEnd('that it is back', `killed:${c}`);
  await allHealthy(ids);
  assert.is((await order(b, '/chaos/revive', { node: c })).json.detail, `${c} runs`);

  // One that is paused answers nobody, and goes on by itself.
  const pausedAt = performance.now();
  await order(a, '/chaos/pause', { node: c, ms: 2500 });
  const answers = await healthy(c);
  assert.ok(!answers || performance.now() - pausedAt > 2500, 'a paused node does not answer');
  await write(a, '3');
  await hears('that it is paused', `pause:${c}`);
  await hearsEnd('that it goes on', `pause:${c}`);
  await allHealthy(ids);

  // Without its links to both others a node sees no majority.
  for (const peer of [a, b]) assert.is((await order(a, '/chaos/cut', { node: c, peer, ms: 60_000 })).status, 200);
  await untilTrue(`${c} has no leader`, async () => (await call(c, '/health')).status === 503);
  await write(b, '4');
  const healed = await order(b, '/chaos/heal');
  assert.equal(activeIn(healed), []);
  await allHealthy(ids);
  await write(c, '5');

  // One way, and it heals by itself.
  await order(a, '/chaos/cut', { node: a, peer: c, ms: 1500, oneWay: true });
  await hears('that it is cut', `cut:${a}->${c}`);
  await write(b, '6');
  await hearsEnd('that it is mended', `cut:${a}->${c}`);

  await agree(ids, ['1', '2', '3', '4', '5', '6']);
  for (const event of ['chaos_ordered', 'chaos_cut', 'chaos_mended']) {
    const line = `"event":"${event}"`;
    await untilTrue(`${event} in the log`, () => readFileSync(join(logDir, `node_${a}.log`), 'utf8').includes(line));
  }
  page.hangUp();
  await end(town);
});

Routes('the actors of a node can be watched while it works', async () => {
  const town = await aTown();
  const [a] = town.ids as [number];
  const said: { type: string; name?: string; definition?: string; sessionId: string }[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${a}/inspect`);
  socket.on('message', (data: Buffer) => {
    assert.ok(data.length < 64 * 1024, 'records are small');
    said.push(JSON.parse(String(data)));
  });
  await untilTrue('events and states', () =>
    ['@xstate.event', '@xstate.snapshot'].every((type) => said.some((one) => one.type === type)),
  );
  const names = said.filter(({ type }) => type === '@xstate.actor').map(({ name }) => name);
  for (const name of ['store', 'election', 'pipeline', `link:${a + 1}`]) assert.ok(names.includes(name), name);
  const election = said.find(({ name }) => name === 'election');
  assert.ok(Object.keys((JSON.parse(election?.definition ?? '') as { states: object }).states).includes('candidate'));
  await write(a, '1');
  socket.terminate();
  await end(town);
});

Routes('a node that was killed comes back after its time, and a paused one hears of the stop', async () => {
  const town = await aTown();
  const { cluster, ids } = town;
  const [a, b, c] = ids as [number, number, number];
  await order(a, '/kill', { node: b, ms: 1000 });
  await cluster.says(new RegExp(`${b} is killed; it comes back in 1 s`));
  await cluster.says(new RegExp(`${b} is started again`));
  await allHealthy(ids);
  await order(a, '/chaos/pause', { node: c, ms: 60_000 });
  await end(town); // With 0: nobody had to be ended because it did not hear the order to stop.
  assert.not.match(cluster.text(), /did not stop/);
});

Routes('without chaos there are no such calls, and no inspector', async () => {
  const { cluster, port } = await aCluster();
  await cluster.says(/ready in/);
  assert.not.match(cluster.text(), /chaos/);
  for (const path of ['/kill', '/chaos/pause', '/chaos/cut', '/chaos/revive', '/chaos/heal'])
    assert.is((await order(port, path, { node: port + 1 })).status, 404, path);
  assert.is((await call(port, '/inspect')).status, 404);
  await allHealthy([port, port + 1, port + 2]);
  cluster.child.kill('SIGTERM');
  assert.is(await cluster.ends(), 0);
});

Routes('a node that was started alone can do it to itself only', async () => {
  const [port, peerPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'alone-'));
  const node = new NodeProcess({
    ...process.env,
    NODE_ID: '1',
    PORT: `${port}`,
    PEERS: `1@127.0.0.1:${peerPort},2@127.0.0.1:1,3@127.0.0.1:2`,
    DATA_DIR: join(folder, 'data'),
    LOG_DIR: join(folder, 'logs'),
    CHAOS: '1',
  });
  await untilTrue('it answers', async () => (await call(port, '/health').catch(() => undefined)) !== undefined);
  const page = await new LiveClient(port).opened();
  assert.equal(page.hello?.chaos, { supervised: false, active: [] });
  for (const [path, body] of [
    ['/kill', { node: 2 }],
    ['/chaos/pause', { node: 2 }],
    ['/chaos/revive', { node: 2 }],
    ['/chaos/cut', { node: 2, peer: 3 }],
    ['/chaos/cut', { node: 2, peer: 1, oneWay: true }],
  ] as const)
    assert.match(String((await order(port, path, body)).json.detail), /nobody here can do that to 2/, path);
  const cut = await order(port, '/chaos/cut', { node: 2, peer: 1, ms: 60_000 });
  assert.equal(activeIn(cut).map(({ id }) => id), ['cut:1-2']); // biome-ignore format: one line
  assert.equal(activeIn(await order(port, '/chaos/heal', { id: 'cut:1-2' })), []);
  const begun = performance.now();
  await order(port, '/chaos/pause', { node: 1, ms: 1000 });
  // It begins a moment after the answer. From then on nobody is answered, so one call of these takes most of the pause.
  let longestMs = 0;
  while (longestMs < 500 && performance.now() - begun < 20_000) {
    const askedAt = performance.now();
    await call(port, '/health');
    longestMs = Math.max(longestMs, performance.now() - askedAt);
  }
  assert.ok(longestMs >= 500, 'it answers nobody meanwhile');
  await order(port, '/kill', { node: 1 });
  assert.is((await node.ended).signal, 'SIGKILL');
});
Routes.run();
