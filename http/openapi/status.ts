/** Calls by which a node speaks of itself. */
import { schema } from './schemas.ts';
import { json, type Operation, text } from './vocabulary.ts';

const health: Operation = {
  id: 'getHealth',
  method: 'GET',
  path: '/health',
  group: 'node',
  summary: { en: 'Does this node serve, and is there a leader?', es: '¿Sirve este nodo, y hay líder?' },
  description: '503 says why not, and what to do where a person is needed.',
  answers: [
    { status: 200, description: 'It does, and there is.', content: { [json]: { schema: schema('Healthy') } } },
    {
      status: 503,
      description: 'It does not, or there is none.',
      content: { [json]: { schema: schema('Unhealthy') } },
    },
  ],
  errors: [],
  examples: [
    {
      path: '/health',
      status: 200,
      answer: { status: 'healthy', node_id: 8001, leader_id: 8003, is_leader: false, lamport_time: 191, uptime: 5.211 },
    },
  ],
};

const live: Operation = {
  id: 'getLive',
  method: 'GET',
  path: '/health/live',
  group: 'node',
  summary: { en: 'Can this node be read? For load balancers', es: '¿Se puede leer de este nodo? Para balanceadores' },
  description: 'Also without a leader: committed messages can be read then.',
  answers: [
    { status: 200, description: 'It can.', content: { [json]: { schema: schema('Live') } } },
    { status: 503, description: 'Not yet.', content: { [json]: { schema: schema('NotLive') } } },
  ],
  errors: [],
  examples: [{ path: '/health/live', status: 200, answer: { status: 'live', node_id: 8001 } }],
};

const leader: Operation = {
  id: 'getLeader',
  method: 'GET',
  path: '/leader',
  group: 'node',
  summary: { en: 'Who leads', es: 'Quién lidera' },
  description: 'As this node knows it.',
  answers: [{ status: 200, description: 'An id, or null.', content: { [json]: { schema: schema('LeaderId') } } }],
  errors: [],
  examples: [{ path: '/leader', status: 200, answer: 8003 }],
};

const state: Operation = {
  id: 'getState',
  method: 'GET',
  path: '/state',
  group: 'node',
  summary: { en: 'This node and its leader, as text', es: 'Este nodo y su líder, como texto' },
  description: 'Two words: the id of the node, and that of its leader or `none`.',
  answers: [
    {
      status: 200,
      description: 'One line.',
      content: { [text]: { schema: { type: 'string', pattern: '^\\d+ (\\d+|none)\\n$' } } },
    },
  ],
  errors: [],
  examples: [{ path: '/state', status: 200, type: text, answer: '8001 8003\n' }],
};

const lamportTime: Operation = {
  id: 'getLamportTime',
  method: 'GET',
  path: '/lamport_time',
  group: 'node',
  summary: { en: "The node's Lamport clock", es: 'El reloj de Lamport del nodo' },
  description: 'It also counts what is no message.',
  answers: [{ status: 200, description: 'The time.', content: { [json]: { schema: schema('LamportTime') } } }],
  errors: [],
  examples: [{ path: '/lamport_time', status: 200, answer: { time: 191 } }],
};

export const statusOperations: readonly Operation[] = [health, live, leader, state, lamportTime];
