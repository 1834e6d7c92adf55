import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LeaderNews, leaderOf, type NodeReport, waitingFor } from '../../scripts/clusterLeader.ts';

const Leader = suite('cluster leader');
const News = suite('cluster leader: what is told');

const report = (nodeId: number, role: string, leaderId: number | null, epoch: number): NodeReport => ({
  type: 'status',
  nodeId,
  role,
  leaderId,
  epoch,
  formed: true,
  trouble: null,
});
const ours = new Set([1, 2, 3]);

Leader('is the node that says so itself', () => {
  assert.is(leaderOf([report(1, 'follower', 3, 5), report(3, 'leading', 3, 5)], ours), 3);
  assert.is(leaderOf([report(1, 'follower', 3, 5), report(3, 'establishing', 3, 5)], ours), null);
});
Leader('is not the one that others still believe in', () => {
  assert.is(
    leaderOf([report(1, 'follower', 3, 5), report(2, 'follower', 3, 5), report(3, 'follower', null, 5)], ours),
    null,
  );
});
Leader('is the one of the newest epoch', () => {
  assert.is(leaderOf([report(3, 'leading', 3, 5), report(2, 'leading', 2, 6)], ours), 2);
});
Leader('may run elsewhere', () => {
  assert.is(leaderOf([report(1, 'follower', 9, 5)], ours), 9);
});

News('is who leads now, and after how long a gap', () => {
  const news = new LeaderNews(3);
  assert.is(news.note(3, 0), null);
  assert.is(news.note(null, 1000), null);
  assert.is(news.note(null, 1100), null);
  assert.is(news.leader, 3);
  assert.is(news.note(2, 1250), '2 leads now, after 0.25 s');
  assert.is(news.note(3, 9000), '3 leads now');
});
News('is not a gap too short to notice, after which the same one leads', () => {
  const news = new LeaderNews(3);
  news.note(null, 1000);
  assert.is(news.note(3, 1400), null);
});
News('is once that nobody leads, and then who leads again', () => {
  const news = new LeaderNews(3);
  assert.is(news.leaderless(3, 5000), null);
  news.note(null, 5000);
  assert.is(news.leaderless(3, 6000), null);
  assert.is(news.leaderless(3, 6001), 'nobody leads: writes are refused until 2 of 3 nodes see each other');
  assert.is(news.leaderless(3, 7000), null);
  assert.is(news.note(3, 8000), '3 leads again, after 3.0 s');
});

News('is of a node alone what it waits for: all the others once, and a majority from then on', () => {
  const alone = report(2, 'follower', null, 0);
  assert.is(
    waitingFor({ ...alone, formed: false }, [1, 3], [1, 2, 3]),
    '2 waits for the others: they become a cluster when 1, 2, 3 have all met once, and 1, 3 do not run',
  );
  assert.is(
    waitingFor(alone, [1], [1, 2, 3]),
    '2 waits for a leader: 2 of 3 nodes must see each other, and 1 does not run',
  );
});

for (const each of [Leader, News]) each.run();
