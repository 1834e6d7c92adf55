/**
 * Log store: this node's disk. Recovers the log and the identity, then writes one thing at a time (R-D1, R-D1a, R-D2).
 *
 *   recovering --> ready: idle -> writing | saving | marking -> choosing -> idle, or the next
 *       |                   writing --full--> refusing --> writing
 *       v
 *     failed            group commit: whatever came while a write was under way goes with the next one
 *
 * A1. `log.persisted` and `promise.persisted` are sent when the disk has confirmed, never before.
 * A2. A failed write or fsync ends the node (R-D2): the page cache may have dropped what a retry would call written.
 * A3. A full disk is no failure: what waits is tried again, and everybody hears of it.
 */
import { assign, fromCallback, setup } from 'xstate';
import type { NodeEvent, Recovered, StoreEvent } from './events.ts';
import type { Desk } from './log/desk.ts';
import type { ReadOutcome } from './log/segments.ts';
import { type RecoveryInput, recoverNode } from './log/startup.ts';
import type { Clock, Disk, Failpoints, LogLines } from './ports.ts';
import { tell } from './system.ts';
import { Wake } from './wake.ts';

export interface StoreInput extends RecoveryInput {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly failpoints: Failpoints;
  readonly log: LogLines;
}

type Events =
  | StoreEvent
  | { readonly type: 'recovery.done'; readonly desk: Desk; readonly recovered: Recovered }
  | { readonly type: 'recovery.failed'; readonly reason: string }
  | { readonly type: 'write.done'; readonly count: number; readonly ticket: number }
  | { readonly type: 'write.full'; readonly message: string }
  | { readonly type: 'save.done' }
  | { readonly type: 'mark.done' }
  | { readonly type: 'disk.failed'; readonly reason: string }
  | { readonly type: 'quiet.due' }
  | { readonly type: 'space.due' }
  | { readonly type: 'space.known'; readonly usedRatio: number };

export interface StoreContext extends StoreInput {
  readonly desk: Desk | null;
  readonly begunAt: { at: number };
  readonly full: boolean;
  readonly nearlyFull: boolean;
  readonly closing: (() => void) | null;
  readonly quiet: Wake;
  readonly space: Wake;
}

type Args = { readonly context: StoreContext; readonly self: { send(event: Events): void }; readonly system: unknown };
const deskOf = ({ context: { desk } }: Pick<Args, 'context'>): Desk => {
  if (!desk) throw new Error('the log store was used before it recovered');
  return desk;
};

/** A marker costs an fsync: it is written once it has been quiet for a while. */
const quietMs = 200;
const retryFullMs = 500;
const spaceEveryMs = 2000;
const nearlyFullAt = 0.9;
const spaceAgainAt = 0.88;

export const store = setup({
  types: { input: {} as StoreInput, context: {} as StoreContext, events: {} as Events },
  actors: {
    recovery: fromCallback<StoreEvent, StoreInput>(({ input, sendBack }) => {
      recoverNode(input, (outcome) =>
        sendBack(
          outcome.kind === 'recovered'
            ? { type: 'recovery.done', desk: outcome.desk, recovered: outcome.recovered }
            : { type: 'recovery.failed', reason: outcome.reason },
        ),
      );
    }),
  },
  delays: { retryFull: retryFullMs },
  guards: {
    hasBatches: ({ context }) => context.desk?.next === 'batch',
    hasSave: ({ context }) => context.desk !== null && context.desk.next !== null && context.desk.next !== 'batch',
    needsMark: ({ context }) => context.desk !== null && context.desk.commit > context.desk.markedCommit,
    isClosing: ({ context }) => context.closing !== null,
    isFull: ({ context }) => context.full,
    getsFull: ({ context, event }) =>
      event.type === 'space.known' && !context.nearlyFull && event.usedRatio >= nearlyFullAt,
    getsRoom: ({ context, event }) =>
      event.type === 'space.known' && context.nearlyFull && event.usedRatio < spaceAgainAt,
  },
  actions: {
    announceRecovered: ({ self, system }, recovered: Recovered) =>
      tell({ self, system }, 'node', { type: 'store.recovered', recovered }),
    announceFailed: ({ self, system }, reason: string) =>
      tell({ self, system }, 'node', { type: 'store.failed', reason } satisfies NodeEvent),
    tellClosed: (_, closed: () => void) => closed(),
    takeBatch: ({ context, event }) => {
      if (event.type !== 'log.write') return;
      const desk = deskOf({ context });
      desk.addBatch(event.ticket, event.epoch, event.previous, event.batch);
      desk.commit = Math.max(desk.commit, event.commit);
    },
    takeSave: ({ context, event }) => {
      const desk = deskOf({ context });
      if (event.type === 'promise.persist')
        desk.addSave({ kind: 'promise', epoch: event.epoch, orderedAt: context.clock.now() });
      if (event.type === 'roster.persist')
        desk.addSave({ kind: 'roster', clusterId: event.clusterId, roster: event.roster });
      if (event.type === 'damage.clear') desk.addSave({ kind: 'heal' });
    },
    noteCommit: ({ context, event }) => {
      if (event.type !== 'commit.noted') return;
      deskOf({ context }).commit = event.commit;
      beQuiet(context);
    },
    beQuiet: ({ context }) => beQuiet(context),
    write: (args) => write(args),
    finishWrite: ({ context, event, self, system }) => {
      if (event.type !== 'write.done') return;
      const desk = deskOf({ context });
      const scope = { self, system };
      const ms = context.clock.now() - context.begunAt.at;
      desk.done(event.count);
      tell(scope, 'pipeline', { type: 'log.persisted', ticket: event.ticket, ms });
      tell(scope, 'metrics', { type: 'fsync.measured', ms });
    },
    save: (args) => save(args),
    finishSave: ({ context, self, system }) => {
      const desk = deskOf({ context });
      const order = desk.firstSave();
      const scope = { self, system };
      desk.done(1);
      switch (order.kind) {
        case 'promise':
          return tell(scope, 'election', {
            type: 'promise.persisted',
            epoch: order.epoch,
            position: desk.segments.last,
            ms: context.clock.now() - order.orderedAt,
          });
        case 'roster':
          context.failpoints.reach('roster.persisted');
          return tell(scope, 'formation', { type: 'roster.persisted' });
        case 'heal':
          context.log.write('info', 'log_healed', 'the log agrees with the leader again: this node may vote');
          for (const name of ['pipeline', 'election', 'formation'] as const)
            tell(scope, name, { type: 'damage.cleared' });
      }
    },
    mark: ({ context, self }) => {
      const desk = deskOf({ context });
      const { commit } = desk;
      desk.segments.mark(commit, (outcome) => {
        if (outcome.kind === 'failed') return self.send({ type: 'disk.failed', reason: outcome.error.message });
        desk.markedCommit = commit; // Also when the disk is full: it is only a help for the next start.
        self.send({ type: 'mark.done' });
      });
    },
    read: ({ context, event, self }) => {
      const desk = deskOf({ context });
      if (event.type !== 'log.read' && event.type !== 'messages.read') return;
      const after = event.type === 'log.read' ? event.after : desk.segments.locateId(event.afterId + 1);
      const answer = (outcome: ReadOutcome): void => {
        if (outcome.kind === 'batches') return event.reply(outcome.batches);
        event.reply([]);
        const why =
          outcome.kind === 'failed' ? outcome.error.message : `${outcome.why}; start the node again, it repairs itself`;
        self.send({ type: 'disk.failed', reason: `the log cannot be read: ${why}` });
      };
      if (event.type === 'log.read') desk.segments.read(after, event.maxBytes, answer);
      else readMessages(desk, event.afterId, after, event.maxBytes, answer);
    },
    noteFull: assign({ full: true }),
    noteRoom: assign({ full: false }),
    announceFull: ({ context, self, system }) => {
      context.log.write('error', 'disk_full', 'the disk is full: writes are refused until there is room');
      for (const name of ['gateway', 'election', 'pipeline'] as const)
        tell({ self, system }, name, { type: 'disk.filled' });
    },
    announceRoom: ({ context, self, system }) => {
      context.log.write('info', 'disk_has_room', 'the disk has room again: writes are taken');
      for (const name of ['gateway', 'election', 'pipeline'] as const)
        tell({ self, system }, name, { type: 'disk.freed' });
    },
    askSpace: ({ context, self }) => {
      context.space.by(context.clock.now() + spaceEveryMs);
      context.disk.space((outcome) => {
        if (!outcome.ok || outcome.value.totalBytes === 0) return;
        const { freeBytes, totalBytes } = outcome.value;
        self.send({ type: 'space.known', usedRatio: 1 - freeBytes / totalBytes });
      });
    },
    noteSpace: ({ event, self, system }) => {
      if (event.type === 'space.known')
        tell({ self, system }, 'metrics', { type: 'disk.measured', usedRatio: event.usedRatio });
    },
    noteNearlyFull: assign({ nearlyFull: true }),
    noteEnoughRoom: assign({ nearlyFull: false }),
    warnNearlyFull: ({ context, event }) => {
      if (event.type !== 'space.known') return;
      const percent = Math.floor(event.usedRatio * 100);
      context.log.write(
        'warn',
        'disk_nearly_full',
        `the disk is ${percent} % full; writes are refused once there is no room for the log's next segment`,
        {
          used_percent: percent,
        },
      );
    },
    noteClosing: assign((_, closing: () => void) => ({ closing })),
    close: ({ context }) => {
      context.quiet.cancel();
      context.space.cancel();
      context.desk?.identityFile.close();
      context.closing?.();
    },
    fail: (_, reason: string) => {
      throw new Error(reason); // The node's parent ends the process.
    },
  },
}).createMachine({
  id: 'store',
  context: ({ input, self }) => ({
    ...input,
    desk: null,
    begunAt: { at: 0 },
    full: false,
    nearlyFull: false,
    closing: null,
    quiet: new Wake(input.clock, () => self.send({ type: 'quiet.due' })),
    space: new Wake(input.clock, () => self.send({ type: 'space.due' })),
  }),
  initial: 'recovering',
  states: {
    recovering: {
      invoke: { id: 'recovery', src: 'recovery', input: ({ context }) => context },
      on: {
        'recovery.done': {
          target: 'ready',
          actions: [
            assign(({ event }) => ({ desk: event.desk })),
            { type: 'announceRecovered', params: ({ event }) => event.recovered },
            'askSpace',
          ],
        },
        'recovery.failed': {
          target: 'failed',
          actions: { type: 'announceFailed', params: ({ event }) => event.reason },
        },
        'store.close': { target: 'closed', actions: { type: 'tellClosed', params: ({ event }) => event.closed } },
      },
    },
    ready: {
      initial: 'idle',
      on: {
        'log.write': { actions: 'takeBatch' },
        'promise.persist': { actions: 'takeSave' },
        'roster.persist': { actions: 'takeSave' },
        'damage.clear': { actions: 'takeSave' },
        'commit.noted': { actions: 'noteCommit' },
        'log.read': { actions: 'read' },
        'messages.read': { actions: 'read' },
        'disk.failed': { actions: { type: 'fail', params: ({ event }) => event.reason } },
        'store.close': { actions: { type: 'noteClosing', params: ({ event }) => event.closed } },
        'space.due': { actions: 'askSpace' },
        'space.known': [
          { guard: 'getsFull', actions: ['noteSpace', 'noteNearlyFull', 'warnNearlyFull'] },
          { guard: 'getsRoom', actions: ['noteSpace', 'noteEnoughRoom'] },
          { actions: 'noteSpace' },
        ],
      },
      states: {
        idle: {
          on: {
            'log.write': { target: 'writing', actions: 'takeBatch' },
            'promise.persist': { target: 'saving', actions: 'takeSave' },
            'roster.persist': { target: 'saving', actions: 'takeSave' },
            'damage.clear': { target: 'saving', actions: 'takeSave' },
            'quiet.due': { guard: 'needsMark', target: 'marking' },
            'store.close': {
              target: 'leaving',
              actions: { type: 'noteClosing', params: ({ event }) => event.closed },
            },
          },
        },
        writing: {
          entry: 'write',
          on: {
            'write.done': [
              { guard: 'isFull', target: 'choosing', actions: ['noteRoom', 'announceRoom', 'finishWrite'] },
              { target: 'choosing', actions: 'finishWrite' },
            ],
            'write.full': [
              { guard: 'isFull', target: 'refusing' },
              { target: 'refusing', actions: ['noteFull', 'announceFull'] },
            ],
          },
        },
        refusing: {
          always: { guard: 'isClosing', target: 'leaving' },
          after: { retryFull: 'writing' },
        },
        saving: {
          entry: 'save',
          on: { 'save.done': { target: 'choosing', actions: 'finishSave' } },
        },
        marking: {
          entry: 'mark',
          on: { 'mark.done': 'choosing' },
        },
        // What came meanwhile goes next, all of it together.
        choosing: {
          always: [
            { guard: 'hasBatches', target: 'writing' },
            { guard: 'hasSave', target: 'saving' },
            { guard: 'isClosing', target: 'leaving' },
            { target: 'idle', actions: 'beQuiet' },
          ],
        },
        leaving: {
          // The last marker tells the next start what was committed.
          entry: 'mark',
          on: { 'mark.done': '#store.closed' },
        },
      },
    },
    failed: {
      on: { 'store.close': { target: 'closed', actions: { type: 'tellClosed', params: ({ event }) => event.closed } } },
    },
    closed: { entry: 'close' },
  },
});

/** A marker is due once the log has stood still for a while with a commit that no frame on disk names. */
function beQuiet({ desk, quiet, clock }: StoreContext): void {
  if (desk && desk.commit > desk.markedCommit) quiet.by(clock.now() + quietMs);
}

function write(args: Args): void {
  const { context, self } = args;
  const desk = deskOf(args);
  const { items, ticket } = desk.group();
  const { commit } = desk;
  context.begunAt.at = context.clock.now();
  desk.segments.write(items, commit, (outcome) => {
    if (outcome.kind === 'failed') return self.send({ type: 'disk.failed', reason: outcome.error.message });
    if (outcome.kind === 'full') return self.send({ type: 'write.full', message: outcome.error.message });
    desk.markedCommit = Math.max(desk.markedCommit, commit);
    self.send({ type: 'write.done', count: items.length, ticket });
  });
}

function save(args: Args): void {
  const { self } = args;
  const desk = deskOf(args);
  const order = desk.firstSave();
  const { identity } = desk;
  if (order.kind === 'promise') {
    if (order.epoch <= identity.promised) return self.send({ type: 'save.done' });
    desk.identity = { ...identity, promised: order.epoch };
  } else if (order.kind === 'roster') {
    desk.identity = { ...identity, clusterId: order.clusterId, roster: order.roster };
  } else {
    desk.identity = { ...identity, damaged: false };
  }
  desk.identityFile.save(desk.identity, (outcome) =>
    self.send(
      outcome.kind === 'saved' ? { type: 'save.done' } : { type: 'disk.failed', reason: outcome.error.message },
    ),
  );
}

/** A mark may lie some batches before the message: what precedes it is left out, and the rest read on. */
function readMessages(
  desk: Desk,
  afterId: number,
  after: number,
  maxBytes: number,
  done: (o: ReadOutcome) => void,
): void {
  desk.segments.read(after, maxBytes, (outcome) => {
    if (outcome.kind !== 'batches') return done(outcome);
    const wanted = outcome.batches.filter(({ nextId }) => nextId > afterId + 1);
    const newest = outcome.batches.at(-1);
    if (wanted.length > 0 || !newest) return done({ kind: 'batches', batches: wanted });
    readMessages(desk, afterId, newest.endIndex, maxBytes, done);
  });
}
