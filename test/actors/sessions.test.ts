/** The desk for client reads (PROTOCOL §6, §8). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SessionsEvent } from '../../actors/events.ts';
import type { ReadPoint, ReadRequest, Trouble } from '../../actors/facade.ts';
import { Sessions } from '../../actors/sessions.ts';
import { lamportGuard } from '../../actors/token.ts';
import { aBatch, aScope, aWrite, e, nothingBefore } from '../support/actorWorld.ts';
import { VirtualClock } from '../support/virtualClock.ts';

function aDesk(self = 1) {
  const clock = new VirtualClock(1000);
  const { scope, ear } = aScope();
  const sessions = new Sessions({ self, clock, commit: 0, commitLamport: 0, lastId: 0, lastLamport: 0 }, scope);
  let seen = 0;
  let before = nothingBefore;
  const play = (): void => {
    for (; seen < ear.told.length; seen++) {
      const told = ear.told[seen];
      if (told?.to === 'sessions') sessions.receive(told.event as SessionsEvent);
    }
  };
  const desk = {
    clock,
    ear,
    sessions,
    receive: (event: SessionsEvent): void => {
      sessions.receive(event);
      play();
    },
    advance: (ms: number): void => {
      const end = clock.now() + ms;
      while (clock.nextAt <= end) {
        clock.runNext();
        play();
      }
      clock.runUntil(end);
    },
    ask: (request: Partial<ReadRequest> = {}): (ReadPoint | Trouble)[] => {
      const answers: (ReadPoint | Trouble)[] = [];
      desk.receive({
        type: 'read.requested',
        request: { timeoutMs: 1000, ...request },
        settle: (it) => answers.push(it),
      });
      return answers;
    },
    commit: (what: 'barrier' | number): void => {
      const contents = Array.from({ length: what === 'barrier' ? 0 : what }, () => 'm');
      const batch = aBatch(before, e(1, 1), what === 'barrier' ? what : [aWrite({ contents })]);
      before = batch;
      const lastId = batch.nextId - 1;
      desk.receive({
        type: 'commit.advanced',
        commit: batch.endIndex,
        lamport: batch.endLamport,
        lastId,
        batches: [batch],
      });
    },
    lead: (leader: number | null): void =>
      desk.receive({ type: 'leader.changed', leader, epoch: leader ? e(1, leader) : 0, established: true }),
    /** Nonces that were asked of a peer. */
    get nonces(): number[] {
      return ear.framesOf('readIndex').map(({ nonce }) => nonce);
    },
    ok: (nonce: number, index: number): void =>
      desk.receive({
        type: 'readIndexOk.received',
        peer: 3,
        connection: 1,
        frame: { kind: 'readIndexOk', nonce, epoch: e(1, 3), index },
      }),
    no: (nonce: number): void =>
      desk.receive({ type: 'readIndexNo.received', peer: 3, connection: 1, frame: { kind: 'readIndexNo', nonce } }),
  };
  return desk;
}
const codes = (answers: readonly (ReadPoint | Trouble)[]): string[] =>
  answers.map((it) => (it.kind === 'ready' ? `ready ${it.lastId}` : it.code));

const Tokens = suite('sessions: reads with a token (§6, §8)');

Tokens('a read without conditions is let through at once', () => {
  const desk = aDesk();
  desk.commit(3);
  assert.equal(desk.ask(), [{ kind: 'ready', lastId: 3, lastLamport: 3 }]);
});

Tokens('the Lamport time of the answer is that of the newest message, not of a barrier behind it', () => {
  const desk = aDesk();
  desk.commit(2);
  desk.commit('barrier');
  assert.equal(desk.ask(), [{ kind: 'ready', lastId: 2, lastLamport: 2 }]);
});

Tokens('a token is waited for, and a barrier satisfies it too', () => {
  const desk = aDesk();
  const answers = desk.ask({ lamportTime: 3 });
  desk.commit(2);
  assert.equal(answers, []);
  desk.commit('barrier');
  assert.equal(codes(answers), ['ready 2']);
  desk.commit(1);
  desk.advance(5000);
  assert.is(answers.length, 1);
});

Tokens('one that does not come in time is answered at its deadline', () => {
  const desk = aDesk();
  const [late, soon] = [desk.ask({ lamportTime: 9, timeoutMs: 500 }), desk.ask({ lamportTime: 9, timeoutMs: 100 })];
  desk.advance(100);
  assert.equal([codes(late), codes(soon)], [[], ['LOG_NOT_CAUGHT_UP']]);
  desk.advance(400);
  assert.equal(codes(late), ['LOG_NOT_CAUGHT_UP']);
});

Tokens('one beyond the guard is refused (§8)', () => {
  const desk = aDesk();
  assert.equal(codes(desk.ask({ lamportTime: lamportGuard + 1 })), ['LAMPORT_TIME_ABSURD']);
  assert.equal(desk.ask({ lamportTime: lamportGuard }), []);
});

Tokens('watchers hear of each commit until they go', () => {
  const desk = aDesk();
  const heard: number[] = [];
  const listener = ({ lastId }: ReadPoint): void => {
    heard.push(lastId);
  };
  desk.receive({ type: 'commit.watched', listener });
  desk.commit(1);
  desk.commit(2);
  desk.receive({ type: 'commit.unwatched', listener });
  desk.commit(1);
  assert.equal(heard, [1, 3]);
});

Tokens('a desk that stops answers everybody', () => {
  const desk = aDesk();
  const answers = desk.ask({ lamportTime: 9 });
  desk.sessions.stop();
  assert.equal(codes(answers), ['STOPPING']);
  desk.advance(5000);
  assert.is(answers.length, 1);
});

Tokens.run();

const Linear = suite('sessions: linearizable reads (§6)');

Linear('ask the leader, and wait until its index is committed here', () => {
  const desk = aDesk();
  desk.lead(3);
  const answers = desk.ask({ linearizable: true });
  assert.equal(desk.nonces, [1]);
  desk.ok(1, 2);
  assert.equal(answers, []);
  desk.commit(2);
  assert.equal(codes(answers), ['ready 2']);
});

Linear('ask the own pipeline where this node leads', () => {
  const desk = aDesk();
  desk.lead(1);
  const answers = desk.ask({ linearizable: true });
  assert.equal(
    desk.ear.named('pipeline', 'readIndex.local').map(({ nonce }) => nonce),
    [1],
  );
  desk.receive({ type: 'readIndex.confirmed', nonce: 1, index: 0 });
  assert.equal(codes(answers), ['ready 0']);
});

Linear('every attempt has a fresh nonce, and the answer to an older one confirms nothing (A2)', () => {
  const desk = aDesk();
  desk.lead(3);
  const answers = desk.ask({ linearizable: true });
  desk.advance(100);
  assert.equal(desk.nonces, [1, 2]);
  desk.ok(1, 0);
  assert.equal(answers, []);
  desk.ok(2, 0);
  assert.equal(codes(answers), ['ready 0']);
});

Linear('a new leader is asked at once, with a fresh nonce', () => {
  const desk = aDesk();
  const answers = desk.ask({ linearizable: true });
  assert.equal(desk.nonces, [], 'nobody leads');
  desk.lead(3);
  desk.lead(2);
  assert.equal(desk.nonces, [2, 3]);
  assert.equal(
    desk.ear.framesOf('readIndex', 2).map(({ nonce }) => nonce),
    [3],
  );
  desk.ok(2, 0);
  assert.equal(answers, []);
});

Linear('a NO is tried again soon', () => {
  const desk = aDesk();
  desk.lead(3);
  desk.ask({ linearizable: true });
  desk.no(1);
  desk.advance(24);
  assert.equal(desk.nonces, [1]);
  desk.advance(1);
  assert.equal(desk.nonces, [1, 2]);
});

Linear('a leader that is far is given the time to answer', () => {
  const desk = aDesk();
  desk.lead(3);
  const answers = desk.ask({ linearizable: true, timeoutMs: 5000 });
  const roundTripMs = 240;
  let answered = 0;
  for (let ms = 0; ms < 4000 && answers.length === 0; ms += 10) {
    desk.advance(10);
    // Each question is answered one round trip later.
    while (answered < desk.nonces.length && ms - askedAt(answered) >= roundTripMs)
      desk.ok(desk.nonces[answered++] as number, 0);
  }
  assert.equal(codes(answers), ['ready 0']);
});
/** When the attempts are made: each waits twice as long as the one before. */
const askedAt = (attempt: number): number => 100 * (2 ** attempt - 1);

Linear('a lost question is asked again, whoever else waits', () => {
  const desk = aDesk();
  desk.lead(3);
  const first = desk.ask({ linearizable: true, timeoutMs: 60_000 });
  desk.advance(90);
  desk.ask({ linearizable: true, timeoutMs: 60_000 });
  assert.equal(desk.nonces, [1, 2]);
  desk.ok(1, 0);
  assert.equal(codes(first), ['ready 0']);
  desk.advance(150);
  assert.equal(desk.nonces, [1, 2, 3]);
});

Linear('without an answer the trouble says who is missing', () => {
  const desk = aDesk();
  const nobody = desk.ask({ linearizable: true, timeoutMs: 50 });
  desk.advance(50);
  desk.lead(3);
  const silent = desk.ask({ linearizable: true, timeoutMs: 50 });
  desk.advance(50);
  assert.equal([codes(nobody), codes(silent)], [['NO_LEADER'], ['NOT_LINEARIZABLE']]);
});

Linear('with a token too, both must hold', () => {
  const desk = aDesk();
  desk.lead(3);
  const answers = desk.ask({ linearizable: true, lamportTime: 2 });
  desk.ok(1, 1);
  desk.commit(1);
  assert.equal(answers, []);
  desk.commit(1);
  assert.equal(codes(answers), ['ready 2']);
});

Linear.run();
