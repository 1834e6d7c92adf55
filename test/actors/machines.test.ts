/**
 * Every statechart, looked at as data. XState ignores the name of an action that does not exist, and drops an event that
 * nobody handles: a typing mistake would be silence.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnyStateMachine, setup } from 'xstate';
import { election } from '../../actors/election.ts';
import { formation } from '../../actors/formation.ts';
import { gateway } from '../../actors/gateway.ts';
import { link } from '../../actors/link.ts';
import { nodeMachine } from '../../actors/node.ts';
import { replicator } from '../../actors/replicator.ts';
import { store } from '../../actors/store.ts';

const machines: Readonly<Record<string, AnyStateMachine>> = {
  election,
  formation,
  gateway,
  link,
  node: nodeMachine,
  replicator,
  store,
} as unknown as Record<string, AnyStateMachine>;

interface Named {
  readonly type: string;
}
interface Edge {
  readonly actions?: readonly unknown[];
  readonly guard?: unknown;
  readonly target?: readonly { readonly id: string }[];
  readonly eventType: string;
}
interface StateNode {
  readonly id: string;
  readonly type: string;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly { readonly src: unknown }[];
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always?: readonly Edge[];
  readonly states: Readonly<Record<string, StateNode>>;
  readonly initial?: { readonly target: readonly unknown[] };
  readonly config: { readonly after?: Readonly<Record<string, unknown>> };
}
interface Implementations {
  readonly actions: Readonly<Record<string, unknown>>;
  readonly guards: Readonly<Record<string, unknown>>;
  readonly delays: Readonly<Record<string, unknown>>;
  readonly actors: Readonly<Record<string, unknown>>;
}

const nameOf = (it: unknown): string | null =>
  typeof it === 'string' ? it : typeof it === 'object' && it !== null && 'type' in it ? (it as Named).type : null;

function nodesOf(node: StateNode): StateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}
const edgesOf = (node: StateNode): Edge[] => [...[...node.transitions.values()].flat(), ...(node.always ?? [])];

/** What is named and does not exist. */
function faultsOf(machine: AnyStateMachine): string[] {
  const { implementations, root } = machine as unknown as { implementations: Implementations; root: StateNode };
  const faults: string[] = [];
  const nodes = nodesOf(root);
  const need = (kind: keyof Implementations, it: unknown, where: string): void => {
    const name = nameOf(it);
    if (name !== null && !name.startsWith('xstate.') && !(name in implementations[kind]))
      faults.push(`${where}: no ${kind.slice(0, -1)} ${name}`);
  };
  for (const node of nodes) {
    for (const action of [...node.entry, ...node.exit]) need('actions', action, node.id);
    for (const { src } of node.invoke) need('actors', src, node.id);
    for (const delay of Object.keys(node.config.after ?? {}))
      if (Number.isNaN(Number(delay))) need('delays', delay, node.id);
    for (const edge of edgesOf(node)) {
      const where = `${node.id} on ${edge.eventType}`;
      for (const action of edge.actions ?? []) need('actions', action, where);
      if (edge.guard !== undefined) need('guards', edge.guard, where);
      for (const target of edge.target ?? [])
        if (!nodes.some(({ id }) => id === target.id)) faults.push(`${where}: no state ${target.id}`);
    }
    const isCompound = Object.keys(node.states).length > 0 && node.type !== 'parallel';
    if (isCompound && !(node.initial && node.initial.target.length > 0)) faults.push(`${node.id}: no initial state`);
  }
  return faults;
}
/** What is there and nobody names. */
function idleOf(machine: AnyStateMachine): string[] {
  const { implementations, root } = machine as unknown as { implementations: Implementations; root: StateNode };
  const used = new Set<string>();
  for (const node of nodesOf(root)) {
    for (const it of [
      ...node.entry,
      ...node.exit,
      ...edgesOf(node).flatMap(({ actions = [], guard }) => [...actions, guard]),
    ]) {
      const name = nameOf(it);
      if (name) used.add(name);
    }
    for (const delay of Object.keys(node.config.after ?? {})) used.add(delay);
  }
  const { actions, guards, delays } = implementations;
  return [...Object.keys(actions), ...Object.keys(guards), ...Object.keys(delays)].filter((name) => !used.has(name));
}
function reachableOf(machine: AnyStateMachine): { readonly all: StateNode[]; readonly reached: ReadonlySet<string> } {
  const { root } = machine as unknown as { root: StateNode };
  const all = nodesOf(root);
  const reached = new Set<string>();
  const visit = (node: StateNode): void => {
    if (reached.has(node.id)) return;
    reached.add(node.id);
    const parent = all.find(({ states }) => Object.values(states).includes(node));
    if (parent) visit(parent);
    const first = node.type === 'parallel' ? Object.values(node.states) : ((node.initial?.target ?? []) as StateNode[]);
    for (const next of first) visit(next);
    for (const { target = [] } of edgesOf(node))
      for (const next of target) visit(all.find(({ id }) => id === next.id) as StateNode);
  };
  visit(root);
  return { all, reached };
}

const Charts = suite('statecharts');

for (const [name, machine] of Object.entries(machines)) {
  Charts(`${name}: every action, guard, delay, actor and state that is named exists`, () => {
    assert.equal(faultsOf(machine), []);
  });
  Charts(`${name}: nothing was written for nobody`, () => {
    assert.equal(idleOf(machine), []);
  });
  Charts(`${name}: every state can be reached`, () => {
    const { all, reached } = reachableOf(machine);
    assert.equal(
      all.map(({ id }) => id).filter((id) => !reached.has(id)),
      [],
    );
  });
}

Charts('a mistake in a name is found', () => {
  const wrong = setup({ actions: { right: () => undefined }, guards: { never: () => false } }).createMachine({
    id: 'wrong',
    initial: 'a',
    states: {
      a: {
        entry: 'rihgt' as 'right',
        on: { go: { target: 'b', guard: 'nevver' as 'never', actions: 'right' } },
        after: { soon: 'b' } as Record<string, string>,
      },
      b: {},
      c: {},
    },
  } as never) as unknown as AnyStateMachine;
  assert.equal(faultsOf(wrong).sort(), [
    'wrong.a on go: no guard nevver',
    'wrong.a: no action rihgt',
    'wrong.a: no delay soon',
  ]);
  assert.equal(idleOf(wrong), ['never']);
  const { all, reached } = reachableOf(wrong);
  assert.equal(
    all.map(({ id }) => id).filter((id) => !reached.has(id)),
    ['wrong.c'],
  );
});

Charts('every event that one actor tells a chart is handled somewhere in it', () => {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!root.endsWith('/test')) root = dirname(root);
  root = join(root, '..', '..', 'actors');
  const events = readFileSync(join(root, 'events.ts'), 'utf8');
  /** Types of the union `name` in events.ts, with the unions and helpers that it names. */
  const typesOf = (name: string): string[] => {
    const found =
      new RegExp(`export type ${name}\\b[^=]*=([\\s\\S]*?)\\n(?=\\n|export |//|/\\*\\*)`).exec(events)?.[1] ?? '';
    const literal = [...found.matchAll(/readonly type: '([^']+)'/g)].map(([, type]) => type as string);
    const frames = [...found.matchAll(/\|\s*\(?FrameReceived<([^>]+)>/g)].flatMap(([, kinds]) =>
      [...(kinds as string).matchAll(/'([^']+)'/g)].map(([, kind]) => `${kind}.received`),
    );
    const others = [
      ...found.matchAll(
        /\|\s*(PeerConnected|PeerDisconnected|PeerGreeted|LeaderChanged|CommitAdvanced|OfficeEvent)\b/g,
      ),
    ];
    return [...new Set([...literal, ...frames, ...others.flatMap(([, other]) => typesOf(other as string))])];
  };
  const handledBy = (machine: AnyStateMachine): Set<string> =>
    new Set(
      nodesOf((machine as unknown as { root: StateNode }).root).flatMap(({ transitions }) => [...transitions.keys()]),
    );
  const unions = {
    election: 'ElectionEvent',
    formation: 'FormationEvent',
    gateway: 'GatewayEvent',
    link: 'LinkEvent',
    node: 'NodeEvent',
    replicator: 'ReplicatorEvent',
    store: 'StoreEvent',
  };
  for (const [name, union] of Object.entries(unions)) {
    const types = typesOf(union);
    assert.ok(types.length >= 3, `${union}: ${types.join()}`);
    const handled = handledBy(machines[name] as AnyStateMachine);
    const unheard = types.filter((type) => !handled.has(type));
    assert.equal(unheard, [], name);
  }
});

Charts.run();
