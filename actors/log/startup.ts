/**
 * Start of a node from its disk: identity, log, boot number; what a restart finds decides who this node is (R-D1a, R-D3,
 * R-D4, R25).
 *
 *   read identity --empty--> draw an incarnation, save --> read log --clean, torn--> count the boot, save --> recovered
 *                 --found-------------------------------->          --damaged------> save `damaged`, quarantine --^
 *
 * A1. Incarnation and boot are on disk before anybody hears of this node; `damaged` before anything is put aside.
 * A2. A bound node without a log has lost it: that is damage, not a fresh start (also `--memory` after a restart).
 */

import type { Recovered, Violation } from '../events.ts';
import type { Dice, Disk, DiskError, Failpoints, LogLines } from '../ports.ts';
import type { Batch } from '../protocol/batch.ts';
import { decodeBatch } from '../protocol/batch.ts';
import type { Index, NodeId } from '../protocol/epoch.ts';
import { drawId, type Identity, sameMembers } from '../protocol/identityRecord.ts';
import { KeyTable, keyedWrites } from '../protocol/keyTable.ts';
import { Desk } from './desk.ts';
import { IdentityFile } from './identityFile.ts';
import { type Recovered as RecoveredSegments, SegmentedLog } from './segments.ts';

export interface RecoveryInput {
  readonly nodeId: NodeId;
  readonly voters: readonly NodeId[];
  readonly disk: Disk;
  readonly dice: Dice;
  readonly log: LogLines;
  readonly failpoints: Failpoints;
  readonly segmentBytes: number;
  readonly tailBytes: number;
  /** Of idempotency keys: see keyTable.ts. */
  readonly keptEntries: number;
  readonly keptKeys: number;
  /** The log's segments are kept in memory. */
  readonly memory: boolean;
}

export type StartOutcome =
  | { readonly kind: 'recovered'; readonly desk: Desk; readonly recovered: Recovered }
  | { readonly kind: 'failed'; readonly reason: string };

export function recoverNode(input: RecoveryInput, done: (outcome: StartOutcome) => void): void {
  const fail = (reason: string): void => done({ kind: 'failed', reason });
  const file = new IdentityFile(input.disk);
  const begin = (identity: Identity): void =>
    file.save(identity, (saved) =>
      saved.kind === 'saved' ? recoverLog(input, file, identity, done) : fail(words('the identity', saved.error)),
    );
  file.read((outcome) => {
    if (outcome.kind === 'failed') return fail(`the identity cannot be read: ${outcome.error.message}`);
    if (outcome.kind === 'lost')
      return fail(
        `IDENTITY_LOST: ${outcome.why}. This node must not vote as itself again: bring back its folder from the same ` +
          'disk; or stop all nodes, and start a new cluster in empty folders',
      );
    if (outcome.kind === 'found') {
      const wrong = foreign(outcome.identity, input);
      if (wrong) return fail(wrong);
      const found: Identity = { ...outcome.identity, membership: input.voters };
      // No start has come to its end here: what was read may be in the cache alone, and must be durable before any segment.
      return found.boot === 0 ? begin(found) : recoverLog(input, file, found, done);
    }
    const identity: Identity = {
      clusterId: null,
      nodeId: input.nodeId,
      incarnation: drawId(() => input.dice.next()),
      roster: null,
      membership: input.voters,
      promised: 0,
      boot: 0,
      damaged: false,
    };
    begin(identity);
  });
}

const words = (what: string, error: DiskError): string => `${what} cannot be written: ${error.message}`;

function foreign(identity: Identity, { nodeId, voters }: RecoveryInput): string | null {
  if (identity.nodeId !== nodeId)
    return `this folder belongs to node ${identity.nodeId}, not to ${nodeId}: give each node its own DATA_DIR`;
  if (identity.clusterId !== null && !sameMembers(identity.membership, voters))
    return (
      `CONFIG_MISMATCH: this folder belongs to a cluster of the voters ${identity.membership.join(', ')}, ` +
      `PEERS names ${voters.join(', ')}: set PEERS as it was, or use an empty DATA_DIR for a new cluster`
    );
  return null;
}

function recoverLog(
  input: RecoveryInput,
  file: IdentityFile,
  identity: Identity,
  done: (outcome: StartOutcome) => void,
): void {
  const fail = (reason: string): void => done({ kind: 'failed', reason });
  const { segmentBytes, tailBytes, log } = input;
  const segments = new SegmentedLog(input.disk, { segmentBytes, cacheBytes: tailBytes });
  const keys = new KeyTable(input);
  const violations: Violation[] = [];
  /** Key tables are of the committed log: these wait until they are known to be. */
  const keyed: { readonly endIndex: Index; readonly writes: ReturnType<typeof keyedWrites> }[] = [];
  const commitKeys = (commit: Index): void => {
    let count = 0;
    for (const { endIndex, writes } of keyed) {
      if (endIndex > commit) break;
      for (const [key, write] of writes) keys.add(key, write);
      count++;
    }
    keyed.splice(0, count);
  };
  segments.recover(
    {
      onBatch: (batch, previousLamport) => {
        if (batch.baseLamport <= previousLamport) violations.push({ batch: copy(batch), previousLamport });
        if (batch.hasKeys) keyed.push({ endIndex: batch.endIndex, writes: keyedWrites(batch) });
      },
      onReplaced: (after) => {
        while ((violations.at(-1)?.batch.endIndex ?? 0) > after) violations.pop();
        while ((keyed.at(-1)?.endIndex ?? 0) > after) keyed.pop();
      },
      onCommit: commitKeys,
    },
    (outcome) => {
      if (outcome.kind === 'failed') return fail(`the log cannot be read: ${outcome.error.message}`);
      commitKeys(outcome.commit);
      keys.reach(outcome.commit);
      const lost = outcome.fresh && identity.clusterId !== null;
      tellVerdict(log, outcome, lost && input.memory);
      const saved: Identity = {
        ...identity,
        boot: identity.boot + 1,
        promised: Math.max(identity.promised, outcome.last.epoch),
        damaged: identity.damaged || outcome.verdict.kind === 'damaged' || lost,
      };
      const finish = (): void =>
        done({
          kind: 'recovered',
          desk: new Desk(segments, file, saved, outcome.commit),
          recovered: { identity: saved, log: outcome.log, keys, violations, memoryLost: lost && input.memory },
        });
      file.save(saved, (save) => {
        if (save.kind === 'failed') return fail(words('the identity', save.error));
        if (outcome.verdict.kind !== 'damaged') return finish();
        input.failpoints.reach('damage.recorded');
        segments.quarantine((put) =>
          put.kind === 'written' ? finish() : fail(words('the part of the log before the damage', put.error)),
        );
      });
    },
  );
}

/** What recovery shows is a view of a big block. */
function copy(batch: Batch): Batch {
  const own = decodeBatch(Buffer.from(batch.bytes), false);
  return own === 'malformed' ? batch : own;
}

function tellVerdict(log: LogLines, { verdict, last, commit }: RecoveredSegments, memoryLost: boolean): void {
  const facts = { last_index: last.index, commit_index: commit };
  if (memoryLost)
    log.write('warn', 'log_lost', 'the log was kept in memory and is gone: this node learns it anew', facts);
  else if (verdict.kind === 'clean') log.write('info', 'log_recovered', 'the log is whole', facts);
  else if (verdict.kind === 'torn')
    log.write('info', 'log_recovered', 'the last write was cut short before it was confirmed: dropped', {
      ...facts,
      segment: verdict.at.segment,
      offset: verdict.at.offset,
    });
  else
    log.write('error', 'log_damaged', `the log is damaged: ${verdict.why}. What stands behind is put aside`, {
      ...facts,
      segment: verdict.at.segment,
      offset: verdict.at.offset,
    });
}
