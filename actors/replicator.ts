/**
 * Replicator: which office the pipeline holds, as a chart that a person can read. It passes the election's orders on and
 * follows what comes of them; the messages themselves are the pipeline's.
 *
 *   halted -> following <-> catchingUp        somebody else leads
 *   halted -> adopting -> leading             this node was elected: first the best log, then its own batches
 */
import { setup } from 'xstate';
import type { OfficeEvent, ReplicatorEvent } from './events.ts';
import { tell } from './system.ts';

export const replicator = setup({
  types: { events: {} as ReplicatorEvent },
  actions: {
    pass: ({ self, system }, order: OfficeEvent) => tell({ self, system }, 'pipeline', order),
    announceBarrier: ({ self, system }, epoch: number) =>
      tell({ self, system }, 'election', { type: 'barrier.committed', epoch }),
  },
}).createMachine({
  id: 'replicator',
  initial: 'halted',
  on: {
    'office.halted': { target: '.halted', actions: { type: 'pass', params: ({ event }) => event } },
    'office.following': { target: '.following', actions: { type: 'pass', params: ({ event }) => event } },
    'office.adopting': { target: '.adopting', actions: { type: 'pass', params: ({ event }) => event } },
    'office.leading': { target: '.leading', actions: { type: 'pass', params: ({ event }) => event } },
  },
  states: {
    halted: {},
    following: { on: { 'follower.behind': 'catchingUp' } },
    catchingUp: { on: { 'follower.level': 'following' } },
    adopting: {},
    leading: {
      initial: 'establishing',
      states: {
        establishing: {},
        established: {
          on: { 'office.draining': { target: 'draining', actions: { type: 'pass', params: ({ event }) => event } } },
        },
        draining: {
          on: { 'office.resumed': { target: 'established', actions: { type: 'pass', params: ({ event }) => event } } },
        },
      },
      on: {
        'barrier.committed': {
          target: '.established',
          actions: { type: 'announceBarrier', params: ({ event }) => event.epoch },
        },
      },
    },
  },
});
