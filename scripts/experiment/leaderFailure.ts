/**
 * The leader is killed, again and again, while clients write: when is that noticed, when does a majority agree on another,
 * when is a write acknowledged again, and for how long was none?
 */
import { auditOf, logsOf, newestId, promisesOf, violationsOf } from './audit.ts';
import { type Cluster, leaderOf, majorityOf, nodeOf, pause, settled, soon, Unusable } from './cluster.ts';
import type { Context, Measured } from './experiment.ts';
import { Load, spread } from './load.ts';
import type { FailureRound, LeaderSpell, WriteSample } from './results.ts';
import { longestGap, ms, spreadOf } from './statistics.ts';
import { LeaderWatch, storiesOf } from './watch.ts';

const clients = 6;
const thinkMs = 20;
/** Of the load before the kill and after a write got through again. */
const beforeMs = 1_000;
const afterMs = 1_500;
const agreeWithinMs = 30_000;
const backWithinMs = 60_000;
const usualWithinMs = 15_000;

/** Starts it again where somebody is there who can; else whatever watches over it does. */
async function revive(cluster: Cluster, killed: number): Promise<void> {
  for (const node of cluster.nodes) {
    if (node.id !== killed && (await node.chaos('revive', { node: killed })) === undefined) return;
  }
}

/** From the kill on, the first moment that a survivor named somebody else or nobody. */
function noticedAt(spells: readonly LeaderSpell[], killed: number, killedAt: number): number | null {
  const others = spells.filter(({ node, leader, fromMs }) => node !== killed && leader !== killed && fromMs > killedAt);
  return others.length === 0 ? null : Math.min(...others.map(({ fromMs }) => fromMs));
}

const since = <T extends { readonly atMs: number }>(at: number, all: readonly T[]): readonly T[] =>
  all.map((each) => ({ ...each, atMs: ms(each.atMs - at) }));
const spellsSince = (at: number, spells: readonly LeaderSpell[]): readonly LeaderSpell[] =>
  spells.map((spell) => ({ ...spell, fromMs: ms(spell.fromMs - at), toMs: ms(spell.toMs - at) }));

/** Who leads by right takes over again a while after it is back; till then the next round would be disturbed by that. */
async function leaderAgain(cluster: Cluster, usual: number): Promise<number> {
  await soon(async () => ((await leaderOf(cluster)) === usual ? true : undefined), usualWithinMs, 100);
  const leader = await settled(cluster, backWithinMs);
  if (leader === null) throw new Unusable('the nodes do not come to agree on a leader');
  return leader;
}

async function round(context: Context, number: number, usual: number): Promise<FailureRound> {
  const { cluster, now, name, say } = context;
  const leader = await leaderAgain(cluster, usual);
  const homes = spread(
    clients,
    cluster.nodes.map(({ id }) => id),
  );
  const watch = new LeaderWatch(cluster, now).start();
  const load = new Load(cluster, now, { name: `${name} ${number}`, homes, moves: true, timeoutMs: 10_000, thinkMs });
  load.start();
  await pause(beforeMs);

  say.progress(`round ${number}: ${leader} is killed`);
  const killedAt = now();
  cluster.broken.set('killed', () => revive(cluster, leader));
  const refused = await nodeOf(cluster, leader).chaos('kill', undefined);
  if (refused !== undefined) throw new Unusable(`${leader} cannot be killed: ${refused}`);
  const successor = await soon(
    () => (watch.leader !== null && watch.leader !== leader ? watch.leader : undefined),
    agreeWithinMs,
    2,
  );
  const agreedAt = now();
  let writtenAt: number | null = null;
  const probes: WriteSample[] = [];
  if (successor !== undefined) {
    const survivor = cluster.nodes.find(({ id }) => id !== leader) ?? nodeOf(cluster, successor);
    const message = `${name} ${number} probe`;
    const atMs = ms(now());
    const { outcome, id } = await survivor.write(message, { key: message.replaceAll(' ', '-') });
    const sample = { client: 0, node: survivor.id, message, atMs, ms: ms(now() - atMs), outcome };
    probes.push(id === undefined ? sample : { ...sample, id });
    if (outcome === 'acknowledged') writtenAt = now();
  }
  await pause(afterMs);
  const writes = [...(await load.stop()), ...probes];
  const endedAt = now();
  const story = await storiesOf(cluster, killedAt - beforeMs, Date.now() - now());

  say.progress(`round ${number}: ${leader} is started again`);
  const revivedAt = now();
  await revive(cluster, leader);
  cluster.broken.delete('killed');
  const back = await soon(() => (watch.leaderOfAll === null ? undefined : now()), backWithinMs, 20);
  const spells = (await watch.stop()).filter(({ fromMs }) => fromMs < endedAt);

  const acknowledgedAt = writes
    .filter(({ outcome }) => outcome === 'acknowledged')
    .map((write) => write.atMs + write.ms);
  const lastBefore = Math.max(killedAt - beforeMs, ...acknowledgedAt.filter((at) => at <= killedAt));
  // By the probe it is over; what comes later has other reasons.
  const gap = longestGap(acknowledgedAt, lastBefore, writtenAt ?? endedAt);
  const noticed = noticedAt(spells, leader, killedAt);
  const step = (at: number | null | undefined, from = killedAt): number | null =>
    at === null || at === undefined ? null : ms(at - from);
  return {
    killed: leader,
    successor: successor ?? null,
    stepsMs: {
      noticed: step(noticed),
      agreed: successor === undefined ? null : step(agreedAt),
      written: step(writtenAt),
      back: step(back, revivedAt),
    },
    gap: { fromMs: ms(gap.fromMs - killedAt), ms: gap.ms },
    refused: writes.filter(({ outcome, code }) => outcome !== 'acknowledged' && code !== 'NO_ANSWER').length,
    samples: since(killedAt, writes),
    leaders: spellsSince(killedAt, spells),
    story: since(killedAt, story),
  };
}

const inWords = (value: number | null): string => (value === null ? 'never' : `${Math.round(value)} ms`);

export async function leaderFailure(context: Context): Promise<Measured<'leader-failure'>> {
  const { cluster, settings, say } = context;
  const usual = await settled(cluster, backWithinMs);
  if (usual === null) throw new Unusable('nobody leads');
  const after = await newestId(cluster);
  const rounds: FailureRound[] = [];
  const times = settings.rounds === 1 ? 'once' : `${settings.rounds} times`;
  say.line(`${times}: kill the leader of ${cluster.nodes.length} while ${clients} clients write`);
  for (let number = 1; number <= settings.rounds; number++) {
    const done = await round(context, number, usual);
    rounds.push(done);
    const { noticed, agreed, written, back } = done.stepsMs;
    say.line(
      `  ${done.killed} killed: noticed ${inWords(noticed)}, ${done.successor ?? 'nobody'} leads ${inWords(agreed)}, ` +
        `a write ${inWords(written)}; longest gap ${inWords(done.gap.ms)}; started again and all well ${inWords(back)}`,
    );
  }
  await settled(cluster, backWithinMs);
  const violations = await violationsOf(cluster);
  const writes = rounds.flatMap(({ samples }) => samples);
  const audit = auditOf(writes, await logsOf(cluster, after), after);
  const known = (of: (done: FailureRound) => number | null): number[] =>
    rounds.map(of).filter((value) => value !== null);
  const refused = rounds.reduce((sum, done) => sum + done.refused, 0);
  const recovered = known(({ stepsMs }) => stepsMs.written);
  const back = known(({ stepsMs }) => stepsMs.back);
  return {
    parameters: { rounds: settings.rounds, clients },
    samples: rounds,
    figures: {
      rounds: rounds.length,
      agreedMs: spreadOf(known(({ stepsMs }) => stepsMs.agreed)),
      recoveredMs: spreadOf(recovered),
      gapMs: spreadOf(rounds.map(({ gap }) => gap.ms)),
      backMs: spreadOf(back),
      acknowledged: audit.acknowledged,
      refused,
      lost: audit.lost,
    },
    promises: [
      {
        promise: 'whenever the leader is killed, a majority agrees on another and takes writes',
        held: recovered.length === rounds.length,
        detail: `${recovered.length} of ${rounds.length} times, with ${majorityOf(cluster)} of ${cluster.nodes.length} nodes needed`,
      },
      {
        promise: 'writes at the survivors wait for the new leader and are not refused',
        held: refused === 0,
        detail: `${refused} not acknowledged by a node that lived`,
      },
      {
        promise: 'who was killed comes back and all agree on one leader',
        held: back.length === rounds.length,
        detail: `${back.length} of ${rounds.length} times`,
      },
      ...promisesOf(audit, violations),
    ],
  };
}
