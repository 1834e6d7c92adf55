/** Calls by which a page shows the API token once, and is known from then on. */
import { type Answer, json, type Operation, type Schema } from './vocabulary.ts';

const signedIn: Schema = { type: 'boolean', description: 'Whether this client is known.' };

const answer: Answer = {
  status: 200,
  description: 'Done.',
  content: { [json]: { schema: { type: 'object', properties: { signed_in: signedIn }, required: ['signed_in'] } } },
};

const look: Operation = {
  id: 'getSession',
  method: 'GET',
  path: '/session',
  group: 'node',
  summary: { en: 'Is a token needed, and was it shown?', es: '¿Hace falta una clave, y se ha mostrado?' },
  description: 'What the dashboard asks before all else.',
  answers: [
    {
      status: 200,
      description: 'So it is.',
      content: {
        [json]: {
          schema: {
            type: 'object',
            properties: { token_for: { type: 'string', enum: ['nothing', 'writes', 'all'] }, signed_in: signedIn },
            required: ['token_for', 'signed_in'],
          },
        },
      },
    },
  ],
  errors: [],
  examples: [{ path: '/session', status: 200, answer: { token_for: 'all', signed_in: false } }],
};

const begin: Operation = {
  id: 'postSession',
  method: 'POST',
  path: '/session',
  group: 'node',
  summary: { en: 'Sign a browser in', es: 'Identificar un navegador' },
  description:
    'With the token as a bearer token. The answer sets a cookie that stands for it for a week; no script and no other site ' +
    'can read or send it. Programs send the token with each call instead.',
  writes: true,
  answers: [answer],
  errors: [],
  examples: [{ path: '/session', status: 200, answer: { signed_in: true } }],
};

const end: Operation = {
  id: 'endSession',
  method: 'POST',
  path: '/session/end',
  group: 'node',
  summary: { en: 'Sign a browser out', es: 'Terminar la sesión de un navegador' },
  description: 'Takes the cookie back.',
  writes: true,
  answers: [answer],
  errors: [],
  examples: [{ path: '/session/end', status: 200, answer: { signed_in: false } }],
};

export const sessionOperations: readonly Operation[] = [look, begin, end];
