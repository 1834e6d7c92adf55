/**
 * The play, scene by scene, on a cluster where nothing was written yet. What the captions say of figures was measured in this
 * very run.
 *
 * P1. Nobody waits for ever: what does not come in time ends the play with a sentence.
 * P2. At the end all three logs are compared with what the clients were told.
 */
import { auditOf, logsOf, violationsOf } from '../experiment/audit.ts';
import { type Cluster, nodeOf, pause, soon } from '../experiment/cluster.ts';
import { Load } from '../experiment/load.ts';
import { longestGap } from '../experiment/statistics.ts';
import { holdMs, type Marks } from './pace.ts';
import { goTo, type Stage, scrollTo } from './stage.ts';
import type { Standings } from './standings.ts';
import type { Numbers, Words } from './words.ts';

/** Something on the stage did not happen. */
export class Missed extends Error {}

export interface Company {
  readonly cluster: Cluster;
  readonly stage: Stage;
  readonly standings: Standings;
  readonly words: Words;
  readonly numbers: Numbers;
  readonly speed: number;
  readonly say: (scene: string) => void;
}
export interface Played {
  readonly marks: Marks;
  readonly acknowledged: number;
  readonly messages: number;
  readonly lost: number;
  readonly doubled: number;
  readonly violations: number;
  /** Everything that is promised of the log is so. */
  readonly held: boolean;
}

/** Of each client, between two writes: readers are to see the messages come. */
const thinkMs = 350;
const timeoutMs = 10_000;
/** Longer than the scene: the play itself has the node started again. */
const deadMs = 300_000;
/** Of a machine that has little else to do it takes seconds. */
const electWithinMs = 60_000;
const backWithinMs = 120_000;
const countEveryMs = 250;
const letterMs = 45;
const sendBox = '.side .send';
/** A key of the diagram; from the newest event back, to what began the election. */
const previousElection = 'E';
const electionSteps = 5;
/** From there to when the dead one still led. */
const earlierPage = 'PageUp';

const isAcknowledged = ({ outcome }: { readonly outcome: string }): boolean => outcome === 'acknowledged';

export async function play({ cluster, stage, standings, words, numbers, speed, say }: Company): Promise<Played> {
  const ids = cluster.nodes.map(({ id }) => id);
  const now = (): number => Date.now();
  const tell = async (caption: string, leastMs = 0): Promise<void> => {
    await stage.caption(caption);
    await pause(holdMs(caption, leastMs, speed));
  };
  const wait = async <T>(what: string, withinMs: number, look: () => T | undefined | null): Promise<T> => {
    const found = await soon(() => look() ?? undefined, withinMs, 10);
    if (found === undefined) throw new Missed(`${what}: not within ${withinMs / 1000} s; ${standings.told}`);
    return found;
  };
  const everywhere = (act: (dashboard: ReturnType<Stage['dashboardOf']>) => Promise<void>): Promise<unknown> =>
    Promise.all(ids.map((id) => act(stage.dashboardOf(id))));

  say('title');
  // Of equal nodes the highest leads, though another one may until it has caught up; and so it does when it is back.
  const leader = Math.max(...ids);
  await wait(`${leader} leads`, electWithinMs, () => standings.leaderOfAll === leader || null);
  const survivors = ids.filter((id) => id !== leader);
  const [follower = 0] = survivors;
  await stage.card(words.title);
  await pause(holdMs('', 3_500, speed));
  await stage.card([]);

  say('three nodes');
  await tell(words.three(leader), 5_000);

  say('one message');
  await everywhere((dashboard) => scrollTo(dashboard, sendBox));
  const field = stage.dashboardOf(follower).locator('#message');
  await Promise.all([tell(words.typing(follower)), field.pressSequentially(words.typed, { delay: letterMs / speed })]);
  await field.press('Enter');
  await everywhere((dashboard) => dashboard.getByText(words.typed).first().waitFor());
  await everywhere((dashboard) => scrollTo(dashboard, sendBox)); // The list has grown.
  await tell(words.everywhere(numbers.count(1)), 4_500);

  say('three clients');
  const load = new Load(cluster, now, { name: words.text, homes: ids, moves: true, timeoutMs, thinkMs });
  const answeredAt = (): readonly number[] => load.writes.filter(isAcknowledged).map(({ atMs, ms }) => atMs + ms);
  const confirmed = (): number => 1 + load.writes.filter(isAcknowledged).length;
  const count = (): Promise<void> => stage.count(words.confirmed(numbers.count(confirmed())));
  const counting = setInterval(() => void count().catch(() => {}), countEveryMs);
  try {
    load.start();
    await tell(words.streaming, 7_000);

    say('space-time diagram');
    await scrollTo(stage.wide, '.trace-page .legend');
    await stage.showWide(true);
    await tell(words.spaceTime, 7_000);
    await stage.showWide(false);

    say(`${leader} is killed`);
    await everywhere((dashboard) => scrollTo(dashboard));
    await tell(words.before(leader), 3_000);
    await wait('a write is acknowledged', electWithinMs, () => answeredAt().at(0));
    const killed = now();
    const refused = await nodeOf(cluster, follower).chaos('kill', { node: leader, ms: deadMs });
    if (refused !== undefined) throw new Missed(`${leader} cannot be killed: ${refused}`);
    await stage.caption(words.killed(leader));
    const successor = await wait('another leads', electWithinMs, () =>
      standings.leader === leader ? null : standings.leader,
    );
    const agreed = now();
    await wait('a write is acknowledged again', electWithinMs, () => answeredAt().find((at) => at > agreed));
    const recovered = now();
    await pause(holdMs(words.killed(leader), 0, speed) / 2);
    const moments = answeredAt();
    const lastBefore = Math.max(...moments.filter((at) => at <= killed));
    const gap = longestGap(moments, lastBefore, recovered).ms;
    await tell(words.recovered(successor, numbers.seconds(gap)), 6_000);

    say('the failover in the diagram');
    await stage.showWide(true);
    await stage.caption(words.failover);
    await pause(holdMs('', 0, speed));
    const diagram = stage.wide.locator('.trace-page .keyed');
    for (let step = 0; step < electionSteps; step++) {
      await diagram.press(previousElection);
      await pause(holdMs(words.failover, 7_000, speed) / electionSteps);
    }
    await diagram.press(earlierPage);
    await pause(holdMs('', 2_500, speed));
    await stage.showWide(false);
    await goTo(stage.wide, 'actors'); // Drawn when its scene comes.

    say(`${leader} is started again`);
    const reviving = now();
    const stays = await nodeOf(cluster, follower).chaos('revive', { node: leader });
    if (stays !== undefined) throw new Missed(`${leader} cannot be started: ${stays}`);
    await stage.caption(words.reviving(leader));
    const shortest = pause(holdMs(words.reviving(leader), 0, speed));
    await wait(`${leader} leads again`, backWithinMs, () => standings.leaderOfAll === leader || null);
    const back = now();
    await shortest;
    await tell(words.back(leader, successor), 5_000);

    say('the actors');
    await stage.wide.locator('.actors-page .at-node').first().waitFor();
    await stage.showWide(true);
    await stage.caption(words.actors);
    await pause(holdMs('', 2_500, speed));
    await scrollTo(stage.wide, '.actors-page .at-node', 'start');
    await pause(holdMs(words.actors, 7_000, speed));

    say('the three logs are compared');
    const writes = await load.stop();
    await count();
    const audit = auditOf(writes, await logsOf(cluster, 0), 0); // P2.
    const violations = await violationsOf(cluster);
    const { messages, lost, moved, doubled, differing, disordered, unread, refusedButThere } = audit;
    const acknowledged = confirmed();
    const whole = lost + moved;
    const held = whole + doubled + differing + disordered + unread.length + refusedButThere + violations === 0;
    const balance = [
      ...words.balance(numbers.count(acknowledged), numbers.count(messages)),
      words.faults(numbers.count(whole), numbers.count(doubled), numbers.count(violations)),
    ];
    if (!held) throw new Missed(`the logs are not as promised: ${JSON.stringify({ ...audit, violations })}`);
    await stage.card(balance);
    await pause(holdMs(balance.join(' '), 5_000, speed));
    const marks: Marks = { killed, recovered, reviving, back };
    return { marks, acknowledged, messages, lost: whole, doubled, violations, held };
  } finally {
    clearInterval(counting);
    await load.stop();
  }
}
