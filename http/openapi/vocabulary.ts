/**
 * How the calls of this API are described: once, as typed values. The OpenAPI document (document.ts), the page at /docs
 * (../docsPage.ts) and the tests are made from them.
 *
 * D1. Every route of app.ts has exactly one `Operation`, in a list of operations.ts.
 * D2. Limits, codes and words that the code has are taken from it, never typed again.
 * D3. Every example is a request that can be sent to a node as it is, in the order of the operations; its answer here has
 *     the members of the real one.
 */
import type { ErrorCode } from '../errors.ts';
import type { AnswerHeader } from './parameters.ts';

export const languages = ['en', 'es'] as const;
export type Language = (typeof languages)[number];
export type Said = Readonly<Record<Language, string>>;

export type JsonType = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'null';

/** What this API needs of JSON Schema 2020-12. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly (string | number | null)[];
  readonly const?: string | number | boolean;
  readonly default?: string | number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path';
  readonly description: string;
  readonly schema: Schema;
}

export interface Content {
  readonly schema: Schema;
  /** Of each line of NDJSON, or of the data of each server-sent event. */
  readonly itemSchema?: Schema;
}

/** One answer that is no error: by media type what is in it. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly headers?: readonly AnswerHeader[];
  readonly content?: Readonly<Record<string, Content>>;
}

export interface RequestBody {
  readonly type: string;
  readonly text: string;
}

export interface Example {
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Undefined where the node ends instead of answering. */
  readonly status: number | undefined;
  /** The value of a JSON answer, or the text of another one; for errors it is made from `code`. */
  readonly answer?: unknown;
  /** Of the answer; JSON where absent. */
  readonly type?: string;
  readonly code?: ErrorCode;
  readonly detail?: string;
}

/** What is said once a WebSocket is open. */
export interface WebSocketTalk {
  readonly send: string;
  readonly receive: string;
  /** Of each line that the server sends. */
  readonly lineSchema: Schema;
  readonly closeCodes: Readonly<Record<number, string>>;
  readonly example: {
    readonly session: string;
    readonly frames: readonly string[];
    readonly line: unknown;
  };
}

export interface Operation {
  /** Unique; the anchor on the page. */
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** As the router is told it: `/messages/:id`. */
  readonly path: string;
  readonly group: Group;
  /** Only there where chaos is switched on. */
  readonly chaos?: boolean;
  /** Guarded as a write: needs the token where one is set, and no foreign page. */
  readonly writes?: boolean;
  readonly summary: Said;
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: Readonly<Record<string, Content>>;
  /** A parameter may stand for it. */
  readonly bodyOptional?: boolean;
  readonly answers: readonly Answer[];
  /** Beside those of every call (errorAnswers.ts). */
  readonly errors: readonly ErrorCode[];
  readonly examples: readonly Example[];
  readonly webSocket?: WebSocketTalk;
}

/** In the order in which they are shown. */
export const groups = {
  write: { en: 'Write', es: 'Escribir' },
  read: { en: 'Read', es: 'Leer' },
  node: { en: 'The node', es: 'El nodo' },
  metrics: { en: 'Metrics', es: 'Métricas' },
  description: { en: 'This description', es: 'Esta descripción' },
  chaos: { en: 'Chaos', es: 'Caos' },
} as const satisfies Readonly<Record<string, Said>>;
export type Group = keyof typeof groups;

export const json = 'application/json';
export const ndjson = 'application/x-ndjson';
export const eventStream = 'text/event-stream';
export const text = 'text/plain';
export const form = 'application/x-www-form-urlencoded';

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
