/** Calls for tests: they are there only where chaos is switched on, and only for whoever is on the same machine. */
import { faultMsByDefault, faultMsMax, faultMsMin } from '../chaos.ts';
import { type Answer, json, type Operation, type Schema } from './vocabulary.ts';

const nodeId: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const ms: Schema = { type: 'integer', minimum: faultMsMin, maximum: faultMsMax, default: faultMsByDefault };

const fault = (more: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties: { node: nodeId, ...more },
  required: ['node', ...required],
});

const ofFaults: Operation['errors'] = [
  'NOT_FOUND',
  'CHAOS_REFUSED',
  'PARAMETER_INVALID',
  'UNKNOWN_PARAMETER',
  'MALFORMED_JSON',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
];

const done: Answer = {
  status: 200,
  description: 'It is done; these faults are active now.',
  content: {
    [json]: {
      schema: {
        type: 'object',
        properties: {
          active: {
            type: 'array',
            items: {
              type: 'object',
              properties: {
                id: { type: 'string' },
                what: { type: 'string', enum: ['pause', 'cut', 'killed'] },
                node: nodeId,
                peer: nodeId,
                healsAtWallMs: { type: ['number', 'null'], description: 'When it heals by itself.' },
              },
              required: ['id', 'what', 'node', 'healsAtWallMs'],
            },
          },
        },
        required: ['active'],
      },
    },
  },
};

const resetMetrics: Operation = {
  id: 'resetMetrics',
  method: 'POST',
  path: '/metrics/reset',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'Set the counters to zero', es: 'Poner los contadores a cero' },
  description: 'Only with chaos switched on, and only from the same machine; else 404.',
  answers: [
    {
      status: 200,
      description: 'They are zero.',
      content: { [json]: { schema: { type: 'object', properties: { reset: { const: true } }, required: ['reset'] } } },
    },
  ],
  errors: ['NOT_FOUND'],
  examples: [{ path: '/metrics/reset', status: 200, answer: { reset: true } }],
};

const kill: Operation = {
  id: 'killNode',
  method: 'POST',
  path: '/kill',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'End the process, like kill -9', es: 'Terminar el proceso, como kill -9' },
  description:
    'Only with chaos switched on, and only from the same machine; else 404. Without a body it is this node, and there is no ' +
    'answer: the connection ends with the process. With `{"node": …}` it is any node that `npm start` has started, and it ' +
    `comes back after \`ms\` (${faultMsByDefault}).`,
  body: { [json]: { schema: fault({ ms }) } },
  bodyOptional: true,
  answers: [done],
  errors: ofFaults,
  examples: [{ path: '/kill', status: undefined }],
};

const onlyHere = 'Only with chaos switched on, and only from the same machine; else 404.';
const anyNode = 'Of nodes that `npm start` has started any; of a node alone only itself.';

const pause: Operation = {
  id: 'pauseNode',
  method: 'POST',
  path: '/chaos/pause',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'Stop a process for a while (SIGSTOP)', es: 'Detener un proceso por un tiempo (SIGSTOP)' },
  description: `${onlyHere} ${anyNode} It goes on after \`ms\`.`,
  body: { [json]: { schema: fault({ ms }) } },
  answers: [done],
  errors: ofFaults,
  examples: [
    {
      path: '/chaos/pause',
      body: { type: json, text: '{"node": 65535}' },
      status: 400,
      code: 'PARAMETER_INVALID',
      detail: 'node is the id of a voter',
    },
  ],
};

const cut: Operation = {
  id: 'cutLink',
  method: 'POST',
  path: '/chaos/cut',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'Cut the link of two nodes', es: 'Cortar el enlace de dos nodos' },
  description: `${onlyHere} With \`oneWay\` only what \`node\` says to \`peer\` is lost. The link is mended after \`ms\`.`,
  body: { [json]: { schema: fault({ peer: nodeId, ms, oneWay: { type: 'boolean' } }, ['peer']) } },
  answers: [done],
  errors: ofFaults,
  examples: [
    {
      path: '/chaos/cut',
      body: { type: json, text: '{"node": 65535}' },
      status: 400,
      code: 'PARAMETER_INVALID',
      detail: 'node is the id of a voter',
    },
  ],
};

const revive: Operation = {
  id: 'reviveNode',
  method: 'POST',
  path: '/chaos/revive',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'Start a node that ended', es: 'Arrancar un nodo que terminó' },
  description: `${onlyHere} Of nodes that \`npm start\` has started.`,
  body: { [json]: { schema: fault({}) } },
  answers: [done],
  errors: ofFaults,
  examples: [
    {
      path: '/chaos/revive',
      body: { type: json, text: '{"node": 65535}' },
      status: 400,
      code: 'PARAMETER_INVALID',
      detail: 'node is the id of a voter',
    },
  ],
};

const heal: Operation = {
  id: 'healFaults',
  method: 'POST',
  path: '/chaos/heal',
  group: 'chaos',
  chaos: true,
  writes: true,
  summary: { en: 'End one fault, or all', es: 'Terminar un fallo, o todos' },
  description: `${onlyHere} Without \`id\` all faults end: nodes go on or come back, links are mended.`,
  body: { [json]: { schema: { type: 'object', properties: { id: { type: 'string', maxLength: 60 } } } } },
  bodyOptional: true,
  answers: [done],
  errors: ofFaults,
  examples: [
    {
      path: '/chaos/heal',
      body: { type: json, text: '{"id": "?"}' },
      status: 400,
      code: 'PARAMETER_INVALID',
      detail: 'id is that of an active fault',
    },
  ],
};

export const chaosOperations: readonly Operation[] = [
  resetMetrics,
  pause,
  cut,
  revive,
  heal,
  kill, // Last, for the examples are sent in this order.
];
