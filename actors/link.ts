/**
 * Link: the life of the connection to one peer. The higher id dials; there is one connection a pair.
 *
 *   down --dial accepted--> greeting --HELLO and GREETED--> up --closed--> waiting --> dialling --> greeting
 *
 * Frames are the wire's business, who may be a voter is the formation's.
 *
 * A1. A connection that comes later takes the place of the earlier one; everything on the earlier one is dropped.
 * A2. Whoever had heard `peer.connected` hears `peer.disconnected` before the next one's.
 */
import { assign, setup } from 'xstate';
import type { ConnectionKey, LinkEvent } from './events.ts';
import type { Connection, ConnectionHandlers, Dice, Links, LogLines } from './ports.ts';
import type { NodeId } from './protocol/epoch.ts';
import type { Greeted, Hello } from './protocol/frames.ts';
import { type Scope, tell, tellLink, tellWire } from './system.ts';

export interface LinkInput {
  readonly self: NodeId;
  readonly peer: NodeId;
  readonly links: Links;
  readonly dice: Dice;
  readonly log: LogLines;
  /** Next number for a connection of this boot. */
  readonly nextKey: () => ConnectionKey;
  readonly greetingMs: number;
}

export interface LinkContext extends LinkInput {
  readonly key: ConnectionKey;
  readonly connection: Connection | null;
  readonly hello: Hello | null;
  /** Dials in a row that led nowhere. */
  readonly failures: number;
}

const backoffMsMin = 20;
const backoffMsMax = 1000;

/** The handlers that a transport gets for one connection: everything becomes an event that names it. */
export function handlersFor(scope: Scope, peer: NodeId, key: ConnectionKey): ConnectionHandlers {
  return {
    frame: (bytes) => tellWire(scope, peer, { type: 'bytes.arrived', key, bytes }),
    closed: (reason) => tellLink(scope, peer, { type: 'connection.closed', key, reason }),
  };
}

const isCurrent = ({ context, event }: { context: LinkContext; event: LinkEvent }): boolean =>
  'key' in event && event.key === context.key;

const base = setup({
  types: { input: {} as LinkInput, context: {} as LinkContext, events: {} as LinkEvent },
  delays: {
    greeting: ({ context }) => context.greetingMs,
    // Full jitter: two nodes that lost each other must not dial in step.
    backoff: ({ context }) =>
      (0.5 + context.dice.next()) * Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(10, context.failures)),
  },
  guards: {
    dials: ({ context }) => context.self > context.peer,
    isCurrent,
    isGreeted: ({ context, event }) => isCurrent({ context, event }) && context.hello !== null,
  },
  actions: {
    takeKey: assign({ key: ({ context }) => context.nextKey(), connection: null, hello: null }),
    dial: ({ context: { key, links, peer }, self, system }) => {
      links.dial(peer, {
        ...handlersFor({ self, system }, peer, key),
        opened: (connection) => self.send({ type: 'dial.opened', key, connection }),
      });
    },
    takeConnection: assign((_, { key, connection }: { key: ConnectionKey; connection: Connection }) => ({
      key,
      connection,
      hello: null,
    })),
    attachWire: ({ context, self, system }) => {
      if (!context.connection) return;
      const scope = { self, system };
      tellWire(scope, context.peer, { type: 'wire.attach', key: context.key, connection: context.connection });
      tell(scope, 'formation', { type: 'hello.wanted', peer: context.peer, connection: context.key });
    },
    // The wire closes it, so that what was sent before still goes out: a refused peer must get the proposal (R25).
    drop: ({ context, self, system }, reason: string) =>
      tellWire({ self, system }, context.peer, { type: 'wire.detach', close: reason }),
    detachWire: ({ context, self, system }) => tellWire({ self, system }, context.peer, { type: 'wire.detach' }),
    noteHello: assign((_, hello: Hello) => ({ hello })),
    announceConnected: ({ context, self, system }) => {
      const { hello, peer, key } = context;
      if (!hello) return;
      tellWire({ self, system }, peer, { type: 'wire.accept', key });
      for (const name of ['pipeline', 'election'] as const)
        tell({ self, system }, name, { type: 'peer.connected', peer, key, hello });
    },
    announceGreeted: ({ context, self, system }, greeted: Greeted) => {
      tell({ self, system }, 'ingress', { type: 'peer.greeted', peer: context.peer, key: context.key, greeted });
    },
    announceGone: ({ context, self, system }, byThisSide: boolean) => {
      const event = { type: 'peer.disconnected', peer: context.peer, byThisSide } as const;
      for (const name of ['formation', 'pipeline', 'election', 'ingress', 'sessions'] as const)
        tell({ self, system }, name, event);
    },
    forget: assign({ connection: null, hello: null }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    resetFailures: assign({ failures: 0 }),
    logUp: ({ context }) =>
      context.log.write('info', 'peer_connected', `peer ${context.peer} is connected`, { peer: context.peer }),
    logGone: ({ context }, reason: string) =>
      context.log.write(
        context.failures > 3 ? 'debug' : 'info',
        'peer_disconnected',
        `peer ${context.peer}: ${reason}`,
        {
          peer: context.peer,
          reason,
        },
      ),
    /** No trouble: it is made anew at once. */
    logRenewed: ({ context }, reason: string) =>
      context.log.write('info', 'peer_renewed', `peer ${context.peer}: ${reason}`, { peer: context.peer, reason }),
    logRefused: ({ context }, reason: string) =>
      context.log.write('warn', 'peer_refused', `peer ${context.peer} was refused: ${reason}`, {
        peer: context.peer,
        reason,
      }),
  },
});

/** This side ends the connection, says why, and tells everybody. */
const giveUp = <E extends LinkEvent>(reason: (args: { event: E }) => string) =>
  [
    { type: 'drop', params: reason },
    { type: 'logGone', params: reason },
    { type: 'announceGone', params: true },
  ] as const;

export const link = base.createMachine({
  id: 'link',
  context: ({ input }) => ({ ...input, key: 0, connection: null, hello: null, failures: 0 }),
  initial: 'down',
  on: {
    'dial.accepted': {
      target: '.connected',
      actions: [
        { type: 'drop', params: 'a newer connection took its place' },
        { type: 'announceGone', params: true },
        { type: 'takeConnection', params: ({ event }) => event },
      ],
    },
  },
  states: {
    down: {
      // The lower id stays here until the higher one dials.
      always: { guard: 'dials', target: 'dialling' },
    },
    dialling: {
      entry: ['takeKey', 'dial'],
      on: {
        'dial.opened': {
          guard: 'isCurrent',
          target: 'connected',
          actions: { type: 'takeConnection', params: ({ event }) => event },
        },
        'connection.closed': {
          guard: 'isCurrent',
          target: 'waiting',
          actions: [
            { type: 'logGone', params: ({ event }) => event.reason.reason },
            // A refused dial says as much as a closed connection: nobody is there (R19).
            { type: 'announceGone', params: ({ event }) => event.reason.byThisSide },
          ],
        },
      },
    },
    connected: {
      initial: 'greeting',
      on: {
        'connection.closed': {
          guard: 'isCurrent',
          target: 'waiting',
          actions: [
            'detachWire',
            { type: 'logGone', params: ({ event }) => event.reason.reason },
            { type: 'announceGone', params: ({ event }) => event.reason.byThisSide },
          ],
        },
        'hello.refused': {
          guard: 'isCurrent',
          target: 'waiting',
          actions: [
            { type: 'logRefused', params: ({ event }) => event.reason },
            { type: 'drop', params: ({ event }) => event.reason },
            { type: 'announceGone', params: true },
          ],
        },
        'peer.misbehaved': { target: 'waiting', actions: giveUp(({ event }) => event.reason) },
        'peer.fell-silent': { target: 'waiting', actions: giveUp(() => 'nothing came for too long') },
        'link.renew': {
          target: 'waiting',
          actions: [
            { type: 'drop', params: ({ event }) => event.reason },
            { type: 'logRenewed', params: ({ event }) => event.reason },
            { type: 'announceGone', params: true },
          ],
        },
      },
      states: {
        greeting: {
          entry: 'attachWire',
          after: {
            greeting: { target: '#link.waiting', actions: giveUp(() => 'the greeting took too long') },
          },
          on: {
            'hello.accepted': {
              guard: 'isCurrent',
              actions: [{ type: 'noteHello', params: ({ event }) => event.hello }, 'announceConnected'],
            },
            'peer.answered': {
              guard: 'isGreeted',
              target: 'up',
              actions: { type: 'announceGreeted', params: ({ event }) => event.greeted },
            },
          },
        },
        up: { entry: ['resetFailures', 'logUp'] },
      },
    },
    waiting: {
      entry: ['countFailure', 'forget'],
      after: { backoff: 'down' },
    },
  },
});
