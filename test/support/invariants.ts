/**
 * Invariants: what must hold after every step of a simulated cluster, judged from outside: from the frames that leave the
 * nodes, from what their platters hold, and from what they call committed. Never from what a node believes.
 *
 * Whoever watches the world tells each thing as it happens; a check costs what has changed, not what there is. Everything
 * that was ever durable anywhere is kept once for the whole run, so that all logs, also those that were cut away, can be
 * compared with each other.
 *
 * A1. It knows no cluster and no disk: a test breaks each invariant with a forged sequence of events.
 */
import { type Epoch, type Index, type Lamport, majorityOf, type NodeId, ownerOf } from '../../actors/protocol/epoch.ts';

export const invariants = {
  I1: 'one leader per epoch: only its owner campaigns and leads in it, in one of its lives (L1, R2)',
  I2: 'log matching: index and epoch identify a batch and its predecessor, in all logs ever written (L2)',
  I3: 'leader completeness: an established leader holds all that was committed in earlier epochs (L3)',
  I4: 'state-machine safety: what is committed at an index is the same everywhere and for ever (L4)',
  I5: 'nothing is committed before a majority has it on the platter (R8, R9)',
  I6: 'nothing is acknowledged before it is on the platter of who acknowledges it (R8)',
  I7: 'who has told a promise never promises, acknowledges or leads below it, also after restarts (R1, R3)',
  I8: 'a promise is in both slots on the platter before anybody hears of it (R1, R-D1a)',
  I9: 'the commit of a running node never goes back or skips, and a follower commits only what it has on its platter',
  I10: 'Lamport times rise strictly along every log (§9)',
  I11: 'ids have no gaps: a batch begins with the id after its predecessor',
  I12: 'a call is answered at most once',
  I13: 'what a client is told to be done is committed (R10)',
  I14: 'a node that lost its identity has no vote (R-D4, R25)',
  I15: 'no node ends by itself, unless a fault must end it',
  I16: 'a cluster forms and elects a leader',
  I17: 'after healing the highest electable node of the core leads (§10)',
  I18: 'after healing a write commits',
  I19: 'after healing all replicas of the core become equal',
  I20: 'every call that a living node has taken is answered in time',
  I21: 'with nothing broken the leader stays',
} as const;
export type InvariantNumber = keyof typeof invariants;

export interface Broken {
  /** `I…` of this table, or `H…` of the checkers of histories. */
  readonly invariant: string;
  readonly words: string;
}

/** A batch as a platter holds it. */
export interface Written {
  readonly previousIndex: Index;
  readonly previousEpoch: Epoch;
  readonly baseIndex: Index;
  readonly endIndex: Index;
  readonly epoch: Epoch;
  readonly crc: number;
  readonly baseLamport: Lamport;
  readonly endLamport: Lamport;
  readonly firstId: number;
  readonly nextId: number;
}
export type Committed = Omit<Written, 'previousIndex' | 'previousEpoch'>;
export type Speech = 'prepare' | 'promise' | 'append' | 'ack';

interface Witness {
  readonly id: NodeId;
  /** Counts its starts. */
  life: number;
  /** What its platter holds as its log. */
  log: Written[];
  /** Logs that a fault took from it, as far as they can be proof. */
  readonly lost: (readonly Written[])[];
  /** The highest epoch that it has named in a promise, an own campaign or an acknowledgement. */
  told: Epoch;
  toldDurable: Epoch;
  /** End of what this life has committed; null before the first time. */
  commit: Index | null;
  hasIdentity: boolean;
  /** It has a disk of another cluster: nothing that it says or writes is compared. */
  isStranger: boolean;
}

const placeOf = (log: readonly { readonly baseIndex: Index }[], index: Index): number => {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log[middle] as { baseIndex: Index }).baseIndex < index) low = middle + 1;
    else high = middle;
  }
  return low;
};
const holds = (log: readonly Written[], { baseIndex, crc }: Committed): boolean =>
  log[placeOf(log, baseIndex)]?.baseIndex === baseIndex && log[placeOf(log, baseIndex)]?.crc === crc;

export const epochWords = (epoch: Epoch): string => `${Math.floor(epoch / 65_536)}.${ownerOf(epoch)}`;

/** A run with a thousand violations is as wrong as one with a few. */
const maxBroken = 50;

export class Invariants {
  readonly broken: Broken[] = [];
  readonly #voters: number;
  readonly #witnesses = new Map<NodeId, Witness>();
  /** Every batch that was ever durable somewhere, by its first index; several epochs may have been there. */
  readonly #written = new Map<Index, Written[]>();
  /** The same by its end. */
  readonly #ends = new Map<Index, Written[]>();
  readonly #committed: Committed[] = [];
  readonly #offices = new Map<Epoch, { readonly node: NodeId; readonly life: number }>();

  readonly #onBroken: (broken: Broken) => void;

  constructor(voters: readonly NodeId[], onBroken: (broken: Broken) => void = () => undefined) {
    this.#voters = voters.length;
    this.#onBroken = onBroken;
    for (const id of voters)
      this.#witnesses.set(id, {
        id,
        life: 0,
        log: [],
        lost: [],
        told: 0,
        toldDurable: 0,
        commit: null,
        hasIdentity: true,
        isStranger: false,
      });
  }

  report(invariant: InvariantNumber, words: string): void {
    if (this.broken.length >= maxBroken) return;
    this.broken.push({ invariant, words });
    this.#onBroken({ invariant, words });
  }
  check(holds: boolean, invariant: InvariantNumber, words: () => string): void {
    if (!holds) this.report(invariant, words());
  }
  #witness(id: NodeId): Witness {
    const witness = this.#witnesses.get(id);
    if (!witness) throw new Error(`no node ${id}`);
    return witness;
  }

  /** The id that the next committed message gets. */
  get nextId(): number {
    return this.#committed.at(-1)?.nextId ?? 1;
  }
  get commits(): number {
    return this.#committed.length;
  }
  /** The last epoch that this node has named. */
  toldBy(id: NodeId): Epoch {
    return this.#witness(id).told;
  }

  // ------------------------------------------------------------------------------------------------------- lives

  /** A node starts. */
  began(id: NodeId): void {
    const witness = this.#witness(id);
    witness.life++;
    witness.commit = null;
  }
  /** A fault takes its log from it, or a part of that: what follows is read anew from the platter. */
  logLost(id: NodeId): void {
    const witness = this.#witness(id);
    witness.lost.push(witness.log);
    witness.log = [];
  }
  /** Its disk is empty now. */
  identityLost(id: NodeId): void {
    this.logLost(id);
    this.#witness(id).hasIdentity = false;
  }
  becameStranger(id: NodeId): void {
    this.logLost(id);
    this.#witness(id).isStranger = true;
  }
  failed(id: NodeId, reason: string, isExpected: boolean): void {
    this.check(isExpected, 'I15', () => `node ${id} ended: ${reason.slice(0, 600)}`);
  }

  // ------------------------------------------------------------------------------------------------------ frames

  /** A frame leaves a node; `durable()` is the lower promise of the two slots on its platter. */
  spoke(id: NodeId, what: Speech, epoch: Epoch, durable: () => Epoch): void {
    const witness = this.#witness(id);
    if (witness.isStranger) return;
    const words = (): string => `node ${id} sends ${what.toUpperCase()} of epoch ${epochWords(epoch)}`;
    this.check(witness.hasIdentity, 'I14', words);
    this.check(epoch >= witness.told, 'I7', () => `${words()} after it told of ${epochWords(witness.told)}`);
    witness.told = Math.max(witness.told, epoch);
    if (what === 'prepare' || what === 'append') this.#inOffice(witness, epoch, words);
    if (epoch === witness.toldDurable) return; // The slots never go back: once for each epoch.
    const onPlatter = durable();
    this.check(onPlatter >= epoch, 'I8', () => `${words()}, its platter promises ${epochWords(onPlatter)}`);
    witness.toldDurable = epoch;
  }

  #inOffice({ id, life }: Witness, epoch: Epoch, words: () => string): void {
    const office = this.#offices.get(epoch);
    if (!office) this.#offices.set(epoch, { node: id, life });
    this.check(ownerOf(epoch) === id, 'I1', words);
    if (office)
      this.check(
        office.node === id && office.life === life,
        'I1',
        () => `${words()}; node ${office.node} had it, in another life`,
      );
  }

  /** An ACK that counts. */
  acknowledged(id: NodeId, match: Index): void {
    const { log, isStranger } = this.#witness(id);
    if (isStranger) return;
    const end = log.at(-1)?.endIndex ?? 0;
    this.check(end >= match, 'I6', () => `node ${id} acknowledges ${match}, its platter ends at ${end}`);
  }

  // -------------------------------------------------------------------------------------------------------- logs

  /** A batch has become durable in a node's log. */
  wrote(id: NodeId, batch: Written): void {
    const { log, isStranger } = this.#witness(id);
    if (isStranger) return;
    const known = this.#register(id, batch);
    while (log.length > 0 && (log.at(-1) as Written).endIndex > batch.previousIndex) log.pop();
    log.push(known);
  }

  #register(id: NodeId, batch: Written): Written {
    const { baseIndex, epoch } = batch;
    const there = this.#written.get(baseIndex);
    const known = there?.find((one) => one.epoch === epoch);
    const place = `${baseIndex} of epoch ${epochWords(epoch)}`;
    if (known) {
      const same =
        known.crc === batch.crc &&
        known.endIndex === batch.endIndex &&
        known.previousIndex === batch.previousIndex &&
        known.previousEpoch === batch.previousEpoch;
      this.check(same, 'I2', () => `node ${id} wrote another batch at ${place} than was written before`);
      return known;
    }
    if (there) there.push(batch);
    else this.#written.set(baseIndex, [batch]);
    const sameEnd = this.#ends.get(batch.endIndex);
    if (sameEnd) sameEnd.push(batch);
    else this.#ends.set(batch.endIndex, [batch]);

    const isFirst = batch.previousIndex === 0;
    const previous = this.#ends.get(batch.previousIndex)?.find((one) => one.epoch === batch.previousEpoch);
    const behind = `${batch.previousIndex} of epoch ${epochWords(batch.previousEpoch)}`;
    this.check(
      isFirst || previous !== undefined,
      'I2',
      () => `node ${id} wrote ${place} behind ${behind}, where no batch ends`,
    );
    this.check(
      baseIndex === batch.previousIndex + 1 && batch.epoch >= batch.previousEpoch,
      'I2',
      () => `node ${id} wrote ${place} behind ${behind}`,
    );
    const lamport = previous?.endLamport ?? 0;
    this.check(
      batch.baseLamport > lamport,
      'I10',
      () => `node ${id} wrote ${place} with Lamport time ${batch.baseLamport} behind ${lamport}`,
    );
    const nextId = isFirst ? 1 : (previous?.nextId ?? batch.firstId);
    this.check(
      batch.firstId === nextId,
      'I11',
      () => `node ${id} wrote ${place} with first id ${batch.firstId}, expected ${nextId}`,
    );
    return batch;
  }

  // ----------------------------------------------------------------------------------------------------- commits

  /** A node's commit has advanced over these batches. */
  committed(id: NodeId, batches: readonly Committed[]): void {
    const witness = this.#witness(id);
    if (witness.isStranger) return;
    for (const batch of batches) {
      const { baseIndex, endIndex } = batch;
      const { commit } = witness;
      this.check(
        commit === null || baseIndex === commit + 1,
        'I9',
        () => `node ${id} commits ${baseIndex} after ${commit}`,
      );
      witness.commit = endIndex;
      const place = placeOf(this.#committed, baseIndex);
      const known = this.#committed[place];
      if (known) {
        this.check(
          known.baseIndex === baseIndex && known.crc === batch.crc && known.endIndex === endIndex,
          'I4',
          () => `node ${id} commits another batch at ${baseIndex} than was committed before`,
        );
      } else this.#commitFirst(id, batch);
    }
    const last = batches.at(-1);
    if (!last) return;
    // Who has named a later epoch of another node than its own follows, and follows its own disk.
    const leads = ownerOf(witness.told) === id;
    this.check(
      leads || this.#holds(witness, last),
      'I9',
      () => `node ${id} follows, and commits ${last.endIndex}, which is not on its platter`,
    );
  }

  #commitFirst(id: NodeId, { baseIndex, endIndex, crc, epoch, baseLamport, endLamport, firstId, nextId }: Committed) {
    const before = this.#committed.at(-1);
    const batch: Committed = { baseIndex, endIndex, crc, epoch, baseLamport, endLamport, firstId, nextId };
    this.check(
      baseIndex === (before?.endIndex ?? 0) + 1,
      'I4',
      () => `node ${id} commits ${baseIndex} first, behind ${before?.endIndex ?? 0}`,
    );
    this.check(
      baseLamport > (before?.endLamport ?? 0),
      'I10',
      () => `node ${id} commits ${baseIndex} with Lamport time ${baseLamport} behind ${before?.endLamport ?? 0}`,
    );
    this.check(
      firstId === (before?.nextId ?? 1),
      'I11',
      () => `node ${id} commits first id ${firstId}, expected ${before?.nextId ?? 1}`,
    );
    this.#committed.push(batch);
    const holders = [...this.#witnesses.values()].filter((witness) => this.#holds(witness, batch));
    this.check(
      holders.length >= majorityOf(this.#voters),
      'I5',
      () => `node ${id} commits ${baseIndex}..${endIndex}, which is on the platters of ${holders.map((one) => one.id)}`,
    );
  }

  #holds({ log, lost }: Witness, batch: Committed): boolean {
    return holds(log, batch) || lost.some((one) => holds(one, batch));
  }

  /** A node's barrier of this epoch is committed. */
  established(id: NodeId, epoch: Epoch): void {
    const witness = this.#witness(id);
    if (witness.isStranger) return;
    this.check(ownerOf(epoch) === id, 'I1', () => `node ${id} leads in epoch ${epochWords(epoch)}`);
    let last = this.#committed.length - 1;
    while (last >= 0 && (this.#committed[last] as Committed).epoch >= epoch) last--;
    const earlier = this.#committed[last];
    if (earlier)
      this.check(
        this.#holds(witness, earlier),
        'I3',
        () => `node ${id} leads in epoch ${epochWords(epoch)} without ${earlier.endIndex}, which was committed`,
      );
  }

  // ------------------------------------------------------------------------------------------------------ clients

  answered(call: string, count: number): void {
    this.check(count === 1, 'I12', () => `${call} was answered ${count} times`);
  }
  toldDone(call: string, lastId: number): void {
    this.check(
      lastId < this.nextId,
      'I13',
      () => `${call} is done up to id ${lastId}, committed is ${this.nextId - 1}`,
    );
  }
}
