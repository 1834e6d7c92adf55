/**
 * What a node says of itself through ssh (gcp/ask-node.sh): from its text to figures. Pure.
 *
 *   boot <id of the VM's boot>
 *   image <what runs>
 *   {"status":"healthy", …}
 *   # HELP dlog_… and the other metrics
 */
import { asObject } from './step.ts';
import { jsonOf } from './world.ts';

export interface NodeWords {
  readonly boot: string;
  readonly image: string;
  readonly health: string;
  readonly nodeId: number | null;
  readonly leaderId: number | null;
  readonly role: string | null;
  readonly lastIndex: number | null;
  readonly commitIndex: number | null;
  readonly lastMessageId: number | null;
  /** Of each peer that it hears, in ms. */
  readonly rtts: ReadonlyMap<number, number>;
}

const line = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)/;

/** Undefined where these are no words of a node: it does not answer. */
export function nodeWordsOf(text: string): NodeWords | undefined {
  const lines = text.split('\n');
  const after = (word: string): string =>
    lines
      .find((one) => one.startsWith(`${word} `))
      ?.slice(word.length + 1)
      .trim() ?? '';
  const health = asObject(jsonOf(lines.find((one) => one.startsWith('{')) ?? ''));
  if (typeof health.status !== 'string') return undefined;
  const plain = new Map<string, number>();
  const rtts = new Map<number, number>();
  let role: string | null = null;
  for (const one of lines) {
    const [, name = '', labels, value = ''] = line.exec(one) ?? [];
    if (labels === undefined) plain.set(name, Number(value));
    else if (name === 'dlog_peer_rtt_seconds') rtts.set(Number(/peer="(\d+)"/.exec(labels)?.[1]), Number(value) * 1000);
    else if (name === 'dlog_role' && value === '1') role = /role="(\w+)"/.exec(labels)?.[1] ?? null;
  }
  const figure = (name: string): number | null => plain.get(`dlog_${name}`) ?? null;
  return {
    boot: after('boot'),
    image: after('image'),
    health: health.status,
    nodeId: typeof health.node_id === 'number' ? health.node_id : null,
    leaderId: typeof health.leader_id === 'number' ? health.leader_id : null,
    role,
    lastIndex: figure('last_index'),
    commitIndex: figure('commit_index'),
    lastMessageId: figure('last_message_id'),
    rtts,
  };
}
