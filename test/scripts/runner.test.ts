import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isWanted, mayTryAgain, planOf, summaryLine, type TestPlan, tierOf } from '../../scripts/test.ts';
import { type FileOutcome, runFile, suitesNotRun } from '../../scripts/testRun.ts';
import { needs } from '../support/needs.ts';
import { untilTrue } from '../support/waiting.ts';

const Files = suite('test files');
const Tiers = suite('test tiers');
const Needs = suite('needs');

const uvu = JSON.stringify(import.meta.resolve('uvu'));

/** Runs a planted test file. */
function planted(body: string, timeoutMs = 60_000): Promise<FileOutcome> {
  const path = join(mkdtempSync(join(tmpdir(), 'planted-')), 'planted.mjs');
  const source = `import { suite } from ${uvu};\nconst S = suite('planted');\n${body}`;
  writeFileSync(path, source);
  return runFile([path], source, { timeoutMs });
}
const counts = ({ passed, failed, skipped }: FileOutcome): string => `${passed} ${failed} ${skipped}`;

Files('pass when all their tests pass', async () => {
  const outcome = await planted(`S('a', () => {}); S('b', async () => {}); S.skip('c', () => {}); S.run();`);
  assert.is(counts(outcome), '2 0 1');
  assert.equal(outcome.troubles, []);
});

Files('fail with a failing test, and show it', async () => {
  const outcome = await planted(`S('a', () => {}); S('b', () => { throw new Error('broken'); }); S.run();`);
  assert.is(counts(outcome), '1 1 0');
  assert.match(outcome.output, 'broken');
});

Files('fail without .run()', async () => {
  const outcome = await planted(`S('a', () => {});`);
  assert.is(counts(outcome), '0 1 0');
  assert.match(outcome.troubles.join(), 'S.run() is missing');
});

Files('fail when only one of two suites is run', async () => {
  const outcome = await planted(`S('a', () => {}); S.run(); const T = suite('t'); T('b', () => {}); // T.run()`);
  assert.is(counts(outcome), '1 1 0');
  assert.match(outcome.troubles.join(), 'T.run() is missing');
});

for (const hook of ['before', 'after', 'before.each', 'after.each']) {
  Files(`fail when the hook ${hook} throws`, async () => {
    const outcome = await planted(
      `S.${hook}(() => { throw new Error('hook'); }); S('a', () => {}); S('b', () => {}); S.run();`,
    );
    assert.ok(outcome.failed >= 1, counts(outcome));
  });
}

Files('fail without a test', async () => {
  assert.is(counts(await planted('S.run();')), '0 1 0');
});

Files('fail when the process ends in the middle', async () => {
  assert.is(counts(await planted(`S('a', () => process.exit(0)); S.run();`)), '0 1 0');
});

Files('fail when the process ends badly after its tests', async () => {
  assert.is(
    counts(await planted(`S('a', () => { setTimeout(() => { throw new Error('late'); }, 50); }); S.run();`)),
    '1 1 0',
  );
});

Files('fail when they hang', async () => {
  const outcome = await planted(`S('a', () => new Promise(() => setInterval(() => {}, 1000))); S.run();`, 500);
  assert.is(counts(outcome), '0 1 0');
  assert.match(outcome.troubles.join(), 'ended after 0.5 s');
});

const alive = (pid: number): boolean => {
  try {
    // A zombie is as good as gone.
    return !/^\S+ \(.*\) Z/.test(execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8', stdio: 'pipe' }));
  } catch {
    return false;
  }
};

Files('leave no process behind, not even one of another group', async () => {
  const outcome = await planted(`
    import { spawn } from 'node:child_process';
    S('a', () => {
      const child = spawn('sleep', ['60'], { detached: true, stdio: 'inherit' });
      child.unref();
      console.log('pid=' + child.pid);
    });
    S.run();`);
  const pid = Number(/pid=(\d+)/.exec(outcome.output)?.[1]);
  assert.ok(pid > 0);
  await untilTrue('its death', () => !alive(pid)); // It has been killed, and may not have had the time to die.
  assert.is(counts(outcome), '1 1 0');
  assert.match(outcome.troubles.join(), 'left 1 process behind');
});

Files('are looked through for suites that nobody runs', () => {
  assert.equal(suitesNotRun(`const A = suite('a');\nconst B = suite<{ x: 1 }>('b');\nA.run();`), ['B']);
  assert.equal(suitesNotRun(`const A = suite('a');\nfor (const each of [A]) each.run();`), []);
});

Tiers('are decided by the place of a file', () => {
  assert.is(tierOf('test/actors/election.test.ts'), 'quick');
  assert.is(tierOf('test/processes/kill.test.ts'), 'processes');
  assert.is(tierOf('test/processes/torture.slow.test.ts'), 'slow');
  assert.is(tierOf('test/simulation/seeds.slow.test.ts'), 'slow');
});

Tiers('try again only what drives programs of others', () => {
  const guests = ['ui/dashboard.slow', 'http/openapiBrowser', 'image/image.slow', 'processes/monitoring.slow'];
  for (const name of guests) assert.ok(mayTryAgain(`test/${name}.test.ts`), name);
  const own = [
    'ui/feed',
    'processes/failover',
    'processes/torture.slow',
    'simulation/powerCut.slow',
    'model/model.slow',
  ];
  for (const name of own) assert.not.ok(mayTryAgain(`test/${name}.test.ts`), name);
});

const plan = (args: string[], env: NodeJS.ProcessEnv = {}): TestPlan => {
  const planned = planOf(args, env);
  if ('fault' in planned) throw new Error(planned.fault);
  return planned;
};

Tiers('are all run with CI set or --full, the slow one not otherwise', () => {
  const slow = 'test/a.slow.test.ts';
  assert.not.ok(isWanted(slow, plan([])));
  assert.ok(isWanted(slow, plan(['--full'])));
  assert.ok(isWanted(slow, plan([], { CI: 'true' })));
  assert.not.ok(isWanted(slow, plan([], { CI: 'false' })));
  assert.ok(isWanted('test/a.test.ts', plan([])));
});

Tiers('are filtered by words', () => {
  assert.ok(isWanted('test/a.slow.test.ts', plan(['slow'])));
  assert.not.ok(isWanted('test/b.test.ts', plan(['slow'])));
  assert.ok('fault' in planOf(['--fast'], {}));
});

Tiers('end with a line of counts', () => {
  assert.is(summaryLine(5, 0, 0), '5 passed, 0 failed');
  assert.is(summaryLine(5, 1, 2), '5 passed, 1 failed, 2 skipped');
});

Needs('skips with a word what is missing, and fails it where CI is set', () => {
  const nothing = { PATH: mkdtempSync(join(tmpdir(), 'empty-')) };
  const said: string[] = [];
  assert.is(
    needs('strace', nothing, (line) => said.push(line)),
    false,
  );
  assert.equal(said, ['skipped: strace is not installed (apt-get install strace)']);
  assert.throws(() => needs('strace', { ...nothing, CI: 'true' }), /apt-get install strace/);
});

Files.run();
Tiers.run();
Needs.run();
