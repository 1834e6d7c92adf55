import { runChaos } from '../support/chaos.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Environment: VOTERS=5, LATENCY=80 (ms), SMALL=1 (tiny segments and memory), DISK=1 (slow and rotting disks), STORY=n. */
const { VOTERS, LATENCY, SMALL, DISK } = process.env;
const [from = 1, to = 20, ms = 10_000] = process.argv.slice(2).map(Number);
for (let seed = from; seed <= to; seed++) {
  const began = performance.now();
  const count = VOTERS ? Number(VOTERS) : seed % 5 === 0 ? 5 : 3;
  const voters = Array.from({ length: count }, (_, i) => i + 1);
  const { cluster, ...r } = runChaos({
    seed,
    ms,
    voters,
    ...(LATENCY && { latencyMs: Number(LATENCY), jitterMs: Number(LATENCY) / 4 }),
    ...(SMALL && { segmentBytes: 32 * 1024, tailBytes: 4096 }),
    ...(DISK && { diskFaults: true }),
  });
  const bad = cluster.violations.length > 0;
  const { acknowledged, notDone, unknown, leaderships, trace } = r;
  const wallMs = (performance.now() - began).toFixed(0);
  say(
    `seed ${seed}  ${wallMs} ms  acknowledged ${acknowledged}  not done ${notDone}  unknown ${unknown}  ` +
      `leaderships ${leaderships}  trace ${trace}  ${bad ? 'VIOLATION' : 'ok'}`,
  );
  if (bad) {
    say([...new Set(cluster.violations)].slice(0, 12).join('\n'));
    if (process.env.STORY) say(`${r.faults.join('\n')}\n${cluster.story(Number(process.env.STORY))}`);
    break;
  }
}
