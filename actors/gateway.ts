/**
 * Gateway: whether this node takes writes now. The ingress asks nobody: it is told when the gate changes.
 *
 *   waiting     no leader is known: writes are held up to their deadline
 *   open        they pass
 *   throttled   much is waiting: bulk writes are refused first
 *   shedding    too much is waiting: every write is refused, certainly not done
 *   diskFull    this node's disk is full
 */
import { assign, setup } from 'xstate';
import type { Gate, GatewayEvent } from './events.ts';
import { tell } from './system.ts';

export interface GatewayContext {
  readonly hasLeader: boolean;
}

export const gateway = setup({
  types: { context: {} as GatewayContext, events: {} as GatewayEvent },
  guards: { hasLeader: ({ context }) => context.hasLeader, hasNoLeader: ({ context }) => !context.hasLeader },
  actions: {
    announce: ({ self, system }, gate: Gate) => tell({ self, system }, 'ingress', { type: 'gate.changed', gate }),
    noteLeader: assign((_, hasLeader: boolean) => ({ hasLeader })),
  },
}).createMachine({
  id: 'gateway',
  context: { hasLeader: false },
  initial: 'flowing',
  on: {
    'leader.changed': { actions: { type: 'noteLeader', params: ({ event }) => event.leader !== null } },
    'disk.filled': '.diskFull',
  },
  states: {
    flowing: {
      initial: 'waiting',
      on: { 'flow.high': 'throttled', 'flow.full': 'shedding' },
      states: {
        waiting: {
          entry: { type: 'announce', params: 'waiting' },
          always: { guard: 'hasLeader', target: 'open' },
        },
        open: {
          entry: { type: 'announce', params: 'open' },
          always: { guard: 'hasNoLeader', target: 'waiting' },
        },
      },
    },
    throttled: {
      entry: { type: 'announce', params: 'throttled' },
      on: { 'flow.low': 'flowing', 'flow.full': 'shedding' },
    },
    shedding: {
      entry: { type: 'announce', params: 'shedding' },
      on: { 'flow.low': 'flowing' },
    },
    diskFull: {
      entry: { type: 'announce', params: 'diskFull' },
      on: { 'disk.freed': 'flowing' },
    },
  },
});
