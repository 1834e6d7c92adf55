/** The message API as clients see it: writes, reads, sessions, and what refuses them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorld } from '../support/httpWorld.ts';

const Writes = suite('http writes');
const asJson = (value: unknown) => ({
  method: 'POST',
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
});

Writes(
  'takes a message as JSON and says its place in the order',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'two']);
    const answer = await fetch(url, asJson({ message: 'three ✓' }));
    assert.is(answer.status, 200);
    assert.equal(await answer.json(), {
      id: 3,
      lamport_timestamp: 3,
      node_id: 8001,
      seen: 2,
      physical_timestamp: 1_700_000_000.25,
    });
    assert.is(answer.headers.get('lamport-time'), '3');
    assert.is(String(node.appends[0]?.contents[0]), 'three ✓');
  }),
);

Writes.run();

const Reads = suite('http reads');

Reads(
  'shows all messages in order as a JSON array',
  inWorld(async ({ url, node }) => {
    node.fill(['one', 'a "quoted"\n✓']);
    const answer = await fetch(`${url}/messages`);
    assert.is(answer.status, 200);
    assert.is(answer.headers.get('lamport-time'), '2');
    const common = { node_id: 8001, physical_timestamp: 1_700_000_000.25, seen: 0 };
    assert.equal(await answer.json(), [
      { id: 1, content: 'one', lamport_timestamp: 1, ...common },
      { id: 2, content: 'a "quoted"\n✓', lamport_timestamp: 2, ...common },
    ]);
  }),
);

Reads.run();
