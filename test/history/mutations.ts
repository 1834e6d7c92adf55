/**
 * Ways to make a right history wrong, one for each thing that a checker must notice. Each finds a place where it applies and
 * where the harm is certain by the plain words of the invariant, or returns undefined.
 */
import type { SeededDice } from '../support/dice.ts';
import type { Append, Event, List, Outcome, Read, ShownMessage, Told } from './history.ts';

export interface World {
  readonly events: readonly Event[];
  readonly log: readonly ShownMessage[];
  /** What the third node shows, where it differs. */
  readonly otherLog?: readonly ShownMessage[];
}
/** A wrong world; undefined where this cannot be done to that world. */
export type Mutation = (world: World, dice: SeededDice) => World | undefined;

type Done = Append & { readonly outcome: Extract<Outcome, { kind: 'done' }> };
const isDone = (event: Event): event is Done => event.kind === 'append' && event.outcome.kind === 'done';
const isAppend = (event: Event): event is Append => event.kind === 'append';
const isList = (event: Event): event is List => event.kind === 'read' || event.kind === 'tail';
const isRead = (event: Event): event is Read => event.kind === 'read';
const isTold = (event: Event): event is Told => event.kind === 'told';
const lastIdOf = ({ outcome, texts }: Done): number => outcome.firstId + texts.length - 1;

const someOf = <T>(dice: SeededDice, values: readonly T[]): T | undefined =>
  values.length === 0 ? undefined : dice.pick(values);
const changed = <T extends Event>(world: World, event: T, change: Partial<T>): World => ({
  ...world,
  events: world.events.map((each) => (each === event ? { ...event, ...change } : each)),
});
const changedIn = (log: readonly ShownMessage[], at: number, change: Partial<ShownMessage>): ShownMessage[] =>
  log.map((each, i) => (i === at ? { ...each, ...change } : each));
const placeOf = ({ log }: World, { texts }: Append): number => log.findIndex(({ text }) => text === texts[0]);
const next = ({ log }: World): ShownMessage => {
  const { id, lamport } = log.at(-1) ?? { id: 0, lamport: 0 };
  return { id: id + 1, text: 'nobody', lamport: lamport + 1, origin: 1, seen: 0 };
};

/** Something is done to a call of one kind that fits. */
const to =
  <T extends Event>(
    kind: (event: Event) => event is T,
    fits: (event: T, world: World) => boolean,
    change: (event: T, world: World, dice: SeededDice) => Partial<T>,
  ): Mutation =>
  (world, dice) => {
    const event = someOf(
      dice,
      world.events.filter(kind).filter((each) => fits(each, world)),
    );
    return event && changed(world, event, change(event, world, dice));
  };
/** A message of some list becomes another. */
const toShown = (change: (message: ShownMessage) => Partial<ShownMessage>): Mutation =>
  to<List>(
    isList,
    ({ shown }) => shown.length > 0,
    ({ shown }, _, dice) => {
      const at = dice.int(shown.length);
      return { shown: changedIn(shown, at, change(shown[at] as ShownMessage)) };
    },
  );

/** Cuts a complete read before a message that it owes, as `owed` says. */
const cut =
  (owed: (read: Read, world: World) => readonly number[]): Mutation =>
  (world, dice) => {
    const choices = world.events
      .filter(isRead)
      .filter(({ complete }) => complete)
      .flatMap((read) => owed(read, world).flatMap((id) => (id > read.afterId ? [{ read, id }] : [])));
    const choice = someOf(dice, choices);
    if (!choice) return undefined;
    return changed(world, choice.read, { shown: choice.read.shown.filter(({ id }) => id < choice.id) });
  };
/** The calls of a client that ended before this one in the record, with tokens that this one covers. */
const coveredBy = (client: number, token: number | undefined, before: Event, { events }: World): (Append | List)[] =>
  token === undefined
    ? []
    : events.slice(0, events.indexOf(before)).flatMap((each) => {
        if (each.kind === 'told' || each.client !== client || each.tokenAfter === undefined) return [];
        const newest = each.kind === 'tail' ? (each.shown.at(-1)?.lamport ?? 0) : 0;
        return Math.max(each.tokenAfter, newest) <= token ? [each] : [];
      });
const idsIn = (call: Append | List): number[] => {
  if (call.kind === 'append') return isDone(call) ? [lastIdOf(call)] : [];
  return call.shown.slice(-1).map(({ id }) => id);
};
const toldBefore = (read: Read, { events }: World): Told[] =>
  events
    .slice(0, events.indexOf(read))
    .filter(isTold)
    .filter(({ client, token }) => client === read.client && token <= (read.token ?? 0));

/** By invariant. */
export const mutations: Readonly<Record<string, readonly Mutation[]>> = {
  H1: [
    (world, dice) => {
      const append = someOf(dice, world.events.filter(isDone));
      return append && { ...world, log: world.log.filter(({ text }) => text !== append.texts.at(-1)) };
    },
  ],
  H2: [
    (world, dice) => {
      const message = someOf(dice, world.log);
      return message && { ...world, log: [...world.log, { ...next(world), text: message.text }] };
    },
    to(
      isDone,
      ({ key }) => key !== undefined,
      ({ outcome }) => ({ repeats: [{ ...outcome, firstId: outcome.firstId + 1 }] }),
    ),
  ],
  H3: [
    (world, dice) => {
      const present = new Set(world.log.map(({ text }) => text));
      const absent = someOf(
        dice,
        world.events.filter(isAppend).filter(({ texts }) => !present.has(texts[0] ?? '')),
      );
      const list = someOf(
        dice,
        world.events.filter(isList).filter(({ shown }) => shown.length > 0),
      );
      if (!absent || !list) return undefined;
      return changed(world, list, {
        shown: changedIn(list.shown, list.shown.length - 1, { text: absent.texts[0] ?? '' }),
      });
    },
    to<Append>(
      isAppend,
      ({ texts }, { events }) =>
        events.some((each) => isList(each) && each.shown.some(({ text }) => texts.includes(text))),
      () => ({ outcome: { kind: 'not_done', code: 'NO_LEADER' } }),
    ),
  ],
  H4: [
    toShown(() => ({ text: 'nobody' })),
    (world) => ({ ...world, log: [...world.log, next(world)] }),
    (world, dice) => {
      const list = someOf(
        dice,
        world.events.filter(isList).filter(({ shown }) => shown.length > 0),
      );
      const text = list && someOf(dice, list.shown)?.text;
      const append = world.events.filter(isAppend).find(({ texts }) => texts.includes(text ?? ''));
      return list && append && changed(world, append, { beganAt: list.endedAt + 1, endedAt: list.endedAt + 2 });
    },
  ],
  H5: [
    toShown(({ lamport }) => ({ lamport: lamport + 1 })),
    toShown(({ origin }) => ({ origin: (origin % 3) + 1 })),
    toShown(({ seen }) => ({ seen: seen + 1 })),
    toShown(({ id }) => ({ id: id + 1 })),
    toShown(({ text }) => ({ text: `${text}?` })),
    to(
      isDone,
      () => true,
      ({ outcome }) => ({ outcome: { ...outcome, firstLamport: outcome.firstLamport + 1 } }),
    ),
  ],
  H6: [
    (world) => ({ ...world, otherLog: world.log.slice(0, -1) }),
    (world, dice) => ({ ...world, otherLog: changedIn(world.log, dice.int(world.log.length), { text: 'nobody' }) }),
    (world, dice) => ({ ...world, otherLog: changedIn(world.log, dice.int(world.log.length), { seen: -1 }) }),
    (world, dice) => {
      const at = dice.int(world.log.length - 1);
      const [one, two] = world.log.slice(at, at + 2) as [ShownMessage, ShownMessage];
      return { ...world, otherLog: world.log.with(at, two).with(at + 1, one) };
    },
  ],
  H7: [
    (world, dice) => {
      const at = dice.int(world.log.length - 1);
      return { ...world, log: world.log.filter((_, i) => i !== at) };
    },
    (world) => ({ ...world, log: changedIn(world.log, world.log.length - 1, { id: world.log.length + 1 }) }),
  ],
  H8: [
    (world, dice) => {
      const batches = world.events
        .filter(isAppend)
        .filter((each) => each.texts.length > 1 && placeOf(world, each) >= 0);
      const batch = someOf(dice, batches);
      if (!batch) return undefined;
      const at = placeOf(world, batch);
      const [one, two] = batch.texts;
      return dice.chance(0.5)
        ? { ...world, log: changedIn(changedIn(world.log, at, { text: two ?? '' }), at + 1, { text: one ?? '' }) }
        : { ...world, log: world.log.filter(({ text }) => text !== two) };
    },
  ],
  H9: [
    (world, dice) => {
      const at = 1 + dice.int(world.log.length - 1);
      return { ...world, log: changedIn(world.log, at, { lamport: world.log[at - 1]?.lamport ?? 0 }) };
    },
    to<List>(
      isList,
      ({ shown }) => shown.length > 1,
      ({ shown }) => ({ shown: changedIn(shown, 1, { lamport: (shown[0]?.lamport ?? 0) - 1 }) }),
    ),
  ],
  H10: [
    to(
      isDone,
      () => true,
      ({ outcome }) => ({ outcome: { ...outcome, firstId: outcome.firstId + 1 } }),
    ),
    to(
      isDone,
      () => true,
      ({ outcome }) => ({ outcome: { ...outcome, firstLamport: outcome.firstLamport - 1 } }),
    ),
    to(
      isDone,
      ({ key }) => key === undefined,
      ({ node }) => ({ node: (node % 3) + 1 }),
    ),
  ],
  H11: [
    // It began only when a newer one was acknowledged.
    (world, dice) => {
      const one = someOf(dice, world.events.filter(isDone));
      const two =
        one &&
        someOf(
          dice,
          world.events.filter(isDone).filter((each) => lastIdOf(each) > lastIdOf(one)),
        );
      return two && changed(world, one, { beganAt: two.endedAt + 1, endedAt: two.endedAt + 2 });
    },
    // It began only when a newer one was shown.
    (world, dice) => {
      const one = someOf(dice, world.events.filter(isDone));
      const lists = one && world.events.filter(isList).filter(({ shown }) => (shown.at(-1)?.id ?? 0) > lastIdOf(one));
      const list = someOf(dice, lists ?? []);
      return one && list && changed(world, one, { beganAt: list.endedAt + 1, endedAt: list.endedAt + 2 });
    },
  ],
  H12: [
    cut((read, { events }) =>
      read.linearizable
        ? events
            .filter(isDone)
            .filter(({ endedAt }) => endedAt < read.beganAt)
            .map(lastIdOf)
        : [],
    ),
    cut((read, { events }) =>
      read.linearizable
        ? events
            .filter(isList)
            .filter(({ endedAt }) => endedAt < read.beganAt)
            .flatMap(idsIn)
        : [],
    ),
  ],
  H13: [cut((read, world) => coveredBy(read.client, read.token, read, world).filter(isList).flatMap(idsIn))],
  H14: [cut((read, world) => coveredBy(read.client, read.token, read, world).filter(isAppend).flatMap(idsIn))],
  H15: [
    cut((read, world) =>
      toldBefore(read, world).flatMap((told) => coveredBy(told.by, told.token, told, world).flatMap(idsIn)),
    ),
    // Told on: what a teller of the teller knew.
    cut((read, world) =>
      toldBefore(read, world).flatMap((told) =>
        world.events
          .slice(0, world.events.indexOf(told))
          .filter(isTold)
          .filter(({ client, token }) => client === told.by && token <= told.token)
          .flatMap((earlier) => coveredBy(earlier.by, earlier.token, earlier, world).flatMap(idsIn)),
      ),
    ),
  ],
  H16: [
    (world, dice) => {
      const bound = world.events.filter(isAppend).flatMap((append) => {
        const place = placeOf(world, append);
        const known = coveredBy(append.client, append.token, append, world).flatMap(idsIn);
        return place >= 0 && known.length > 0 ? [{ place, known: Math.max(...known) }] : [];
      });
      const choice = someOf(dice, bound);
      return choice && { ...world, log: changedIn(world.log, choice.place, { seen: choice.known - 1 }) };
    },
    (world, dice) => {
      const at = dice.int(world.log.length);
      return { ...world, log: changedIn(world.log, at, { seen: at + 1 + dice.int(2) }) };
    },
  ],
  H17: [
    to<List>(
      isList,
      ({ shown }) => shown.length > 2,
      ({ shown }) => ({ shown: shown.filter((_, i) => i !== 1) }),
    ),
    to<List>(
      isList,
      ({ shown }) => shown.length > 0,
      ({ shown }) => ({ shown: [...shown, ...shown.slice(-1)] }),
    ),
    to<List>(
      isList,
      ({ shown }) => shown.length > 1,
      ({ shown }) => ({ shown: shown.toReversed() }),
    ),
    to<List>(
      isList,
      ({ shown }) => shown.length > 0,
      ({ afterId }) => ({ afterId: afterId + 1 }),
    ),
  ],
  H18: [
    to<Append>(
      isAppend,
      (append, world) => placeOf(world, append) >= 0,
      () => ({ outcome: { kind: 'not_done', code: 'NO_LEADER' } }),
    ),
  ],
  H19: [
    to<Append | List>(
      (event): event is Append | List => event.kind !== 'told',
      ({ token, tokenAfter }) => token !== undefined && tokenAfter !== undefined,
      ({ token = 0 }) => ({ tokenAfter: token - 1 }),
    ),
    to<Read>(
      isRead,
      ({ shown }) => shown.length > 0,
      ({ shown }) => ({ tokenAfter: (shown.at(-1)?.lamport ?? 0) - 1 }),
    ),
    to(
      isDone,
      () => true,
      ({ tokenAfter = 0 }) => ({ tokenAfter: tokenAfter - 1 }),
    ),
    to(
      isDone,
      () => true,
      ({ tokenAfter = 0 }) => ({ tokenAfter: tokenAfter + 1 }),
    ),
    to<Append | List>(
      (event): event is Append | List => event.kind !== 'told',
      ({ tokenAfter }) => tokenAfter !== undefined,
      (_, { log }) => ({ tokenAfter: (log.at(-1)?.lamport ?? 0) + 1 }),
    ),
  ],
  H20: [
    cut(({ token }, { log }) =>
      log
        .filter(({ lamport }) => lamport <= (token ?? 0))
        .slice(-1)
        .map(({ id }) => id),
    ),
    (world, dice) => {
      const bound = world.events.filter(isAppend).flatMap(({ token = 0, texts }) => {
        const place = world.log.findIndex(({ text }) => text === texts[0]);
        const asked = world.log.findLast(({ lamport }) => lamport <= token)?.id ?? 0;
        return place >= 0 && asked > 0 ? [{ place, asked }] : [];
      });
      const choice = someOf(dice, bound);
      return choice && { ...world, log: changedIn(world.log, choice.place, { seen: choice.asked - 1 }) };
    },
  ],
  H21: [
    (world, dice) => {
      const stand = world.log.flatMap(({ text }) =>
        world.events.filter(isDone).filter(({ texts }) => texts[0] === text),
      );
      const place = 1 + dice.int(stand.length);
      const [one, other] = [stand[place - 1], stand[place]];
      if (!one || !other) return undefined;
      const lane = (event: Event, at: number): Event => ({ ...event, lane: { name: 'l', place: at } }) as Append;
      const events = world.events.map((event) =>
        event === one ? lane(one, 2) : event === other ? lane(other, 1) : event,
      );
      return { ...world, events };
    },
  ],
};
