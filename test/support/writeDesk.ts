/** The desk for client writes as tests see it: node 1, its clients, and what it tells the rest of the node. */
import type { IngressEvent } from '../../actors/events.ts';
import type { Appended, AppendRequest, Trouble } from '../../actors/facade.ts';
import { Ingress } from '../../actors/ingress.ts';
import { type Batch, readWrite } from '../../actors/protocol/batch.ts';
import { ByteReader } from '../../actors/protocol/bytes.ts';
import type { Epoch, NodeId } from '../../actors/protocol/epoch.ts';
import { aBatch, aScope, aWrite, type Before, type Ear, e, nothingBefore } from './actorWorld.ts';
import { VirtualClock } from './virtualClock.ts';

export const e1 = e(1, 3);
export const e2 = e(2, 2);

export interface Asked {
  readonly answers: (Appended | Trouble)[];
  /** 'waits', 'done', or the code and the outcome of the trouble. */
  readonly outcome: string;
}

/** Sends and deadlines are delivered as their timers fire. */
export class WriteDesk {
  readonly clock = new VirtualClock(1000);
  readonly ear: Ear;
  readonly ingress: Ingress;
  before: Before = nothingBefore;
  #seen = 0;

  constructor() {
    const { scope, ear } = aScope();
    this.ear = ear;
    this.ingress = new Ingress(
      { self: 1, boot: 1, clock: this.clock, wallClock: { now: () => 5000 }, commit: 0, commitLamport: 0, lastId: 0 },
      scope,
    );
    this.receive({ type: 'gate.changed', gate: 'open' });
  }

  receive(event: IngressEvent): void {
    this.ingress.receive(event);
    this.#play();
  }
  #play(): void {
    for (; this.#seen < this.ear.told.length; this.#seen++) {
      const told = this.ear.told[this.#seen];
      if (told?.to === 'ingress') this.ingress.receive(told.event as IngressEvent);
    }
  }
  advance(ms: number): void {
    const end = this.clock.now() + ms;
    while (this.clock.nextAt <= end) {
      this.clock.runNext();
      this.#play();
    }
    this.clock.runUntil(end);
  }

  ask(more: Partial<AppendRequest> & { readonly text?: string } = {}): Asked {
    const answers: (Appended | Trouble)[] = [];
    const request = { contents: [Buffer.from(more.text ?? 'text')], timeoutMs: 1000, ...more };
    this.receive({ type: 'write.requested', request, settle: (outcome) => answers.push(outcome) });
    this.advance(0);
    return {
      answers,
      get outcome() {
        const [answer] = answers;
        if (!answer) return 'waits';
        return answer.kind === 'done' ? 'done' : `${answer.code} ${answer.outcome}`;
      },
    };
  }

  lead(leader: NodeId | null, epoch: Epoch): void {
    this.receive({ type: 'leader.changed', leader, epoch, established: true });
    this.advance(0);
  }
  greet(peer: NodeId, key: number, epoch: Epoch = 0, appended = 0, last = 0): void {
    this.receive({ type: 'peer.greeted', peer, key, greeted: { kind: 'greeted', epoch, appended, last } });
    this.advance(0);
  }
  gone(peer: NodeId): void {
    this.receive({ type: 'peer.disconnected', peer, byThisSide: false });
  }
  no(n: number, certain: boolean, reason: 'notLeader' | 'overloaded' = 'notLeader', peer = 3): void {
    const frame = { kind: 'forwardNo', ns: [n], certain, reason } as const;
    this.receive({ type: 'forwardNo.received', peer, connection: 1, frame });
  }
  ok(n: number, firstId = 10, peer = 3): void {
    const frame = { kind: 'forwardOk', results: [{ n, firstId, firstLamport: 20, earlier: null }] } as const;
    this.receive({ type: 'forwardOk.received', peer, connection: 1, frame });
  }
  /** A batch became committed: a barrier, or these sends of this node. */
  commit(
    epoch: Epoch,
    what: 'barrier' | readonly { readonly n: number; readonly boot?: number; readonly origin?: number }[],
  ): Batch {
    const batch = aBatch(this.before, epoch, what === 'barrier' ? what : what.map((tag) => aWrite(tag)));
    this.before = batch;
    this.receive({
      type: 'commit.advanced',
      commit: batch.endIndex,
      lamport: batch.endLamport,
      lastId: batch.nextId - 1,
      batches: [batch],
    });
    this.advance(0);
    return batch;
  }

  /** The n of everything that was forwarded or submitted, in order. */
  get sends(): number[] {
    const forwarded = this.ear.framesOf('forward').flatMap(({ writes }) => writes);
    const submitted = this.ear.named('pipeline', 'write.submitted').flatMap(({ writes }) => writes);
    return [...forwarded, ...submitted].map(({ write }) => write.tag.n);
  }
}

/** Node 3 leads in `e1` and was greeted on connection 5. */
export function aDesk(): WriteDesk {
  const desk = new WriteDesk();
  desk.greet(3, 5);
  desk.lead(3, e1);
  return desk;
}

/** Of everything that was forwarded, in order. */
export const textsOf = (desk: WriteDesk): string[] =>
  desk.ear
    .framesOf('forward')
    .flatMap(({ writes }) => writes)
    .map(({ write }) => readWrite(new ByteReader(write.bytes)).contents.join());
