/**
 * One node as a child process of the cluster script.
 *
 * The child is a process group of its own: Ctrl-C in the terminal reaches the cluster script alone, which then ends the
 * nodes in good order. The IPC channel tells who leads; when the cluster script itself is killed the channel closes and
 * the node ends (serve.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isToCluster, type ToCluster, type ToNode } from './chaosMessages.ts';
import type { NodeReport } from './clusterLeader.ts';
import type { PlannedNode } from './clusterPlan.ts';
import type { Environment } from './config.ts';

export interface NodeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines that it said on stderr. */
  readonly lastWords: string;
}

export interface NodeProcess {
  readonly node: PlannedNode;
  readonly pid: number | undefined;
  readonly running: () => boolean;
  kill(signal: NodeJS.Signals): void;
  /** Lost when it has ended. */
  send(message: ToNode): void;
}

export interface NodeListener {
  reported(report: NodeReport): void;
  ordered(order: ToCluster): void;
  ended(end: NodeEnd): void;
}

const lastWordsBytes = 4096;

export function startNode(node: PlannedNode, env: Environment, listener: NodeListener): NodeProcess {
  let running = true;
  let lastWords = '';
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL('./serve.js', import.meta.url))], {
    env: { ...env },
    detached: true,
    // The JSON lines are in the node's log file; the terminal stays for people.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-lastWordsBytes);
  });
  child.on('message', (message) => {
    const report = reportIn(message);
    if (report !== undefined) listener.reported(report);
    else if (isToCluster(message)) listener.ordered(message);
  });
  const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (!running) return;
    running = false;
    listener.ended({ code, signal, lastWords: lastWords.trim() });
  };
  child.on('close', ended);
  child.on('error', (error) => {
    lastWords += error.message;
    if (child.pid === undefined) ended(null, null);
  });
  return {
    node,
    pid: child.pid,
    running: () => running,
    kill: (signal) => {
      if (running) child.kill(signal);
    },
    send: (message) => {
      if (running && child.connected) child.send(message, () => {}); // It may end just now.
    },
  };
}

function reportIn(message: unknown): NodeReport | undefined {
  const isReport =
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'status' &&
    'nodeId' in message &&
    'role' in message &&
    'leaderId' in message &&
    'epoch' in message &&
    'formed' in message &&
    'trouble' in message;
  return isReport ? (message as NodeReport) : undefined;
}
