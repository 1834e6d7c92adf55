/**
 * `npm run demo`: a failover that plays by itself, on three dashboards side by side, and the film of it.
 *
 *   arguments, programs > a cluster > a stage > the play, filmed > film and loop
 *
 * D1. What is missing is told before anything is started.
 * D2. However it ends, also by Ctrl-C, nothing that was started here stays behind.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Understood, understand, usage, type Wanted } from './demo/commandLine.ts';
import { cut, encode, filmArguments, lengthMs, loopArguments, type Picture } from './demo/film.ts';
import { loopOf, type Marks } from './demo/pace.ts';
import { Missed, type Played, play } from './demo/play.ts';
import { type Recording, record } from './demo/recording.ts';
import { openBrowser, Stage } from './demo/stage.ts';
import { Standings } from './demo/standings.ts';
import { type Tools, toolsFor } from './demo/tools.ts';
import { numbersOf, words } from './demo/words.ts';
import { startCluster, Unusable } from './experiment/cluster.ts';
import { type Say, sayOn } from './experiment/say.ts';
import { isMain } from './main.ts';

/** How long the last picture stays. */
const lastMs = 1_000;
const megabyte = 1_000_000;
const sizeOf = (path: string): string => `${(statSync(path).size / megabyte).toFixed(1)} MB`;

/** D2. What was started, newest last; ended in reverse, once. */
class Ends {
  readonly #all: (() => unknown)[] = [];
  #isEnding: Promise<void> | undefined;

  add(end: () => unknown): void {
    if (this.#isEnding)
      void end(); // Came to be while all was being ended.
    else this.#all.push(end);
  }
  all(): Promise<void> {
    this.#isEnding ??= this.#run();
    return this.#isEnding;
  }
  async #run(): Promise<void> {
    for (const end of this.#all.reverse()) {
      try {
        await end();
      } catch {
        // It ends by itself, or did already; the others are ended all the same.
      }
    }
  }
}

interface Shot {
  readonly played: Played;
  readonly pictures: readonly Picture[];
}

async function shoot(wanted: Wanted, tools: Tools, folder: string, ends: Ends, say: Say): Promise<Shot> {
  const { language, headed, speed } = wanted;
  say.line('starting three nodes and a browser …');
  const starting = startCluster({ nodes: 3, port: null, wan: false, inspect: true });
  ends.add(async () => (await starting).end());
  const cluster = await starting;
  const launching = openBrowser(tools.chromium, headed);
  ends.add(async () => (await launching).close());
  const browser = await launching;
  const [first] = cluster.nodes;
  const stage = await Stage.open(browser, cluster.nodes, first?.url ?? '', language);
  const w = words[language];
  const kinds = { leads: w.leads, follows: w.follows, chooses: w.chooses, dead: w.dead } as const;
  const standings = new Standings(
    cluster,
    (node, kind) => void stage.standing(node, kind, kinds[kind]).catch(() => {}),
  );
  ends.add(() => standings.stop());
  const numbers = numbersOf(language);
  const began = performance.now();
  const scene = (name: string): void => {
    say.line(`  ${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s  ${name}`);
  };
  let recording: Recording | undefined;
  if (wanted.out !== null) recording = await record(stage.page, folder);
  const played = await play({ cluster, stage, standings, words: w, numbers, speed, say: scene });
  await recording?.stop();
  return { played, pictures: recording?.pictures ?? [] };
}

async function develop(
  pictures: readonly Picture[],
  marks: Marks,
  { out, folder, ffmpeg }: { readonly out: string; readonly folder: string; readonly ffmpeg: string },
  ends: Ends,
  say: Say,
): Promise<void> {
  mkdirSync(out, { recursive: true });
  const [first, last] = [pictures[0], pictures.at(-1)];
  if (first === undefined || last === undefined) throw new Missed('the browser gave no pictures');
  const whole = [{ fromMs: first.atMs, toMs: last.atMs + lastMs }];
  for (const [name, stretches, argumentsOf] of [
    ['demo.webm', whole, filmArguments],
    ['failover.webp', loopOf(marks), loopArguments],
  ] as const) {
    const path = join(out, name);
    const shown = cut(pictures, stretches);
    let told = -1;
    const encoding = encode(ffmpeg, folder, shown, argumentsOf, path, (share) => {
      const tenths = Math.floor(10 * share);
      if (tenths > told) say.progress(`${name}: ${10 * tenths} %`);
      told = tenths;
    });
    ends.add(() => encoding.end());
    await encoding.done;
    say.line(`${path}: ${(lengthMs(shown) / 1000).toFixed(1)} s, ${sizeOf(path)}`);
  }
}

async function perform(wanted: Wanted, tools: Tools, say: Say): Promise<void> {
  const ends = new Ends();
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    void ends.all().then(() => process.exit(130));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  const folder = mkdtempSync(join(tmpdir(), 'dlog-demo-'));
  ends.add(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  try {
    const { played, pictures } = await shoot(wanted, tools, folder, ends, say);
    const { acknowledged, messages, lost, doubled, violations } = played;
    say.line(
      `${acknowledged} writes acknowledged, ${messages} messages in each log: ${lost} lost, ${doubled} doubled, ${violations} causality violations`,
    );
    if (wanted.out !== null && tools.ffmpeg !== null) {
      await develop(pictures, played.marks, { out: wanted.out, folder, ffmpeg: tools.ffmpeg }, ends, say);
    }
  } catch (error) {
    if (isInterrupted) await new Promise(() => {}); // Whatever failed did so because it was ended; exit comes.
    throw error;
  } finally {
    await ends.all();
    for (const signal of signals) process.off(signal, interrupt);
  }
}

async function main(understood: Understood, say: Say): Promise<number> {
  switch (understood.kind) {
    case 'help':
      say.line(usage);
      return 0;
    case 'faulty':
      process.stderr.write(`npm run demo:\n  ${understood.faults.join('\n  ')}\n`);
      return 2;
    case 'play': {
      const tools = toolsFor(understood.wanted.out !== null); // D1.
      if ('chromium' in tools) {
        await perform(understood.wanted, tools, say);
        return 0;
      }
      process.stderr.write(`npm run demo:\n  ${tools.join('\n  ')}\n`);
      return 2;
    }
  }
}

if (isMain(import.meta.url)) {
  process.stdout.on('error', () => {}); // Whoever read may have gone; the play goes on.
  try {
    process.exitCode = await main(understand(process.argv.slice(2)), sayOn(process.stdout));
  } catch (error) {
    const isTold = error instanceof Unusable || error instanceof Missed;
    process.stderr.write(`npm run demo: ${isTold ? error.message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = error instanceof Unusable ? 2 : 1;
  }
}
