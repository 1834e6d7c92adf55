/**
 * Types what the README and docs/api.md show into a real cluster, line by line, and compares what comes back. Ids must be the same; other
 * numbers are times, and differ.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause, type RealCluster, untilTrue, withCluster } from '../support/realCluster.ts';

interface Shown {
  readonly command: string;
  readonly output: string;
}

/** In this order: what the second shows goes on where the first ends. */
const pages = ['README.md', 'docs/api.md']
  .map((path) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8'))
  .join('\n');

/** Commands and outputs of the consoles, in order; `npm` ones have their tests elsewhere. */
const shown: readonly Shown[] = [...pages.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { command: text.slice(0, end), output: text.slice(end + 1).trim() };
    })
    .filter(({ command }) => !command.startsWith('npm')),
);

/** `--json` came with curl 7.82. */
function curlIsThere(): boolean {
  const [, major = 0, minor = 0] =
    /^curl (\d+)\.(\d+)/.exec(spawnSync('curl', ['--version']).stdout?.toString() ?? '') ?? [];
  if (Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 82)) return true;
  const advice = 'curl 7.82 or newer is not installed (apt-get install curl)';
  if (process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false') throw new Error(advice);
  process.stdout.write(`\nskipped: ${advice}\n`);
  return false;
}

/** A text of the pages as it must be typed here: ports are others, and so are session tokens. */
function typed(command: string, cluster: RealCluster, tokens: ReadonlyMap<string, string>): string {
  const ported = command.replace(/127\.0\.0\.1:800(\d)/g, (_, n) => `127.0.0.1:${cluster.node(Number(n)).port}`);
  const tokened = ported.replace(/(lamport-time: )(\d+)/, (_, name, time) => `${name}${tokens.get(time) ?? time}`);
  // A live tail ends with its reader.
  return tokened
    .replace('curl --no-buffer', 'curl --max-time 1 --no-buffer')
    .replaceAll(/\bcurl (?!--silent)/g, 'curl --silent ');
}

/** Every number but ids and counts becomes 0. */
const masked = (text: string): string =>
  text.replace(/"(?:id|first_id|count)":\d+|\d+(?:\.\d+)?(?:e-?\d+)?/g, (found) =>
    found.startsWith('"') ? found : '0',
  );

const Readme = suite('README and docs/api.md');
const run = curlIsThere() ? Readme : Readme.skip;

run('show what a cluster really answers', async () => {
  assert.ok(shown.length > 20, `${shown.length} commands are shown`);
  await withCluster({}, async (cluster) => {
    cluster.start();
    await cluster.ready();
    await cluster.leads(3); // As the pages have it.
    const tokens = new Map<string, string>();
    for (const { command, output } of shown) {
      if (command.includes('/relation/')) await fill(cluster, command);
      if (output.includes('"NO_LEADER"')) {
        for (const id of [2, 3]) await cluster.kill(id);
        await untilTrue('1 to know', async () => (await cluster.node(1).health())?.status === 503);
      } else {
        // A reader without a token may be some milliseconds too early at another node; a person is not.
        for (const node of cluster.nodes) await node.messages();
      }
      const line = typed(command, cluster, tokens);
      const found = await answerTo(line, (text) => mask(text, command) === mask(output, command));
      const [shownToken, realToken] = [output, found].map((text) => /^Lamport-Time: (\d+)/m.exec(text)?.[1]);
      if (shownToken !== undefined && realToken !== undefined) tokens.set(shownToken, realToken);
      assert.is(mask(found, command), mask(output, command), line);
    }
  });
});

/** What only reads is asked again, for a while: nobody may have led for a moment, and a tail that is cut off be slow. */
async function answerTo(line: string, isAsShown: (text: string) => boolean): Promise<string> {
  const ask = (): string => spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 20_000 }).stdout.trim();
  let found = ask();
  if (/ --(?:json|data|request) /.test(line)) return found;
  for (let again = 0; again < 10 && !isAsShown(found); again++) {
    await pause(500);
    found = ask();
  }
  return found;
}

/** Chance: which of two messages sent at once is first, or saw the other; and whether a node led for a moment. */
const mask = (text: string, command: string): string =>
  command.includes('/relation/')
    ? text.replace(/before|after|concurrent/, 'some relation')
    : masked(text).replace(/("latency_measurements":)\[.*?\]/, '$1[]');

/** As many messages as the command names. */
async function fill(cluster: RealCluster, command: string): Promise<void> {
  const newest = Math.max(...[...command.matchAll(/\/(\d+)/g)].map(([, id]) => Number(id)));
  for (;;) {
    const { id } = (await cluster.node(1).post('more')).json as { id: number };
    if (id >= newest) return;
  }
}

Readme.run();
