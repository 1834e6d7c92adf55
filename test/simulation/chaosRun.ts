import { runChaos } from '../support/chaos.ts';

const [from = 1, to = 20, ms = 10_000] = process.argv.slice(2).map(Number);
for (let seed = from; seed <= to; seed++) {
  const began = performance.now();
  const voters = seed % 5 === 0 ? [1, 2, 3, 4, 5] : [1, 2, 3];
  const { cluster, ...r } = runChaos({ seed, ms, voters });
  const bad = cluster.violations.length > 0;
  console.log(seed, `${(performance.now() - began).toFixed(0)} ms`, r.acknowledged, r.notDone, r.unknown, r.leaderships, r.trace, bad ? 'VIOLATION' : 'ok');
  if (bad) {
    console.log([...new Set(cluster.violations)].slice(0, 12).join('\n'));
    if (process.env.STORY) console.log(r.faults.join('\n'), '\n', cluster.story(Number(process.env.STORY)));
    break;
  }
}
