/** Judges answers by an OpenAPI document: their status, media type, headers and every member of their bodies. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Given {
  readonly method: string;
  /** As the document spells it: `/messages/{id}`. */
  readonly template: string;
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

type Schema = Readonly<Record<string, unknown>>;
interface Content {
  readonly schema: Schema;
  readonly 'x-itemSchema'?: Schema;
}
interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, Content>>;
}
interface Described {
  readonly responses: Readonly<Record<string, Response>>;
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly 'x-websocket'?: { readonly lineSchema: Schema };
}
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A member that no schema names is a fault here; for clients it is none. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, closed(member)]);
  return {
    ...Object.fromEntries(members),
    ...('properties' in value && 'required' in value && { additionalProperties: false }),
  };
}

export class DescribedApi {
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  readonly #components: unknown;
  readonly #compiled = new WeakMap<Schema, ValidateFunction>();

  constructor(document: OpenApi) {
    this.#document = document;
    this.#components = closed(document.components);
    this.#ajv.addKeyword('components');
  }

  /** Throws where the schema itself is none. */
  faultsOfValue(schema: Schema, value: unknown): readonly string[] {
    const validate = this.#compiled.get(schema) ?? this.#ajv.compile({ ...schema, components: this.#components });
    this.#compiled.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      return `${instancePath || 'it'} ${message} ${JSON.stringify(params)}`;
    });
  }

  operation(method: string, template: string): Described | undefined {
    return this.#document.paths[template]?.[method.toLowerCase()];
  }

  /** Sentences about what is not as the document says. */
  faultsOf(given: Given): readonly string[] {
    const { method, template, status, headers } = given;
    const call = `${method} ${template}`;
    const response = this.operation(method, template)?.responses[status];
    if (!response) return [`${call} does not say that it may answer ${status}: ${given.body.slice(0, 200)}`];
    const missing =
      status >= 400 ? [] : Object.keys(response.headers ?? {}).filter((name) => !headers[name.toLowerCase()]);
    return [
      ...missing.map((name) => `${call} ${status} comes without its header ${name}`),
      ...this.#faultsOfBody(response.content, given).map((fault) => `${call} ${status}: ${fault}`),
    ];
  }

  #faultsOfBody(content: Readonly<Record<string, Content>> | undefined, { headers, body }: Given): readonly string[] {
    const [type = ''] = String(headers['content-type'] ?? '').split(';', 1);
    if (!content) return body === '' ? [] : ['it has a body'];
    const found = content[type];
    return found ? this.faultsOfContent(found, type, body) : [`${type} is not among its media types`];
  }

  faultsOfContent({ schema, 'x-itemSchema': itemSchema }: Content, type: string, body: string): readonly string[] {
    const value = type === 'application/json' ? JSON.parse(body) : valueOfForm(type, body);
    const items = itemSchema ? itemsOf(type, body).flatMap((item) => this.faultsOfValue(itemSchema, item)) : [];
    return [...this.faultsOfValue(schema, value), ...items];
  }
}

const valueOfForm = (type: string, body: string): unknown =>
  type === 'application/x-www-form-urlencoded' ? Object.fromEntries(new URLSearchParams(body)) : body;

/** Lines of NDJSON, or the data of server-sent events. */
export function itemsOf(type: string, body: string): readonly unknown[] {
  const lines = body.split('\n').filter((line) => line !== '');
  const data = type === 'text/event-stream' ? lines.flatMap((line) => /^data: (.*)$/.exec(line)?.[1] ?? []) : lines;
  return data.map((line) => JSON.parse(line) as unknown);
}
