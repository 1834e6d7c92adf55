/**
 * The OpenAPI 3.1 document, made from the operations. Pure.
 *
 * What OpenAPI 3.1 has no words for stands in extensions: `x-itemSchema` (of each line of NDJSON, or the data of each
 * event), `x-websocket` (what is said on a WebSocket), `x-chaos`, and `x-codeSamples` (commands).
 */
import { type ErrorCode, errors } from '../errors.ts';
import { curlOf, streamCommandOf } from './commands.ts';
import { allErrors, byStatus, errorsOf, errorValue, headersOf, mayNeedToken, ofNoCall } from './errorAnswers.ts';
import { operationsOf } from './operations.ts';
import { answerHeaders } from './parameters.ts';
import { schemas } from './schemas.ts';
import {
  type Answer,
  type Content,
  type Example,
  groups,
  json,
  type Operation,
  type Parameter,
  ref,
  type Schema,
} from './vocabulary.ts';

type Json = Readonly<Record<string, unknown>>;

/** Of the API; that of package.json. */
export const version = '0.1.0';

const summary = 'A replicated message log: every node takes every call.';
const description =
  'Bodies and answers are UTF-8. Calls that GET also answer HEAD. A call that reads or writes messages refuses parameters ' +
  'that it does not know. A path that is no call is answered with `NOT_FOUND`, another method with ' +
  '`METHOD_NOT_ALLOWED`. Where the node has a token set, writes need it, or all calls but health do.';

/** `base` is the address that commands name. */
export function openApiOf({ chaos, base }: { readonly chaos: boolean; readonly base: string }): Json {
  const operations = operationsOf(chaos);
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const path = templateOf(operation.path);
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationOf(operation, base) };
  }
  const used = new Set(operations.map(({ group }) => group));
  return {
    openapi: '3.1.1',
    info: { title: 'distributed-log', version, summary, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'The node that this document came from.' }],
    tags: Object.entries(groups)
      .filter(([name]) => used.has(name as keyof typeof groups))
      .map(([name, { en }]) => ({ name, description: en })),
    paths,
    components: {
      schemas,
      headers: answerHeaders,
      examples: Object.fromEntries(allErrors.map((code) => [code, { value: errorValue(code) }])),
      responses: Object.fromEntries(ofNoCall.map((code) => [code, errorAnswer([code])])),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The API token of the node, where it has one.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'dlog_session',
          description: 'From POST /session; for browsers.',
        },
      },
    },
  };
}

/** `/messages/:id` -> `/messages/{id}` */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

function operationOf(operation: Operation, base: string): Json {
  const { id, group, summary, description, parameters = [], body, chaos, webSocket } = operation;
  return {
    operationId: id,
    tags: [group],
    summary: summary.en,
    description,
    ...(chaos && { 'x-chaos': true }),
    // An empty requirement: the token is needed only where one is set.
    ...(mayNeedToken(operation) && { security: [{ token: [] }, { session: [] }, {}] }),
    ...(parameters.length > 0 && { parameters: parameters.map(parameterOf) }),
    ...(body && {
      requestBody: { required: operation.bodyOptional !== true, content: bodyOf(body, operation.examples) },
    }),
    responses: responsesOf(operation),
    ...(webSocket && {
      'x-websocket': {
        send: webSocket.send,
        receive: webSocket.receive,
        lineSchema: webSocket.lineSchema,
        closeCodes: webSocket.closeCodes,
        example: webSocket.example,
      },
    }),
    'x-codeSamples': [
      ...operation.examples.map((example) => ({
        lang: 'Shell',
        label: labelOf(example),
        source: curlOf(operation, example, base),
      })),
      ...(webSocket ? [{ lang: 'Shell', label: '101', source: streamCommandOf(webSocket, base) }] : []),
    ],
  };
}

const parameterOf = (parameter: Parameter): Json => ({
  ...parameter,
  ...(parameter.in === 'path' && { required: true }),
});

const labelOf = ({ status, code, body, type }: Example): string =>
  [body?.type, status ?? 'no answer', code ?? type].filter((part) => part !== undefined).join(' ');

function bodyOf(body: Readonly<Record<string, Content>>, examples: readonly Example[]): Json {
  return Object.fromEntries(
    Object.entries(body).map(([type, content]) => {
      const sent = examples.filter((example) => example.body?.type === type);
      const values = sent.map((example, i) => [`${i + 1}`, { value: bodyValue(type, example.body?.text ?? '') }]);
      return [type, contentOf(content, Object.fromEntries(values))];
    }),
  );
}

function bodyValue(type: string, text: string): unknown {
  if (type === json) return JSON.parse(text);
  return type === 'application/x-www-form-urlencoded' ? Object.fromEntries(new URLSearchParams(text)) : text;
}

function contentOf({ schema, itemSchema }: Content, examples: Json): Json {
  return {
    schema,
    ...(itemSchema && { 'x-itemSchema': itemSchema }),
    ...(Object.keys(examples).length > 0 && { examples }),
  };
}

const headerRefs = (names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

function responsesOf(operation: Operation): Json {
  const responses: Record<string, Json> = {};
  for (const answer of operation.answers) responses[answer.status] = answerOf(answer, operation.examples);
  for (const [status, codes] of byStatus(errorsOf(operation))) {
    const said = operation.answers.find((answer) => answer.status === status);
    responses[status] = errorAnswer(codes, said);
  }
  return responses;
}

function answerOf({ status, description, headers = [], content }: Answer, examples: readonly Example[]): Json {
  const contents = Object.entries(content ?? {}).map(([type, one]) => {
    const shown = examples.filter((example) => example.status === status && (example.type ?? json) === type);
    return [
      type,
      contentOf(one, Object.fromEntries(shown.map((example, i) => [`${i + 1}`, { value: example.answer }]))),
    ];
  });
  return {
    description,
    ...(headers.length > 0 && { headers: headerRefs(headers) }),
    ...(contents.length > 0 && { content: Object.fromEntries(contents) }),
  };
}

/** `said`: what the call itself answers with this status, which is no error. */
function errorAnswer(codes: readonly ErrorCode[], said?: Answer): Json {
  const error: Schema = {
    allOf: [ref('Error'), { type: 'object', properties: { code: { type: 'string', enum: codes } } }],
  };
  const own = said?.content?.[json]?.schema;
  const headers = headersOf(codes);
  const words = codes.map((code) => `\`${code}\`: ${errors[code].error}.`).join(' ');
  return {
    description: [said?.description, words].filter((part) => part !== undefined).join(' '),
    ...(headers.length > 0 && { headers: headerRefs(headers) }),
    content: {
      [json]: {
        schema: own ? { anyOf: [own, error] } : error,
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}
