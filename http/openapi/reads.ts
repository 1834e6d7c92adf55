/** Calls that read the log. */
import { ofReads } from './errorAnswers.ts';
import { after, idIn, lastEventId, limit, readParameters } from './parameters.ts';
import { schema } from './schemas.ts';
import { eventStream, json, ndjson, type Operation } from './vocabulary.ts';

const hello = {
  id: 1,
  content: 'hello',
  lamport_timestamp: 38,
  node_id: 8001,
  physical_timestamp: 1795418878.819,
  seen: 0,
};
const text = { ...hello, id: 2, content: "it's text", lamport_timestamp: 48, seen: 1 };

const getMessages: Operation = {
  id: 'listMessages',
  method: 'GET',
  path: '/messages',
  group: 'read',
  summary: { en: 'List messages, or follow them live', es: 'Listar mensajes o seguirlos en vivo' },
  description:
    'A list is streamed as fast as the client takes it, whatever its size, and ends at what was committed when the call ' +
    'began. `Accept: text/event-stream` makes it a live tail: what is there, then what comes, with the id of each message ' +
    'as the id of its event.',
  parameters: [after, limit, ...readParameters, lastEventId],
  answers: [
    {
      status: 200,
      description: 'Committed messages in the one order, by `Accept` as JSON, NDJSON or server-sent events.',
      headers: ['Lamport-Time'],
      content: {
        [json]: { schema: { type: 'array', items: schema('Message') } },
        [ndjson]: { schema: { type: 'string' }, itemSchema: schema('Message') },
        [eventStream]: { schema: { type: 'string' }, itemSchema: schema('Message') },
      },
    },
  ],
  errors: [...ofReads, 'NOT_ACCEPTABLE', 'TOO_MANY_TAILS'],
  examples: [
    { path: '/messages?limit=2', status: 200, answer: [hello, text] },
    {
      path: '/messages?after=1&limit=1',
      headers: { Accept: ndjson },
      status: 200,
      type: ndjson,
      answer: `${JSON.stringify(text)}\n`,
    },
    {
      path: '/messages?after=1&limit=1',
      headers: { Accept: eventStream },
      status: 200,
      type: eventStream,
      answer: `retry: 1000\n\nid: 2\ndata: ${JSON.stringify(text)}\n\n`,
    },
    {
      path: '/messages?after=1&limit=1&consistency=linearizable',
      headers: { 'Lamport-Time': '1' },
      status: 200,
      answer: [text],
    },
    {
      path: '/messages?first=1',
      status: 400,
      code: 'UNKNOWN_PARAMETER',
      detail: '"first" is no parameter of this call, which takes after, limit, timeout, consistency',
    },
  ],
};

const getMessage: Operation = {
  id: 'getMessage',
  method: 'GET',
  path: '/messages/:id',
  group: 'read',
  summary: { en: 'Get one message', es: 'Obtener un mensaje' },
  description: 'With the `Lamport-Time` of the answer that named the id, any node has the message, or waits for it.',
  parameters: [idIn('id', 'Id of the message.'), ...readParameters],
  answers: [
    {
      status: 200,
      description: 'The message.',
      headers: ['Lamport-Time'],
      content: { [json]: { schema: schema('Message') } },
    },
  ],
  errors: [...ofReads, 'MESSAGE_NOT_FOUND'],
  examples: [
    { path: '/messages/1', status: 200, answer: hello },
    {
      path: '/messages/1000000',
      status: 404,
      code: 'MESSAGE_NOT_FOUND',
      detail: 'no message 1000000; the newest here is 12',
    },
  ],
};

const getRelation: Operation = {
  id: 'getRelation',
  method: 'GET',
  path: '/messages/:a/relation/:b',
  group: 'read',
  summary: { en: 'Which of two messages caused which', es: 'Qué mensaje causó cuál' },
  description:
    'a is before b if the node that took b had a already, or if both came in one request, a first. ' +
    'If neither is before the other they are concurrent.',
  parameters: [idIn('a', 'Id of a message.'), idIn('b', 'Id of another one.'), ...readParameters],
  answers: [
    {
      status: 200,
      description: 'How a stands to b.',
      headers: ['Lamport-Time'],
      content: { [json]: { schema: schema('Relation') } },
    },
  ],
  errors: [...ofReads, 'MESSAGE_NOT_FOUND'],
  examples: [{ path: '/messages/1/relation/2', status: 200, answer: { relation: 'before' } }],
};

export const readOperations: readonly Operation[] = [getMessages, getMessage, getRelation];
