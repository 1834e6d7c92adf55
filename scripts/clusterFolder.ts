/**
 * What a local cluster keeps on disk beside the nodes' own files: its secret, and a record of which nodes have their
 * folders here and whether their log is on disk at all.
 *
 * K1. Only folders that hold nothing but a node's files are ever removed.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ClusterOptions, Plan } from './clusterPlan.ts';

interface ClusterRecord {
  readonly version: 1;
  readonly ids: readonly number[];
  readonly memory: boolean;
}

export type Preparation =
  | { readonly kind: 'ready'; readonly said: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string };

/** Names that a node gives to its files (actors/log/segmentFiles.ts, identityFile.ts, storage/). */
const ownName = /^(?:identity|reserve|(?:quarantined-\d+-)?segment-\d+|\.new-.*|\.?lock.*)$/;

/** Names in a folder that no node has put there; undefined when there is no such folder. */
function strangersIn(folder: string): readonly string[] | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || !ownName.test(entry.name))
    .map((entry) => entry.name);
}

/** Makes the folder ready for a start, or says why not. Does nothing to a node's folder that it was not asked to do. */
export function prepareFolder(plan: Plan, options: ClusterOptions): Preparation {
  const record = recordIn(plan.recordFile);
  const ids = plan.nodes.map(({ id }) => id);
  if (options.only !== null) {
    const same = record !== undefined && record.ids.join() === ids.join() && record.memory === options.memory;
    if (!same || !existsSync(plan.secretFile)) {
      return {
        kind: 'refused',
        reason: `${options.dataDir} does not hold a cluster of nodes ${ids.join(', ')}${options.memory ? ' in memory' : ''}. Start the whole cluster first: ${plan.launcher.command}`,
      };
    }
    return { kind: 'ready', said: [] };
  }

  const folders = plan.nodes.map(({ dataDir }) => dataDir).filter((folder) => existsSync(folder));
  const said: string[] = [];
  const logIsGone = record?.memory === true;
  if (folders.length > 0 && options.memory && !options.fresh && !logIsGone) {
    return {
      kind: 'refused',
      reason: `${folders.join(', ')}: a log is kept here on disk. --memory would start without it: add --fresh to remove it, or choose another folder with --data`,
    };
  }
  if (folders.length > 0 && !options.fresh && record !== undefined && record.ids.join() !== ids.join()) {
    return {
      kind: 'refused',
      reason: `${options.dataDir} holds a cluster of nodes ${record.ids.join(', ')}, and its nodes are fixed for good. Start it with --nodes ${record.ids.length}, add --fresh to remove it, or choose another folder with --data`,
    };
  }
  if (options.fresh || logIsGone) {
    const refusal = removeFolders(folders);
    if (refusal !== undefined) return { kind: 'refused', reason: refusal };
    if (folders.length > 0) {
      const why = options.fresh ? '' : ': the log was in memory only and is gone, so the cluster starts afresh';
      said.push(`removed ${folders.join(', ')}${why}`);
    } else if (options.fresh) said.push('nothing to remove');
  }

  mkdirSync(dirname(plan.secretFile), { recursive: true });
  if (!existsSync(plan.secretFile)) {
    writeFileSync(plan.secretFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  }
  const next: ClusterRecord = { version: 1, ids, memory: options.memory };
  writeFileSync(plan.recordFile, `${JSON.stringify(next)}\n`);
  return { kind: 'ready', said };
}

/** K1: all are looked at before the first is removed. */
function removeFolders(folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const strangers = strangersIn(folder) ?? [];
    if (strangers.length > 0) {
      return `${folder} holds ${strangers.slice(0, 3).join(', ')}: not from a node, so nothing was removed. Move it away, or choose another folder with --data`;
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true });
  return undefined;
}

function recordIn(path: string): ClusterRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'ids' in parsed && Array.isArray(parsed.ids)
      ? (parsed as ClusterRecord)
      : undefined;
  } catch {
    return undefined;
  }
}
