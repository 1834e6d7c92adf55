/** Calls that put messages into the log. */
import { maxMessagesInWrite } from '../../actors/protocol/batch.ts';
import { maxBatchBodyBytes } from '../requests.ts';
import { ofBodies, ofParameters, ofWrites } from './errorAnswers.ts';
import { format, from, lamportTime, message, session, timeout, writeParameters } from './parameters.ts';
import { schema } from './schemas.ts';
import { form, json, ndjson, type Operation, text } from './vocabulary.ts';

const physical_timestamp = 1795418878.819;
const batch = {
  count: 2,
  first_id: 4,
  messages: [
    { id: 4, lamport_timestamp: 69 },
    { id: 5, lamport_timestamp: 70 },
  ],
  node_id: 8001,
  seen: 3,
  physical_timestamp,
};
const appended = (id: number, lamport_timestamp: number): object => ({
  id,
  lamport_timestamp,
  node_id: 8001,
  seen: id - 1,
  physical_timestamp,
});

const postMessage: Operation = {
  id: 'appendMessage',
  method: 'POST',
  path: '/',
  group: 'write',
  writes: true,
  summary: { en: 'Append one message', es: 'Añadir un mensaje' },
  description:
    'Answers once a majority of the nodes has the message on disk. The message is a body, or the parameter `message`, ' +
    'but not both. A body without a Content-Type is text; a form that begins with a brace is taken as JSON.',
  parameters: [message, ...writeParameters],
  bodyOptional: true,
  body: {
    [json]: { schema: schema('NewMessage') },
    [text]: { schema: schema('MessageText') },
    [form]: { schema: { type: 'object', properties: { message: schema('MessageText') }, required: ['message'] } },
  },
  answers: [
    {
      status: 200,
      description: 'It is committed.',
      headers: ['Lamport-Time'],
      content: { [json]: { schema: schema('Appended') } },
    },
  ],
  errors: [...ofWrites, ...ofBodies],
  examples: [
    { path: '/', body: { type: json, text: '{"message": "hello"}' }, status: 200, answer: appended(1, 38) },
    { path: '/', body: { type: text, text: "it's text" }, status: 200, answer: appended(2, 48) },
    { path: '/?message=in%20the%20query', status: 200, answer: appended(3, 57) },
    { path: '/', body: { type: form, text: 'message=from+a+form' }, status: 200, answer: appended(4, 60) },
    {
      path: '/?timeout=2000',
      headers: { 'Idempotency-Key': 'order-17' },
      body: { type: json, text: '{"message": "pay 10"}' },
      status: 200,
      answer: appended(5, 64),
    },
    {
      path: '/',
      headers: { 'Idempotency-Key': 'order-17' },
      body: { type: json, text: '{"message": "pay 99"}' },
      status: 422,
      code: 'KEY_REUSED',
      detail: 'this Idempotency-Key came before with another body',
    },
    {
      path: '/',
      body: { type: json, text: '{"message": 17}' },
      status: 400,
      code: 'MESSAGE_NOT_TEXT',
      detail: 'found number',
    },
  ],
};

const postMessages: Operation = {
  id: 'appendMessages',
  method: 'POST',
  path: '/messages',
  group: 'write',
  writes: true,
  summary: { en: 'Append many messages', es: 'Añadir muchos mensajes' },
  description:
    'All or none of them, side by side in the log. ' +
    `At most ${maxMessagesInWrite} messages and ${maxBatchBodyBytes / 1024 / 1024} MiB.`,
  parameters: writeParameters,
  body: {
    [json]: { schema: schema('NewMessages') },
    [ndjson]: { schema: { type: 'string' }, itemSchema: schema('NewMessage') },
  },
  answers: [
    {
      status: 200,
      description: 'They are committed.',
      headers: ['Lamport-Time'],
      content: { [json]: { schema: schema('AppendedBatch') } },
    },
  ],
  errors: [...ofWrites, ...ofBodies, 'BATCH_EMPTY', 'BATCH_MALFORMED', 'BATCH_TOO_LARGE'],
  examples: [
    { path: '/messages', body: { type: json, text: '["one", {"message": "two"}]' }, status: 200, answer: batch },
    {
      path: '/messages?timeout=5000',
      body: { type: ndjson, text: '"three"\n{"message": "four"}\n' },
      status: 200,
      answer: batch,
    },
    { path: '/messages', body: { type: json, text: '[]' }, status: 400, code: 'BATCH_EMPTY' },
  ],
};

const append: Operation = {
  id: 'appendStream',
  method: 'GET',
  path: '/append',
  group: 'write',
  writes: true,
  summary: { en: 'Append a stream of messages', es: 'Añadir un flujo de mensajes' },
  description:
    'A WebSocket (RFC 6455, version 13): the client sends frames without waiting, the node answers them in their order, ' +
    'as fast as the cluster takes them. Messages enter the log in the order of the frames. A stream that broke is resumed ' +
    'with the same `session` at any node, `from` the first frame without an answer, by the same frames again: every ' +
    'message is in the log once.',
  parameters: [format, session, from, timeout, lamportTime],
  answers: [
    {
      status: 101,
      description: 'The WebSocket is open.',
      headers: ['Upgrade', 'Sec-WebSocket-Accept'],
    },
  ],
  errors: [
    ...ofParameters,
    'UPGRADE_REQUIRED',
    'TOO_MANY_STREAMS',
    'NO_LEADER',
    'DISK_FULL',
    'IDENTITY_LOST',
    'STOPPING',
    'STARTING',
  ],
  examples: [{ path: '/append', status: 426, code: 'UPGRADE_REQUIRED' }],
  webSocket: {
    send:
      'Frames, numbered from `from`: with `format=text` each is a message, with `format=ndjson` a batch. ' +
      'A close frame when all is sent; the answers that are due still come.',
    receive:
      'Text frames of NDJSON, one or more lines each: answers, and after the first failure an error as the last line.',
    lineSchema: { oneOf: [schema('StreamLine'), schema('StreamFailure')] },
    closeCodes: {
      1000: 'all is answered',
      1001: 'the node stops',
      1008: 'the client did wrong; the reason is the code of the error',
      1009: 'a message or batch is too large',
      1011: 'a bug of the node',
      1013: 'try again later; the reason is the code of the error',
    },
    example: {
      session: 'numbers-1',
      frames: ['one', 'two', 'three'],
      line: { n: 3, first_id: 10, count: 3, lamport_timestamp: 98 },
    },
  },
};

export const writeOperations: readonly Operation[] = [postMessage, postMessages, append];
