/** The feed of the dashboard: what a viewer gets, and what is refused at its door. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeView, TraceEvent } from '../../actors/observation.ts';
import { History } from '../../http/live/history.ts';
import { mergeViews } from '../../http/live/mergeViews.ts';
import { unpackedMessages } from '../../http/live/packedMessages.ts';
import { packed, unpacked } from '../../http/live/packedTrace.ts';
import { historyMessages, historyPoints, historyTraceEvents } from '../../http/live/protocol.ts';
import { paceOf, parseWant } from '../../http/live/want.ts';
import { inWorld, until } from '../support/httpWorld.ts';
import { aMessage, aView, LiveClient } from '../support/liveClient.ts';

const seen = (view: NodeView, ageMs = 0) => ({ ageMs, view });
const anEvent = (seq: number) =>
  ({ seq, lamport: seq, wallMs: seq, kind: 'local', what: 'leads', group: 'election' }) as const;
const idsOf = (packed: Parameters<typeof unpackedMessages>[0]) => unpackedMessages(packed).map(({ id }) => id);
const aTrace = (...seqs: number[]) => ({ oneOf: 1, dropped: 0, events: seqs.map(anEvent) });

// ------------------------------------------------------------------------------------------------------- the parts

const Parts = suite('parts of the feed');

Parts('a want is bounded in every member', () => {
  const good = { type: 'want', everyMs: 100, trace: true, actors: false, oneOf: 7 };
  assert.equal(parseWant(JSON.stringify(good)), { ...good, messages: true });
  assert.equal(parseWant(JSON.stringify({ ...good, messages: false })), { ...good, messages: false });
  for (const [change, why] of [
    [{ type: 'send' }, 'unknown type "send"'],
    [{ type: undefined }, 'unknown type none'],
    [{ everyMs: 99 }, 'everyMs is 0 or an integer 100..10000'],
    [{ everyMs: 10_001 }, 'everyMs is 0 or an integer 100..10000'],
    [{ everyMs: 100.5 }, 'everyMs is 0 or an integer 100..10000'],
    [{ everyMs: '100' }, 'everyMs is 0 or an integer 100..10000'],
    [{ trace: 1 }, 'trace, actors and messages are true or false'],
    [{ messages: 0 }, 'trace, actors and messages are true or false'],
    [{ oneOf: 0 }, 'oneOf is an integer 1..1000000000'],
    [{ oneOf: 1e10 }, 'oneOf is an integer 1..1000000000'],
    [{ more: 1 }, 'unknown member "more"'],
  ] as const)
    assert.is(parseWant(JSON.stringify({ ...good, ...change })), why);
  assert.is(parseWant('{'), 'not JSON');
  for (const text of ['[]', '1', 'null']) assert.is(parseWant(text), 'not a JSON object');
  const long = parseWant(JSON.stringify({ type: 'x'.repeat(900) }));
  assert.ok(typeof long === 'string' && long.length < 100, 'it fits into a close frame');
});
Parts('a pace is one of few, and never quicker than asked', () => {
  assert.equal([0, 100, 101, 999, 10_000].map(paceOf), [0, 100, 200, 1000, 10_000]);
});
Parts('views that are put together lose no number, and say what they left out', () => {
  const first = aView({ messages: { count: 60, shown: [aMessage(1), aMessage(2)] }, trace: aTrace(1, 2) });
  const second = aView({ seq: 2, messages: { count: 1, shown: [aMessage(61)] }, trace: aTrace(3) });
  const both = mergeViews(first, second);
  assert.is(both.seq, 2);
  assert.is(both.messages.count, 61);
  assert.equal(both.messages.shown.map(({ id }) => id), [1, 2, 61]); // biome-ignore format: one line
  assert.equal(both.trace?.events.map(({ seq }) => seq), [1, 2, 3]); // biome-ignore format: one line
  const many = Array.from({ length: 150 }, (_, i) => i);
  const cut = mergeViews(aView({ trace: aTrace(...many) }), aView({ trace: aTrace(...many) }));
  assert.equal([cut.trace?.events.length, cut.trace?.dropped], [200, 100]);
  assert.equal(mergeViews(first, aView({ boot: 2 })).messages.count, 0);
});
Parts('history is bounded, and takes the messages of its own node alone', () => {
  const history = new History(8001);
  for (let i = 1; i <= historyPoints + 5; i++) history.addPoint([i, 0, 0, 0]);
  for (let i = 1; i <= historyMessages + 5; i++) {
    history.add(aView({ messages: { count: 1, shown: [aMessage(i)] }, trace: aTrace(i) }));
    history.add(aView({ node: 8002, messages: { count: 1, shown: [aMessage(i)] } }));
  }
  const { points, messages, trace } = history.read();
  assert.equal([points.length, points[0]?.[0]], [historyPoints, 6]);
  assert.equal([messages.length, idsOf(messages)[0]], [historyMessages, 6]);
  assert.equal(trace.map(([node, { events }]) => [node, events.length]), [[8001, historyTraceEvents]]); // biome-ignore format: one line
});
const tracedIn = (history: History) => history.read().trace.flatMap(([node, trace]) => unpacked(node, trace));
Parts('a trace is packed without losing anything, in a fifth of the bytes', () => {
  const epoch = 65_536 * 3 + 8003;
  const startMs = 1_795_418_878_123;
  const frames = Array.from({ length: 100 }, (_, i): TraceEvent => {
    const at = { seq: 1000 + 2 * i, lamport: 90_000 + 3 * i, wallMs: startMs + i, group: 'replication' } as const;
    const peer = 8001 + (i % 2);
    return i % 3 === 0
      ? { ...at, kind: 'receive', what: 'ack', frame: `${peer}>8003:${at.lamport - 2}`, peer, epoch }
      : {
          ...at,
          kind: 'send',
          what: 'append',
          frame: `8003>${peer}:${at.lamport}`,
          peer,
          epoch,
          ids: [500 + i, 503 + i],
        };
  });
  const rare: readonly TraceEvent[] = [
    { ...anEvent(2000), lamport: 5, wallMs: startMs - 10, epoch },
    { ...anEvent(2001), what: 'violation', group: 'fault', violation: true },
    {
      seq: 2002,
      lamport: 7,
      wallMs: 7,
      kind: 'receive',
      what: 'forward',
      group: 'client',
      frame: '8001>8003:1',
      peer: 8001,
      ids: [3, 3],
      violation: true,
    },
  ];
  const events = [...frames, ...rare];
  const wire = JSON.stringify(packed(8003, events));
  assert.equal(unpacked(8003, JSON.parse(wire)), events);
  assert.ok(wire.length * 5 < JSON.stringify(events).length, `${wire.length} of ${JSON.stringify(events).length}`);
  const strange = { ...frames[0], frame: 'of my own making' } as TraceEvent;
  const { frame: _frame, ...nameless } = strange;
  assert.equal(unpacked(8003, packed(8003, [strange])), [nameless], 'what a peer makes up is no frame');
});
Parts('elections and faults outlive thousands of frames about messages, in a tick and in the history', () => {
  const frame = { kind: 'send' as const, what: 'append', group: 'replication' as const };
  const flood = (from: number, count: number) => {
    const events = Array.from({ length: count }, (_, i) => ({ ...anEvent(from + i), ...frame }));
    return { oneOf: 1, dropped: 0, events };
  };
  const election = { ...anEvent(0), kind: 'local' as const, what: 'leads', group: 'election' as const };
  const first = aView({ trace: { oneOf: 1, dropped: 0, events: [election] } });
  const history = new History(8001);
  history.add(first);
  history.add(aView({ trace: flood(1, 2 * historyTraceEvents) }));
  const events = tracedIn(history);
  assert.equal([events.length, events[0]?.what, events.at(-1)?.seq], [historyTraceEvents, 'leads', 2 * historyTraceEvents]); // biome-ignore format: one line
  assert.is(mergeViews(first, aView({ trace: flood(1, 300) })).trace?.events[0]?.what, 'leads');
  history.add(aView({ boot: 2, trace: flood(1, 3) }));
  assert.is(tracedIn(history).length, 3, 'numbers begin anew with each life');
});
Parts('the stories of a node go on over its restarts', () => {
  const history = new History(8001);
  const story = (event: string, wallMs = 1): NodeView['story'] => [
    { wallMs, lamport: 1, event, words: event, epoch: 1, leader: null } as NodeView['story'][number],
  ];
  history.add(aView({ story: story('leads') }));
  history.add(aView({ boot: 2, story: story('follows') }));
  history.add(aView({ boot: 2, story: [...story('follows'), ...story('leads', 2)] }));
  const [[node, stories] = []] = history.read().stories;
  assert.is(node, 8001);
  assert.equal(stories?.map(({ event }) => event), ['leads', 'follows', 'leads']); // biome-ignore format: one line
});
Parts.run();

// -------------------------------------------------------------------------------------------------------- the feed

const Live = suite('live feed');

Live(
  'says hello, then ticks with what is new, and nothing before it is asked',
  inWorld(async ({ port, node, http }) => {
    const client = await new LiveClient(port).opened();
    const { hello } = client;
    assert.equal(
      [hello?.version, hello?.node, hello?.chaos, hello?.inspect, hello?.needsToken],
      [4, 8001, null, false, false],
    );
    assert.equal([hello?.charts.length, hello?.voters], [1, [8001]]);
    assert.is(node.watchers.size, 0, 'nobody wants anything yet');
    client.want();
    await until(() => node.watchers.size === 1, 'a watch');
    node.show(seen(aView({ seq: 7 })), seen(aView({ node: 8002, seq: 3 }), 40));
    await client.hears('both views', () => client.ticks.some(({ views }) => views.length > 0));
    const [first] = client.ticks.filter(({ views }) => views.length > 0);
    assert.equal(first?.views.map(({ view }) => [view.node, view.seq]), [[8001, 7], [8002, 3]]); // biome-ignore format: one line
    assert.ok((first?.views[1]?.ageMs ?? 0) >= 40);
    assert.is(first?.missed, 0);
    const later = await new LiveClient(port).opened();
    assert.equal(later.hello?.views.map(({ view }) => view.node), [8001, 8002]); // biome-ignore format: one line
    assert.ok(http.server.listening);
    client.hangUp();
    later.hangUp();
    await until(() => node.watchers.size === 0, 'the end of the watch');
  }),
);
Live(
  'passes on each view once, however often the node shows it',
  inWorld(async ({ port, node }) => {
    const client = (await new LiveClient(port).opened()).want();
    await until(() => node.watchers.size === 1, 'a watch');
    const peer = aView({ node: 8002, messages: { count: 1, shown: [aMessage(1)] } });
    for (let seq = 1; seq <= 4; seq++) {
      node.show(seen(aView({ seq })), seen(peer, 100 * seq));
      await until(() => client.ticks.some(({ views }) => views.some(({ view }) => view.seq === seq)), 'it');
    }
    node.show(seen({ ...peer, boot: 2 }));
    const ofPeer = () => client.ticks.flatMap(({ views }) => views.filter(({ view }) => view.node === 8002));
    await until(() => ofPeer().length > 1, 'its next life');
    assert.equal(ofPeer().map(({ view }) => view.boot), [1, 2]); // biome-ignore format: one line
    client.hangUp();
  }),
);
Live(
  'ticks at most ten times a second, and rarer where that is wanted',
  inWorld(async ({ port, node }) => {
    const quick = (await new LiveClient(port).opened()).want();
    const slow = (await new LiveClient(port).opened()).want({ everyMs: 1000 });
    await until(() => node.watchers.size === 1, 'a watch');
    const begun = performance.now();
    let seq = 0;
    const showing = setInterval(() => {
      seq++;
      node.show(seen(aView({ seq, messages: { count: 2, shown: [aMessage(seq)] } })));
    }, 5);
    await slow.hears('three ticks', () => slow.ticks.filter(({ views }) => views.length > 0).length >= 3);
    clearInterval(showing);
    const tookMs = performance.now() - begun;
    assert.ok(quick.ticks.length <= tookMs / 100 + 2, `${quick.ticks.length} in ${tookMs}`);
    assert.ok(slow.ticks.length <= tookMs / 1000 + 2, `${slow.ticks.length} in ${tookMs}`);
    const counted = (client: LiveClient): number =>
      client.ticks.reduce((sum, { views }) => sum + (views[0]?.view.messages.count ?? 0), 0);
    const last = slow.ticks.at(-1)?.views[0]?.view.seq ?? 0;
    assert.is(counted(slow), 2 * last, 'all messages are counted, shown or not');
    quick.hangUp();
    slow.hangUp();
  }),
);
Live(
  'asks for what somebody wants, and gives it to nobody else',
  inWorld(
    async ({ port, node }) => {
      const one = (await new LiveClient(port).opened()).want();
      const other = (await new LiveClient(port).opened()).want({ trace: true, actors: true, oneOf: 6 });
      const third = (await new LiveClient(port).opened()).want({ trace: true, oneOf: 4 });
      const wanted = () => [...node.watchers.values()][0];
      await until(() => wanted()?.oneOf === 2, 'the union');
      assert.equal(wanted(), { trace: true, actors: true, oneOf: 2 });
      node.show(seen(aView({ trace: aTrace(1), actors: [] })));
      const viewOf = (client: LiveClient) => client.ticks.find(({ views }) => views.length > 0)?.views[0]?.view;
      await until(() => [one, other, third].every(viewOf), 'a view for each');
      assert.equal(
        [one, other, third].map((client) => ['trace', 'actors'].filter((name) => name in (viewOf(client) ?? {}))),
        [[], ['trace', 'actors'], ['trace']],
      );
      other.want({ everyMs: 0 });
      await until(() => wanted()?.actors === false, 'a smaller union');
      assert.is(wanted()?.oneOf, 4);
      for (const client of [one, third]) client.want({ everyMs: 0 });
      await until(() => node.watchers.size === 0, 'nobody looks');
      const before = one.ticks.length;
      await new Promise((resolve) => setTimeout(resolve, 250));
      assert.ok(one.ticks.length <= before + 1, 'a hidden page hears nothing');
      for (const client of [one, other, third]) client.hangUp();
    },
    { inspect: () => () => {} },
  ),
);
Live(
  'says where people reach the nodes, as far as it was told',
  inWorld(
    async ({ port }) => {
      const client = await new LiveClient(port).opened();
      assert.equal(client.hello?.nodeUrls, { 8002: 'http://127.0.0.1:8002' });
      client.hangUp();
    },
    { nodeUrls: new Map([[8002, 'http://127.0.0.1:8002']]) },
  ),
);
Live(
  'tells each story once; who was away, or looked at something else, gets all of them',
  inWorld(async ({ port, node }) => {
    const story = (...times: readonly number[]) =>
      times.map((wallMs) => ({ wallMs, lamport: wallMs, event: 'leads', words: 'it leads', epoch: 1, leader: 8001 }));
    const steady = (await new LiveClient(port).opened()).want();
    const other = (await new LiveClient(port).opened()).want();
    await until(() => node.watchers.size === 1, 'a watch');
    const told = (client: LiveClient) =>
      client.ticks.map(({ views }) => views.flatMap(({ view }) => view.story.map(({ wallMs }) => wallMs)));
    const hasHeard = (seq: number) => () =>
      steady.ticks.some(({ views }) => views.some(({ view }) => view.seq === seq));
    await until(() => [steady, other].every(({ ticks }) => ticks.length > 0), 'their places');
    node.show(seen(aView({ seq: 1, story: story(1, 2) })));
    await until(hasHeard(1), 'the first');
    await until(() => told(other).flat().length === 2, 'the same');
    other.want({ everyMs: 0 });
    node.show(seen(aView({ seq: 2, story: story(1, 2, 3) })));
    await until(hasHeard(2), 'the second');
    assert.equal(told(steady).flat(), [1, 2, 3]);
    assert.ok(
      steady.ticks.every(({ stories }) => stories === undefined),
      'it had all of them',
    );
    other.want();
    await until(() => other.ticks.some(({ stories }) => stories !== undefined), 'all of them');
    const [whole] = other.ticks.flatMap(({ stories }) => stories ?? []);
    assert.equal(whole, [8001, story(1, 2, 3)]);
    const later = await new LiveClient(port).opened();
    assert.equal(later.hello?.history.stories, [[8001, story(1, 2, 3)]]);
    assert.equal(later.hello?.views.map(({ view }) => view.story), [[]]); // biome-ignore format: one line
    for (const client of [steady, other, later]) client.hangUp();
  }),
);
Live(
  'sends messages only to whoever shows them; violations to everybody',
  inWorld(async ({ port, node }) => {
    const one = (await new LiveClient(port).opened()).want();
    const other = (await new LiveClient(port).opened()).want({ messages: false });
    await until(() => node.watchers.size === 1, 'a watch');
    await until(() => [one, other].every(({ ticks }) => ticks.length > 0), 'their places');
    const shown = [aMessage(1), { ...aMessage(2), violation: true }];
    node.show(seen(aView({ messages: { count: 2, shown } })));
    const told = ({ ticks }: LiveClient) => ticks.flatMap(({ views }) => views.map(({ view }) => view.messages));
    await until(() => [one, other].every((client) => told(client).length > 0), 'its view');
    const ids = (client: LiveClient) => told(client).map(({ count, shown }) => [count, idsOf(shown)]);
    assert.equal([one, other].map(ids), [[[2, [1, 2]]], [[2, [2]]]]);
    one.hangUp();
    other.hangUp();
  }),
);
Live(
  'sends of the messages of a peer only those that its own node has not reached, and violations',
  inWorld(async ({ port, node, url }) => {
    for (let i = 0; i < 3; i++) await fetch(`${url}/?message=x`, { method: 'POST' });
    const client = (await new LiveClient(port).opened()).want();
    await until(() => node.watchers.size === 1, 'a watch');
    const shown = [aMessage(1), { ...aMessage(2), violation: true }, aMessage(3), aMessage(4)];
    node.show(seen(aView({ node: 8002, messages: { count: 4, shown } })));
    await until(() => client.ticks.some(({ views }) => views.length > 0), 'its view');
    const [messages] = client.ticks.flatMap(({ views }) => views.map(({ view }) => view.messages));
    assert.equal([messages?.count, messages && idsOf(messages.shown)], [4, [2, 4]]);
    client.hangUp();
  }),
);
Live(
  'shows the inside of the actors only where that is switched on',
  inWorld(async ({ port, node }) => {
    const client = (await new LiveClient(port).opened()).want({ actors: true });
    await until(() => node.watchers.size === 1, 'a watch');
    assert.is([...node.watchers.values()][0]?.actors, false);
    assert.is(new LiveClient(port, { path: '/inspect' }).refused, undefined);
    client.hangUp();
  }),
);
Live.run();

// -------------------------------------------------------------------------------------------------------- the door

const Door = suite('door of the feed');

Door(
  'is closed, with a reason, for whoever says something else',
  inWorld(async ({ port, node }) => {
    for (const [said, code, reason] of [
      ['{"type":"send"}', 1008, 'unknown type "send"'],
      ['nonsense', 1008, 'not JSON'],
      [
        '{"type":"want","everyMs":1,"trace":false,"actors":false,"oneOf":1}',
        1008,
        'everyMs is 0 or an integer 100..10000',
      ],
      [Buffer.from('{}'), 1003, 'text frames only'],
      [`"${'x'.repeat(2000)}"`, 1009, 'message too long'],
    ] as const) {
      const client = await new LiveClient(port).opened();
      assert.equal(await client.say(said).ends(), { code, reason });
    }
    const flood = await new LiveClient(port).opened();
    for (let i = 0; i < 21; i++) flood.want();
    assert.equal(await flood.ends(), { code: 1008, reason: 'more than 20 messages in a second' });
    await until(() => node.watchers.size === 0, 'no watch is left');
  }),
);
Door(
  'is closed for pages of other sites, unless they are allowed, and for foreign names',
  inWorld(
    async ({ port }) => {
      const refused = async (headers: Record<string, string>): Promise<number | undefined> => {
        const client = new LiveClient(port, { headers });
        await until(() => client.closed !== undefined, 'a refusal');
        return client.refused;
      };
      assert.is(await refused({ Origin: 'https://evil.example' }), 403);
      assert.is(await refused({ 'Sec-Fetch-Site': 'cross-site' }), 403);
      assert.is(await refused({ Host: 'evil.example' }), 421);
      for (const origin of [`http://127.0.0.1:${port}`, 'https://app.example'])
        (await new LiveClient(port, { headers: { Origin: origin } }).opened()).hangUp();
    },
    { allowedOrigins: ['https://app.example'], apiToken: 'secret' },
  ),
);
Door(
  'lets so many in, and says to a plain request what it is',
  inWorld(
    async ({ port, url }) => {
      const both = await Promise.all([new LiveClient(port).opened(), new LiveClient(port).opened()]);
      const third = new LiveClient(port);
      await third.ends();
      assert.is(third.refused, 503);
      both[0].hangUp();
      await until(() => both[0].closed !== undefined, 'its end');
      let next: LiveClient | undefined;
      for (let tries = 0; next === undefined && tries < 100; tries++)
        next = await new LiveClient(port).opened().catch(() => undefined);
      assert.ok(next);
      assert.is((await fetch(`${url}/live`)).status, 426);
      assert.match(
        await (await fetch(`${url}/metrics`, { headers: { Accept: 'text/plain' } })).text(),
        /dlog_http_open_viewers\S* 2/,
      );
      next.hangUp();
      both[1].hangUp();
    },
    { limits: { maxViewers: 2 } },
  ),
);
Door('says 1001 when the node stops, and keeps points while nobody looks', async () => {
  const { anHttpWorld } = await import('../support/httpWorld.ts');
  const world = await anHttpWorld();
  const client = await new LiveClient(world.port).opened();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const later = await new LiveClient(world.port).opened();
  const [point] = later.hello?.history.points ?? [];
  assert.equal(point?.slice(1), [10, 1.5, 2.5]);
  const stopped = world.stop();
  assert.equal(await client.ends(), { code: 1001, reason: 'the node stops' });
  await later.ends();
  await stopped;
});
Door('keeps no latency that nobody measured: the leader measures it, and says it while somebody looks', async () => {
  const { anHttpWorld } = await import('../support/httpWorld.ts');
  const world = await anHttpWorld();
  const { node } = world;
  node.metricsPatch = { averageLatencyMs: 0, p95LatencyMs: 0 };
  /** Asks until there are more than so many. */
  const pointsBehind = async (count: number) => {
    for (;;) {
      const client = await new LiveClient(world.port).opened();
      client.hangUp();
      const points = client.hello?.history.points ?? [];
      if (points.length > count) return points;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const idle = await pointsBehind(0);
  assert.equal(idle[0]?.slice(1), [10, null, null], 'it leads, and nothing went in');
  node.statusPatch = { leaderId: 8002 };
  const away = await pointsBehind(idle.length);
  assert.equal(away.at(-1)?.slice(1), [10, null, null], 'nobody looks');
  const client = (await new LiveClient(world.port).opened()).want();
  await until(() => node.watchers.size === 1, 'a watch');
  const metrics = { ...aView().metrics, averageMs: 1.25, p95Ms: 4 };
  let seq = 0;
  const showing = setInterval(() => node.show(seen(aView({ node: 8002, seq: ++seq, metrics }))), 50);
  // To open and show may have taken a second or two: of the points since then the second is surely of a time that was shown.
  const since = await pointsBehind(0);
  const watched = await pointsBehind(since.length + 1);
  clearInterval(showing);
  assert.equal(watched.at(-1)?.slice(1), [10, 1.25, 4]);
  client.hangUp();
  await world.stop();
});
Door.run();
