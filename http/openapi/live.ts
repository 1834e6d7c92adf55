/** The WebSockets of the dashboard and of inspectors. What is said on them is in ../live/protocol.ts. */
import type { Operation } from './vocabulary.ts';

const opened = {
  status: 101,
  description: 'The WebSocket is open.',
  headers: ['Upgrade', 'Sec-WebSocket-Accept'],
} as const;

const live: Operation = {
  id: 'watchLive',
  method: 'GET',
  path: '/live',
  group: 'node',
  summary: { en: 'The feed of the dashboard', es: 'La fuente de datos del panel' },
  description:
    'A WebSocket (RFC 6455, version 13) with what all nodes do, for people: the view of each node, at most ten times a ' +
    'second. The client says what it wants, like `{"type":"want","everyMs":100,"trace":false,"actors":false,"oneOf":1}`; ' +
    'the node says `hello` once, then `tick`. Its form may change between versions, and says which one it is.',
  answers: [opened],
  errors: ['UPGRADE_REQUIRED', 'TOO_MANY_VIEWERS', 'FOREIGN_ORIGIN'],
  examples: [{ path: '/live', status: 426, code: 'UPGRADE_REQUIRED' }],
};

const inspect: Operation = {
  id: 'inspectActors',
  method: 'GET',
  path: '/inspect',
  group: 'node',
  summary: { en: 'Every event and state of the actors', es: 'Cada evento y estado de los actores' },
  description:
    'A WebSocket in the form of the inspector of Stately. Only with inspection switched on, and only from the same ' +
    'machine; else 404.',
  answers: [opened],
  errors: ['UPGRADE_REQUIRED', 'TOO_MANY_VIEWERS', 'FOREIGN_ORIGIN', 'NOT_FOUND'],
  examples: [{ path: '/inspect', status: 404, code: 'NOT_FOUND' }],
};

export const liveOperations: readonly Operation[] = [live, inspect];
