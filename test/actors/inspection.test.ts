/** What inspection shows of actors, and that it is bounded whatever they hold. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assign, createActor, setup } from 'xstate';
import { bounded, type InspectedRecord, inspectActors } from '../../actors/inspection.ts';
import { service } from '../../actors/system.ts';

const counter = service<{ type: 'add' }, undefined>(() => {
  const state = { count: 0, receive: () => void state.count++ };
  return state;
});
const machine = setup({
  types: { context: {} as { secretBytes: Buffer; n: number }, events: {} as { type: 'go'; words: string } },
  actors: { counter },
  actions: { count: assign({ n: ({ context }) => context.n + 1 }) },
}).createMachine({
  id: 'machine',
  context: { secretBytes: Buffer.alloc(5000), n: 0 },
  invoke: { id: 'counter', systemId: 'counter', src: 'counter', input: undefined },
  initial: 'idle',
  states: { idle: { on: { go: { target: 'busy', actions: 'count' } } }, busy: {} },
});

const Inspection = suite('inspection');

Inspection('begins with all actors, parents first, and shows events and states as they come', () => {
  const root = createActor(machine).start();
  const records: InspectedRecord[] = [];
  const end = inspectActors(root, (make) => records.push(make()));
  assert.equal(
    records.map((record) => (record.type === '@xstate.actor' ? record.name : record.type)),
    [root.id, 'counter'],
  );
  const [first, second] = records;
  assert.ok(first?.type === '@xstate.actor' && second?.type === '@xstate.actor');
  assert.equal(Object.keys((JSON.parse(first.definition ?? '') as { states: object }).states), ['idle', 'busy']);
  assert.equal([second.parentId, second.definition], [root.sessionId, undefined]);
  records.length = 0;
  root.send({ type: 'go', words: 'x'.repeat(500) });
  const [event, snapshot] = records;
  assert.ok(event?.type === '@xstate.event' && snapshot?.type === '@xstate.snapshot');
  assert.is((event.event as { words: string }).words.length, 121);
  assert.equal(snapshot.snapshot, {
    status: 'active',
    value: 'busy',
    context: { secretBytes: '(5000 bytes)', n: 1 },
    error: undefined,
  });
  end();
  records.length = 0;
  root.send({ type: 'go', words: '' });
  assert.equal(records, [], 'nothing is attached any more');
});
Inspection('makes no record that nobody wants', () => {
  const root = createActor(machine).start();
  let offered = 0;
  inspectActors(root, () => offered++);
  root.send({ type: 'go', words: '' });
  assert.ok(offered > 2);
});
Inspection('shows anything as JSON of a few kilobytes', () => {
  const circle: Record<string, unknown> = { name: 'circle' };
  circle.self = circle;
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`member${i}`, 'x'.repeat(1000)]));
  const deep = Array.from({ length: 100 }).reduce<object>((inner) => ({ inner }), {});
  const broad = Array.from({ length: 30 }, () => Array.from({ length: 30 }, () => Array(30).fill('x'.repeat(500))));
  for (const value of [
    circle,
    wide,
    deep,
    broad,
    new Map([[{ a: 1 }, new Set([1n, Symbol('s')])]]),
    new Error('x'.repeat(9999)),
    [undefined, null, Number.NaN, () => 1],
    new Uint8Array(1e6),
  ]) {
    const text = JSON.stringify(bounded(value));
    assert.ok(text.length < 40_000, `${text.length} for ${text.slice(0, 80)}`);
  }
  assert.equal(bounded({ a: 1, f: () => 1, big: [1, { b: [2] }] }), { a: 1, big: [1, { b: '(Array)' }] });
});
Inspection.run();
