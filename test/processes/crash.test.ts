/** All nodes end at once, and what must be on two disks before a client hears of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDone } from '../history/checkers.ts';
import { startLoad } from '../support/loadClient.ts';
import { needs } from '../support/needs.ts';
import { tell, until, withRunningCluster } from '../support/realCluster.ts';

const Crash = suite('kill -9 of all nodes');
const Disk = suite('an acknowledgement');

Crash('under load keeps every acknowledged message, once', async () => {
  await withRunningCluster({}, async (cluster) => {
    const load = startLoad({ targets: cluster.targets, connections: 48, patienceMs: 2_000, timeoutMs: 1_000 });
    await load.progress(1_500);
    await Promise.all(cluster.nodes.map((node) => node.kill('SIGKILL')));
    const operations = await load.stop();
    cluster.start();
    const ms = await cluster.ready();
    tell(`ready again after ${ms.toFixed(0)} ms, ${operations.filter(isDone).length} messages acknowledged`);
    assert.equal(await cluster.faults(operations), []);
    assert.is(await cluster.violations(), 0);
    assert.is((await cluster.node(1).post('goes on')).status, 200);
  });
});

// ------------------------------------------------------------------------------------------------ what strace sees

/** One system call that has come back. Times are seconds since 1970, of the system's clock. */
interface SystemCall {
  readonly name: string;
  readonly text: string;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly result: number;
}

/** Lines of `strace -f -ttt -T -y`, with what was unfinished put together again. */
function systemCallsIn(trace: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const unfinished = new Map<string, { text: string; beganAt: number }>();
  for (const line of trace.split('\n')) {
    const [, pid = '', seconds = '', rest = ''] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    const at = Number(seconds);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(pid, { text: rest.slice(0, -'<unfinished ...>'.length), beganAt: at });
      continue;
    }
    const begun = unfinished.get(pid);
    const text = resumed === undefined ? rest : `${begun?.text ?? ''}${resumed}`;
    const [, name, result, took] = /^(\w+)\(.*\) += (-?\d+)[^=]*? <([\d.]+)>$/.exec(text) ?? [];
    if (name === undefined) continue;
    const beganAt = resumed === undefined ? at : (begun?.beganAt ?? at);
    calls.push({ name, text, beganAt, endedAt: beganAt + Number(took), result: Number(result) });
  }
  return calls;
}

const pathOf = (text: string): string => /\((?:AT_FDCWD[^,]*, )?\d*<([^>]+)>/.exec(text)?.[1] ?? '';

/** When a text was durable in the log of this node: a write that syncs (O_DSYNC) has come back. */
function durableAt(calls: readonly SystemCall[], text: string): number | undefined {
  const write = calls.find(
    (each) =>
      /^pwrite/.test(each.name) && each.result > 0 && each.text.includes(text) && /segment-/.test(pathOf(each.text)),
  );
  if (!write) return undefined;
  const path = pathOf(write.text);
  const opened = calls.findLast(
    ({ name, text: line, endedAt }) => name === 'openat' && endedAt <= write.beganAt && line.includes(`<${path}>`),
  );
  return /\bO_DSYNC\b/.test(opened?.text ?? '') ? write.endedAt : undefined;
}

const Traced = needs('strace') ? Disk : Disk.skip;

Traced('comes only after two nodes have finished writing the message through to their disks', async () => {
  const traceOf = (id: number, folder: string): string => join(folder, `trace-${id}`);
  const calls = 'trace=openat,pwritev,pwrite64,fdatasync';
  await withRunningCluster(
    {
      // -D: the tracer is a process beside the node, so that signals reach the node itself.
      under: (id, folder) =>
        ['strace', '-D', '-f', '-ttt', '-T', '-y', '-s', '65536', '-e', calls].concat('-o', traceOf(id, folder)),
      env: { SUSPECT_MS: '2000', HEARTBEAT_MS: '100' },
    },
    async (cluster) => {
      const answered: { readonly text: string; readonly beganAt: number; readonly at: number }[] = [];
      for (let n = 0; n < 12; n++) {
        const text = `durable-before-the-answer-${n}.`;
        const beganAt = Date.now() / 1000;
        const { status } = await cluster.node((n % 3) + 1).post(text);
        answered.push({ text, beganAt, at: Date.now() / 1000 });
        assert.is(status, 200);
      }
      await Promise.all(cluster.nodes.map((node) => node.kill('SIGTERM')));
      const traces: SystemCall[][] = [];
      for (const node of cluster.nodes) {
        // The tracer writes its last lines after the node is gone.
        const last = new RegExp(`^${node.process?.pid} .*\\+\\+\\+ exited with`, 'm');
        const trace = await until(`the end of the trace of ${node.id}`, () => {
          const text = readFileSync(traceOf(node.id, cluster.folder), 'utf8');
          return last.test(text) ? text : undefined;
        });
        traces.push(systemCallsIn(trace));
      }
      let waitedMs = 0;
      for (const { text, beganAt, at } of answered) {
        // The clock of the trace has microseconds, that of this process milliseconds.
        const durable = traces.map((trace) => durableAt(trace, text) ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
        const [first = 0, second = 0] = durable;
        assert.ok(second <= at + 0.001, `${text} was durable at ${durable.join(', ')} and answered at ${at}`);
        assert.ok(first >= beganAt, `${text} was durable at ${first}, and sent only at ${beganAt}`);
        waitedMs += (second - beganAt) * 1000;
      }
      tell(
        `${answered.length} answers, each after the second disk, ${(waitedMs / answered.length).toFixed(1)} ms after the request`,
      );
    },
  );
});

for (const each of [Crash, Disk]) each.run();
