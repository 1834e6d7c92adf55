/**
 * `npm run torture`: real nodes under real faults, clients that note everything, and checkers over all of it.
 *
 * See `--help`. Leaves a JSON file and a picture in `results/`. Exit code 1 when anything was violated; then data and logs are kept there
 * as well. The seed repeats which faults come when and what clients do; the machine's timing it cannot repeat.
 */
import { parseArgs } from 'node:util';
import type { Fault } from './fault.ts';
import { allFaults, faultsWithCables, faultsWithPackets, isOfCables, isOfPackets } from './faults.ts';
import { reported } from './report.ts';

const usage = `npm run torture -- [--minutes 1] [--nodes 3] [--clients 16] [--faults kill,cut,…] [--seed S] [--out results] [--keep]

  --minutes M    for so long; 1 by default
  --nodes n      1, 3, 5 or 7 nodes on this machine; 3 by default
  --clients n    that write, read and tail all the time; 16 by default
  --faults a,b   these faults only; a word stands for all whose names begin with it, and 'packets' for those that need a
                 network of packets. By default all that need none, as far as this machine allows them
  --list         names all faults, and what those need that this machine does not allow
  --seed S       the faults and the calls of this run again; what the machine's timing made of them it cannot repeat
  --out DIR      where the figures (JSON) and the picture (SVG) go; results by default
  --keep         keeps data and logs of the nodes there too, as is done when anything was violated
Exit code: 0 all held, 1 something was violated, 2 the arguments were wrong.
`;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
function refuse(words: string): never {
  process.stderr.write(`npm run torture: ${words}\n\n${usage}`);
  process.exit(2);
}

function optionsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '1' },
        nodes: { type: 'string', default: '3' },
        clients: { type: 'string', default: '16' },
        faults: { type: 'string' },
        seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
        out: { type: 'string', default: 'results' },
        keep: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function numberOf(name: string, text: string, isValid: (value: number) => boolean): number {
  const value = Number(text);
  return text !== '' && isValid(value) ? value : refuse(`--${name} ${text} is not possible`);
}

/**
 * Faults by name; a word chooses all whose names begin with it. By default those of cables; `packets` alone stands for all
 * that go with a network of packets.
 */
function chosen(words: string | undefined): readonly Fault[] {
  if (words === undefined) return faultsWithCables;
  if (words === 'packets') return faultsWithPackets;
  const found = words.split(',').flatMap((word) => {
    const exact = allFaults.filter(({ name }) => name === word.trim());
    const meant = exact.length > 0 ? exact : allFaults.filter(({ name }) => name.startsWith(word.trim()));
    return meant.length > 0 ? meant : refuse(`no fault is called ${word}; --list shows them`);
  });
  if (found.some(isOfCables) && found.some(isOfPackets)) refuse('nodes are joined by cables or by packets: choose one');
  return found;
}

async function main(): Promise<void> {
  const given = optionsOf(process.argv.slice(2));
  if (given.help) return void process.stdout.write(usage);
  if (given.list) {
    for (const { name, needs } of allFaults) say(needs === undefined ? name : `${name}  (not here: ${needs})`);
    return;
  }
  const minutes = numberOf('minutes', given.minutes, (value) => value > 0);
  const nodes = numberOf('nodes', given.nodes, (value) => [1, 3, 5, 7].includes(value));
  const clients = numberOf('clients', given.clients, (value) => Number.isInteger(value) && value >= 1);
  const result = await reported({
    seed: given.seed,
    nodes,
    clients,
    faults: chosen(given.faults),
    length: { minutes },
    say,
    out: given.out,
    keep: given.keep,
    command: `npm run torture -- --minutes ${minutes} --nodes ${nodes} --clients ${clients} --seed ${given.seed}${
      given.faults === undefined ? '' : ` --faults '${given.faults}'`
    }`,
  });
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}

await main();
