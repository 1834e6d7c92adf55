/**
 * Lets somebody look at every event and every state of a node's actors, while it runs.
 *
 * I1. While nobody looks nothing is attached: an attached observer costs every event 2 to 3 µs.
 * I2. A record is made only when it is asked for, and is bounded in depth and size whatever it shows; so whoever cannot keep
 *     up drops records before they cost anything.
 */
import type { AnyActorRef, InspectionEvent } from 'xstate';

/** As XState's own inspection names them, and as Stately's inspector takes them. */
export type InspectedRecord =
  | {
      readonly type: '@xstate.actor';
      readonly name: string;
      readonly sessionId: string;
      readonly rootId: string;
      readonly parentId: string | undefined;
      /** Of a statechart its definition as JSON, functions replaced by their names. */
      readonly definition: string | undefined;
      readonly snapshot: object;
    }
  | {
      readonly type: '@xstate.event';
      readonly sessionId: string;
      readonly rootId: string;
      readonly sourceId: string | undefined;
      readonly event: unknown;
    }
  | {
      readonly type: '@xstate.snapshot';
      readonly sessionId: string;
      readonly rootId: string;
      readonly event: unknown;
      readonly snapshot: object;
    };

/** Begins with the actors that there are; returns what ends it. */
export function inspectActors(root: AnyActorRef, take: (make: () => InspectedRecord) => void): () => void {
  const rootId = root.sessionId;
  for (const actor of family(root)) take(() => actorRecord(actor, rootId));
  const subscription = root.system.inspect((seen: InspectionEvent) => {
    if (seen.type === '@xstate.actor' || seen.type === '@xstate.event' || seen.type === '@xstate.snapshot')
      take(() => recordOf(seen, rootId));
  });
  return () => subscription.unsubscribe();
}

type Shown = InspectionEvent & { type: '@xstate.actor' | '@xstate.event' | '@xstate.snapshot' };

function recordOf(seen: Shown, rootId: string): InspectedRecord {
  const { sessionId } = seen.actorRef;
  switch (seen.type) {
    case '@xstate.actor':
      return actorRecord(seen.actorRef as AnyActorRef, rootId);
    case '@xstate.event':
      return { type: seen.type, sessionId, rootId, sourceId: seen.sourceRef?.sessionId, event: bounded(seen.event) };
    case '@xstate.snapshot':
      return { type: seen.type, sessionId, rootId, event: bounded(seen.event), snapshot: shown(seen.snapshot) };
  }
}

const actorRecord = (actor: AnyActorRef, rootId: string): InspectedRecord => ({
  type: '@xstate.actor',
  name: (actor as { readonly systemId?: string }).systemId ?? actor.id,
  sessionId: actor.sessionId,
  rootId,
  parentId: (actor as { readonly _parent?: AnyActorRef })._parent?.sessionId,
  definition: definitionOf(actor),
  snapshot: shown(actor.getSnapshot()),
});

/** The actor and all below it, parents first. */
function family(actor: AnyActorRef): AnyActorRef[] {
  const { children = {} } = (actor.getSnapshot() ?? {}) as {
    readonly children?: Readonly<Record<string, AnyActorRef>>;
  };
  return [actor, ...Object.values(children).flatMap(family)];
}

function definitionOf(actor: AnyActorRef): string | undefined {
  const { logic } = actor as { readonly logic?: { readonly config?: object } };
  if (!logic?.config) return undefined;
  return JSON.stringify(logic.config, (_, value: unknown) => (typeof value === 'function' ? nameOf(value) : value));
}

const nameOf = ({ name }: { readonly name: string }): string => `(${name || 'function'})`;

interface AnySnapshot {
  readonly status?: string;
  readonly value?: unknown;
  readonly context?: unknown;
  readonly error?: unknown;
}

/** What a viewer needs of a snapshot; a service has no more than its state in figures. */
function shown(snapshot: unknown): object {
  const { status, value, context, error } = (snapshot ?? {}) as AnySnapshot;
  return { status, ...(value !== undefined && { value }), context: bounded(context), error: bounded(error) };
}

// ---------------------------------------------------------------------------------------------------------- bounds

const depthMax = 3;
const membersMax = 24;
const valuesMax = 200;
const textMax = 120;

/** A copy that is certainly JSON, and small (I2). */
export function bounded(value: unknown): unknown {
  let left = valuesMax;

  const list = (values: Iterable<unknown>, size: number, depth: number): unknown[] => {
    const copy: unknown[] = [];
    for (const one of values) {
      if (copy.length >= membersMax) return [...copy, `… ${size - copy.length} more`];
      copy.push(look(one, depth + 1));
    }
    return copy;
  };
  const members = (object: object, depth: number): object => {
    const copy: Record<string, unknown> = {};
    const names = Object.keys(object);
    for (const name of names.slice(0, membersMax)) {
      const member = (object as Record<string, unknown>)[name];
      if (typeof member !== 'function') copy[name.slice(0, textMax)] = look(member, depth + 1);
    }
    if (names.length > membersMax) copy['…'] = `${names.length - membersMax} more`;
    return copy;
  };
  const inside = (object: object, depth: number): unknown => {
    if (ArrayBuffer.isView(object)) return `(${object.byteLength} bytes)`;
    if (object instanceof Error) return object.message.slice(0, textMax);
    if (isActor(object)) return `(actor ${object.id})`;
    if (depth >= depthMax) return `(${object.constructor?.name ?? 'object'})`;
    if (Array.isArray(object)) return list(object, object.length, depth);
    if (object instanceof Set) return list(object, object.size, depth);
    if (object instanceof Map) return list(object, object.size, depth);
    return members(object, depth);
  };
  const look = (one: unknown, depth: number): unknown => {
    if (left-- <= 0) return '…';
    if (typeof one === 'object' && one !== null) return inside(one, depth);
    if (typeof one === 'string') return one.length > textMax ? `${one.slice(0, textMax)}…` : one;
    if (typeof one === 'bigint' || typeof one === 'symbol') return String(one);
    return typeof one === 'function' ? nameOf(one) : one;
  };
  return look(value, 0);
}

const isActor = (object: object): object is { readonly id: string } => 'sessionId' in object && 'id' in object;
