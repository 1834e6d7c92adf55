/**
 * Explicit-state checker: visits every state that a model can reach, breadth first, and asks of each whether all is well.
 *
 * C1. The first violation found is one of the nearest: its steps are a shortest counterexample.
 * C2. Within its bounds nothing depends on time or chance: the same model and bounds give the same figures.
 * C3. A search that ran into a bound says so: only `exhausted` means that there is nothing else.
 */
import { grown, StateReader, StateStore, StateWriter } from './stateStore.ts';

/** `words` are asked for only when the step is part of a counterexample. */
export type Take<State> = (next: State, words: () => string) => void;

export interface Model<State> {
  readonly initial: State;
  /** Calls `take` for all that may happen next, each time in the same order. A state that is not new is no matter. */
  steps(state: State, take: Take<State>): void;
  /** A sentence about what is wrong, or undefined. */
  violation(state: State): string | undefined;
  /** Equal states, and only these, give the same numbers. */
  encode(state: State, to: StateWriter): void;
  decode(from: StateReader): State;
  /** For people, a line a node. */
  show(state: State): readonly string[];
}

export interface Bounds {
  /** States kept at most; 4,000,000 take about half a GiB. */
  readonly states: number;
  readonly depth?: number;
}

export interface Statistics {
  readonly states: number;
  readonly transitions: number;
  /** Steps from the beginning to the farthest state that was met. */
  readonly depth: number;
  readonly seconds: number;
  readonly bytes: number;
}

export type Outcome =
  | { readonly kind: 'exhausted' | 'bounded'; readonly statistics: Statistics }
  | {
      readonly kind: 'violated';
      readonly statistics: Statistics;
      readonly violation: string;
      readonly steps: readonly string[];
      readonly end: readonly string[];
    };

export interface Progress extends Statistics {
  /** States that were met and whose steps have not been looked at. */
  readonly waiting: number;
}
const statesPerReport = 100_000;

export function check<State>(model: Model<State>, bounds: Bounds, report?: (progress: Progress) => void): Outcome {
  return new Search(model, bounds, report).run();
}

class Search<State> {
  readonly #model: Model<State>;
  readonly #bounds: Bounds;
  readonly #report: ((progress: Progress) => void) | undefined;
  readonly #store = new StateStore();
  readonly #writer = new StateWriter();
  readonly #reader = new StateReader();
  /** From which state each was first reached, and by which of its steps: with these a path is walked again. */
  #parents = new Int32Array(1024);
  #ordinals = new Uint16Array(1024);
  readonly #startedAt = performance.now();
  #transitions = 0;
  #depth = 0;
  #reportAt = statesPerReport;
  #isFull = false;
  #found: { readonly violation: string; readonly id: number; readonly state: State } | undefined;

  constructor(model: Model<State>, bounds: Bounds, report: ((progress: Progress) => void) | undefined) {
    this.#model = model;
    this.#bounds = bounds;
    this.#report = report;
  }

  run(): Outcome {
    const store = this.#store;
    this.#meet(this.#model.initial, -1, 0);
    let levelEnd = 1;
    for (let id = 0; id < store.count && !this.#found && !this.#isFull; id++) {
      if (id === levelEnd) {
        levelEnd = store.count;
        this.#depth++;
      }
      if (this.#depth === this.#bounds.depth) {
        this.#isFull = true;
        break;
      }
      this.#expand(id);
      if (id >= this.#reportAt) {
        this.#reportAt += statesPerReport;
        this.#report?.({ ...this.#statistics(), waiting: store.count - id });
      }
    }
    const statistics = this.#statistics();
    if (!this.#found) return { kind: this.#isFull ? 'bounded' : 'exhausted', statistics };
    const { violation, id, state } = this.#found;
    return { kind: 'violated', statistics, violation, steps: this.#pathTo(id), end: this.#model.show(state) };
  }

  #expand(id: number): void {
    let ordinal = 0;
    this.#model.steps(this.#stateOf(id), (next) => {
      this.#transitions++;
      if (!this.#found && !this.#isFull) this.#meet(next, id, ordinal);
      ordinal++;
    });
  }

  #meet(state: State, parent: number, ordinal: number): void {
    this.#writer.length = 0;
    this.#model.encode(state, this.#writer);
    const id = this.#store.add(this.#writer);
    if (id === undefined) return;
    if (id === this.#parents.length) {
      this.#parents = grown(this.#parents, id * 2);
      this.#ordinals = grown(this.#ordinals, id * 2);
    }
    this.#parents[id] = parent;
    this.#ordinals[id] = ordinal;
    const violation = this.#model.violation(state);
    if (violation !== undefined) this.#found = { violation, id, state };
    else if (this.#store.count >= this.#bounds.states) this.#isFull = true;
  }

  #stateOf(id: number): State {
    this.#store.read(id, this.#reader);
    return this.#model.decode(this.#reader);
  }

  #pathTo(last: number): string[] {
    const path: string[] = [];
    for (let id = last; id > 0; id = this.#parents[id] as number) {
      let ordinal = 0;
      this.#model.steps(this.#stateOf(this.#parents[id] as number), (_, words) => {
        if (ordinal++ === this.#ordinals[id]) path.unshift(words());
      });
    }
    return path;
  }

  #statistics(): Statistics {
    return {
      states: this.#store.count,
      transitions: this.#transitions,
      depth: this.#depth,
      seconds: (performance.now() - this.#startedAt) / 1000,
      bytes: this.#store.bytes + this.#parents.byteLength + this.#ordinals.byteLength,
    };
  }
}

const thousands = (n: number): string => Math.round(n).toLocaleString('en-US');

export function figures({ states, transitions, depth, seconds, bytes }: Statistics): string {
  const speed = `${thousands(states / Math.max(seconds, 0.001))} states/s`;
  const size = `${thousands(bytes / 2 ** 20)} MiB`;
  return `${thousands(states)} states, ${thousands(transitions)} transitions, ${depth} steps deep, ${seconds.toFixed(1)} s, ${speed}, ${size}`;
}

export function describe(outcome: Outcome): string {
  const all = figures(outcome.statistics);
  if (outcome.kind !== 'violated')
    return `nothing found ${outcome.kind === 'exhausted' ? 'in all states that there are' : 'up to the bound'}: ${all}`;
  const steps = outcome.steps.map((step, i) => `${String(i + 1).padStart(4)}. ${step}`);
  const end = outcome.end.map((line) => `      ${line}`);
  return [`VIOLATED: ${outcome.violation}`, ...steps, '  then:', ...end, `  ${all}`].join('\n');
}
