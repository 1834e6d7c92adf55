/** Calls for tests: they are there only where chaos is switched on, and only for whoever is on the same machine. */
import { json, type Operation } from './vocabulary.ts';

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
    'Only with chaos switched on, and only from the same machine; else 404. ' +
    'There is no answer: the connection ends with the process.',
  answers: [],
  errors: ['NOT_FOUND'],
  examples: [{ path: '/kill', status: undefined }],
};

export const chaosOperations: readonly Operation[] = [resetMetrics, kill];
