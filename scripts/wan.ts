/**
 * `npm run wan`: the three nodes of `npm start`, as far apart as three regions of the world. Their peer links run through
 * cables in this process, which take as long as the published round trips; clients are near.
 *
 * Everything else is as with `npm start`: dashboard, faults by --chaos, a node that is brought back by a command.
 */
import { Cable } from './cable.ts';
import { runCluster, understood } from './cluster.ts';
import { isMain } from './main.ts';
import { chanceOf } from './wan/chance.ts';
import { type WanOptions, type WanPlan, wanArgumentsOf, wanHelp, wanPlanOf } from './wan/wanPlan.ts';

/** Each has dice of its own: how much one is used does not change the luck of another. */
export function cablesOf({ cables }: WanPlan, { jitterMs, lossPercent, seed }: WanOptions): readonly Cable[] {
  return cables.map(({ from, to, port, target, rttMs }) => {
    const cable = new Cable(from, to, port, target, chanceOf(`${seed} ${from} ${to}`));
    cable.impose({ delayMs: rttMs / 2, jitterMs, lossPart: lossPercent / 100 });
    return cable;
  });
}

async function main(): Promise<void> {
  const options = understood('npm run wan', wanArgumentsOf(process.argv.slice(2)), wanHelp);
  const plan = wanPlanOf(options, process.env.LOG_DIR || 'logs');
  // One node alone uses the cables of the others' process.
  const cables = options.cluster.only === null ? cablesOf(plan, options) : [];
  await runCluster(plan, options.cluster, {
    ports: cables.map(({ port }) => port),
    open: async () => {
      for (const cable of cables) await cable.open();
    },
  });
}

if (isMain(import.meta.url)) await main();
