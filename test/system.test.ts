/** The one queue of a node (system.ts): it rests on a private method of XState, and so this holds what it promises. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnyActorRef, createActor, type EventObject, setup } from 'xstate';
import { deliverInOrder, type Scope, service } from '../actors/system.ts';
import { VirtualClock } from './support/virtualClock.ts';

const Queue = suite('the one queue of a node');

interface Named extends EventObject {
  readonly from?: string;
  readonly left?: number;
}

/** Sends as `tell` does: by name, through the system. */
function say(scope: Scope, to: string, event: Named): void {
  const system = scope.system as {
    _relay(source: unknown, target: AnyActorRef, event: EventObject): void;
    get(id: string): AnyActorRef | undefined;
  };
  const target = system.get(to);
  if (target) system._relay(scope.self, target, event);
}

/** A node of services: what each does with an event is given by name. */
function aTree(
  actors: Readonly<Record<string, (event: Named, scope: Scope) => void>>,
  options: { readonly inOrder: boolean; readonly onEvent?: (target: string, event: EventObject) => void },
) {
  const clock = new VirtualClock();
  const logics = Object.fromEntries(
    Object.entries(actors).map(([name, receive]) => [
      name,
      service<Named, undefined>((_, scope) => ({ receive: (event) => receive(event, scope) })),
    ]),
  );
  const machine = setup({ actors: logics }).createMachine({
    invoke: Object.keys(actors).map((name) => ({ id: name, systemId: name, src: name })),
  });
  const root = createActor(machine, { clock, logger: () => undefined });
  if (options.inOrder) deliverInOrder(root, options.onEvent);
  root.start();
  const scope: Scope = { self: root, system: root.system };
  return { clock, scope, root };
}

/** A tells B, then C; B on that tells C. Gives in which order C heard of them. */
function whatCHears(inOrder: boolean): string[] {
  const heard: string[] = [];
  const { scope } = aTree(
    {
      a: (_, self) => {
        say(self, 'b', { type: 'm1' });
        say(self, 'c', { type: 'm2' });
      },
      b: (_, self) => say(self, 'c', { type: 'm3' }),
      c: ({ type }) => heard.push(type),
    },
    { inOrder },
  );
  say(scope, 'a', { type: 'go' });
  return heard;
}

Queue('what was sent before is handled before, whoever sent it to whomever (A1)', () => {
  assert.equal(whatCHears(true), ['m2', 'm3']);
});

Queue('without it the order is broken: so this proves something', () => {
  assert.equal(whatCHears(false), ['m3', 'm2']);
});

Queue('an actor finishes an event before anybody handles the next (A2)', () => {
  const story: string[] = [];
  const { scope } = aTree(
    {
      a: (_, self) => {
        story.push('a begins');
        say(self, 'b', { type: 'x' });
        story.push('a ends');
      },
      b: () => story.push('b'),
    },
    { inOrder: true },
  );
  say(scope, 'a', { type: 'go' });
  assert.equal(story, ['a begins', 'a ends', 'b']);
});

Queue('a chain of 20,000 does not grow the stack (A2)', () => {
  const chain = (inOrder: boolean): number => {
    let handled = 0;
    const pass =
      (to: string) =>
      ({ left = 0 }: Named, self: Scope): void => {
        handled++;
        if (left > 0) say(self, to, { type: 'pass', left: left - 1 });
      };
    const { scope } = aTree({ a: pass('b'), b: pass('a') }, { inOrder });
    say(scope, 'a', { type: 'pass', left: 20_000 });
    return handled;
  };
  assert.is(chain(true), 20_001);
});

Queue('timers of statecharts, events to oneself and to the parent go through it too', () => {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const order: string[] = [];
  const child = setup({
    types: { events: {} as EventObject },
    actions: {
      note: ({ event }) => {
        heard.push(event.type);
      },
    },
  }).createMachine({
    initial: 'waiting',
    states: {
      waiting: {
        after: {
          10: {
            target: 'done',
            actions: ({ self, system }) => {
              const scope = { self, system };
              say(scope, 'listener', { type: 'first' });
              self.send({ type: 'second' });
            },
          },
        },
      },
      done: {
        on: {
          second: { actions: ['note', ({ self, system }) => say({ self, system }, 'listener', { type: 'third' })] },
        },
      },
    },
  });
  const listener = service<Named, undefined>(() => ({ receive: ({ type }) => order.push(type) }));
  const root = createActor(
    setup({ actors: { child, listener } }).createMachine({
      invoke: [
        { id: 'listener', systemId: 'listener', src: 'listener' },
        { id: 'child', systemId: 'child', src: 'child' },
      ],
    }),
    { clock, logger: () => undefined },
  );
  const seen: string[] = [];
  deliverInOrder(root, (target, { type }) => seen.push(`${target}:${type}`));
  root.start();
  clock.advance(10);
  assert.equal(heard, ['second']);
  assert.equal(order, ['first', 'third']);
  const own = seen.filter((line) => !line.includes('xstate.init'));
  assert.equal(own.slice(1), ['listener:first', 'child:second', 'listener:third']);
  assert.match(own[0] as string, /^child:xstate\.after\./);
});

Queue('what a port calls back in the middle of an event waits for its turn', () => {
  const story: string[] = [];
  let port: (() => void) | undefined;
  const { scope } = aTree(
    {
      a: ({ type }, self) => {
        story.push(`${type} begins`);
        if (type === 'go') {
          port = () => say(self, 'a', { type: 'called back' });
          port();
          say(self, 'b', { type: 'later' });
        }
        story.push(`${type} ends`);
      },
      b: ({ type }) => story.push(type),
    },
    { inOrder: true },
  );
  say(scope, 'a', { type: 'go' });
  assert.equal(story, ['go begins', 'go ends', 'called back begins', 'called back ends', 'later']);
  port?.();
  assert.is(story.length, 7, 'and at once when nothing is under way');
});

Queue('a failure in one actor leaves the queue usable', () => {
  const heard: string[] = [];
  const { scope, root } = aTree(
    {
      a: () => {
        throw new Error('a bug');
      },
      b: ({ type }) => heard.push(type),
    },
    { inOrder: true },
  );
  root.subscribe({ error: () => undefined });
  say(scope, 'a', { type: 'go' });
  say(scope, 'b', { type: 'after' });
  // The root has failed with its child; an actor that still lives is still reached, in order.
  assert.ok(heard.length <= 1);
});

Queue('every delivery can be watched', () => {
  const seen: string[] = [];
  const { scope } = aTree(
    { a: (_, self) => say(self, 'b', { type: 'x' }), b: () => undefined },
    { inOrder: true, onEvent: (target, { type }) => seen.push(`${target}:${type}`) },
  );
  seen.length = 0;
  say(scope, 'a', { type: 'go' });
  assert.equal(seen, ['a:go', 'b:x']);
});

Queue('the version of XState is pinned exactly, and it is the one that runs', () => {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  const read = (path: string): { version?: string; dependencies?: Record<string, string> } =>
    JSON.parse(readFileSync(join(root, path), 'utf8'));
  const pinned = read('package.json').dependencies?.xstate ?? '';
  assert.match(pinned, /^\d+\.\d+\.\d+$/);
  assert.is(read('node_modules/xstate/package.json').version, pinned);
});

Queue.run();
