import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { start } from '../../actors/protocol/epoch.ts';
import type { Ping } from '../../actors/protocol/frames.ts';
import { PeerTable } from '../../actors/protocol/peerTable.ts';
import { at, e } from '../support/actorWorld.ts';
import { aPing } from '../support/pipelineWorld.ts';

const Peers = suite('seeing (PROTOCOL §5)');
const TS = 250;

/** Each peer answered a ping of this node that was sent at `sentAt`. */
function seen(table: PeerTable, peer: number, sentAt: number, ping: Partial<Ping> = {}, now = sentAt): void {
  table.pinged(peer, aPing(ping), sentAt, now, TS);
}

Peers('a peer is up by a round trip to a ping that this node sent, not by its pings (A1)', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  table.pinged(2, aPing(), -1, 1000, TS);
  assert.not.ok(table.up(2, 1000, TS));
  seen(table, 2, 1000);
  assert.ok(table.up(2, 1000, TS));
  assert.ok(table.up(2, 1000 + TS, TS));
  assert.not.ok(table.up(2, 1001 + TS, TS));
});

Peers('an answer that comes late counts from when the ping was sent', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  seen(table, 2, 1000, {}, 1300);
  assert.not.ok(table.up(2, 1300, TS));
});

Peers('an older round trip does not take back a newer one', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  seen(table, 2, 1000);
  seen(table, 2, 800, {}, 1001);
  assert.ok(table.up(2, 1200, TS));
});

Peers('a majority, this node included, makes quorumConnected', () => {
  const table = new PeerTable(1, 0, [1, 2, 3, 4, 5]);
  assert.not.ok(table.quorumConnected(0, TS));
  seen(table, 2, 0);
  assert.not.ok(table.quorumConnected(0, TS));
  seen(table, 3, 0);
  assert.ok(table.quorumConnected(0, TS));
  assert.not.ok(table.quorumConnected(TS + 1, TS));
  assert.ok(table.quorumConnected(TS + 1, 2 * TS));
  assert.ok(new PeerTable(1, 0, [1]).quorumConnected(0, TS));
});

Peers('a closed connection ends it at once (R19)', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  seen(table, 2, 0);
  table.closed(2);
  assert.not.ok(table.up(2, 0, TS));
  assert.is(table.upSince(2), Number.POSITIVE_INFINITY);
});

Peers('upSince begins anew when a peer comes back, not with every ping', () => {
  const table = new PeerTable(1, 0, [1, 2]);
  seen(table, 2, 100);
  seen(table, 2, 200);
  assert.is(table.upSince(2), 100);
  seen(table, 2, 900);
  assert.is(table.upSince(2), 900);
});

Peers('higher is priority first, then the id', () => {
  const table = new PeerTable(2, 5, [1, 2, 3]);
  assert.ok(table.outranks(2, 3));
  table.greeted(3, 5);
  assert.ok(table.outranks(3, 2));
  table.greeted(1, 6);
  assert.ok(table.outranks(1, 3));
  assert.not.ok(table.outranks(3, 1));
});

Peers('electable is who is up, quorumConnected, willing and near', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  const can = (): boolean => table.electable(2, start, 0, TS);
  assert.not.ok(can());
  seen(table, 2, 0);
  assert.ok(can());
  for (const unelectable of ['damaged', 'grey', 'leaving', 'unbound', 'disconnected', 'disk'] as const) {
    seen(table, 2, 0, { unelectable });
    assert.not.ok(can(), unelectable);
  }
  seen(table, 2, 0, { quorumConnected: false });
  assert.not.ok(can());
  seen(table, 2, 0);
  assert.ok(can());
  assert.not.ok(table.electable(2, start, TS + 1, TS));
  assert.not.ok(table.electable(9, start, 0, TS));
});

Peers('who lags more than the bound and more than a second is not electable', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  const far = 1_000_000;
  seen(table, 2, 0, { position: at(e(1, 1), 10) });
  assert.ok(table.electable(2, at(e(1, 1), 10), 0, TS));
  seen(table, 2, 100, { position: at(e(1, 1), 10) });
  assert.ok(table.electable(2, at(e(1, 1), far), 100, TS), 'a second has not gone by');
  seen(table, 2, 1500, { position: at(e(1, 1), 10) });
  assert.not.ok(table.electable(2, at(e(1, 1), far), 1500, TS));
  seen(table, 3, 1500, { position: at(e(1, 1), far) });
  assert.not.ok(table.ownLogIsNear(at(e(1, 1), 5), 1500));
  // What others had for a while and lost again counts no more: they could never become near to it.
  seen(table, 3, 1500, { position: at(e(1, 1), 10) });
  assert.ok(table.ownLogIsNear(at(e(1, 1), 5), 2600));
  seen(table, 2, 1501, { position: at(e(1, 1), far - 50_000) });
  assert.ok(table.electable(2, at(e(1, 1), far), 1501, TS));
});

Peers('rank counts the electable ones above (R15)', () => {
  const table = new PeerTable(2, 0, [1, 2, 3, 4, 5]);
  assert.is(table.rank(start, 0, TS), 0);
  for (const peer of [1, 3, 5]) seen(table, peer, 0);
  assert.is(table.rank(start, 0, TS), 2);
  seen(table, 5, 0, { unelectable: 'grey' });
  assert.is(table.rank(start, 0, TS), 1);
  assert.equal(table.betterLeaders(start, 0, TS), [3]);
  assert.equal(table.successors(start, 0, TS), [3, 1]);
});

Peers('a stranger is not noted', () => {
  const table = new PeerTable(1, 0, [1, 2, 3]);
  seen(table, 9, 0);
  table.greeted(9, 100);
  table.closed(9);
  assert.equal(table.peers, [2, 3]);
  assert.not.ok(table.up(9, 0, TS));
});

Peers.run();
