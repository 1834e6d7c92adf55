/** Parts of the page at /docs: an operation, a schema, the table of errors. From values to markup. */
import type { Words } from './docsPageWords.ts';
import { type ErrorCode, errors } from './errors.ts';
import { html, type Markup, type Part, prose } from './markup.ts';
import { curlOf, streamCommandOf } from './openapi/commands.ts';
import { templateOf } from './openapi/document.ts';
import { allErrors, byStatus, errorValue } from './openapi/errorAnswers.ts';
import {
  type Content,
  type Example,
  eventStream,
  json,
  type Language,
  type Operation,
  type Parameter,
  type Schema,
  type WebSocketTalk,
} from './openapi/vocabulary.ts';

/** What the parts share. */
export interface Reader {
  readonly language: Language;
  readonly words: Words;
  /** The address that commands name. */
  readonly base: string;
}

/** Descriptions are in English: a page in another language says so, for whoever reads it aloud. */
const englishIn = ({ language }: Reader): Markup => (language === 'en' ? html`` : html` lang="en"`);

const joined = (parts: readonly Part[], between: Part): Part[] =>
  parts.flatMap((part, i) => (i === 0 ? [part] : [between, part]));

/** Of a list of terms. */
const row = (term: Part, meaning: Part): Markup => html`<div><dt>${term}</dt><dd>${meaning}</dd></div>
`;

const code = (text: string): Markup => html`<code>${text}</code>`;

// -------------------------------------------------------------------------------------------------------- schemas

export function kindOf(schema: Schema, reader: Reader): Part {
  const { words } = reader;
  const { $ref, items, oneOf, type } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (oneOf)
    return joined(
      oneOf.map((one) => kindOf(one, reader)),
      ` ${words.or} `,
    );
  if (schema.enum)
    return joined(
      schema.enum.map((value) => code(JSON.stringify(value))),
      ` ${words.or} `,
    );
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (items) return [`${words.listOf} `, kindOf(items, reader)];
  if (schema.properties) {
    const members = Object.entries(schema.properties).map(([name, member]) => [
      code(name),
      ': ',
      kindOf(member, reader),
    ]);
    return ['{ ', joined(members, ', '), ' }'];
  }
  if (type === undefined) return words.anyValue;
  return html`<span lang="en">${[type].flat().join(' | ')}</span>`;
}

/** A maximum that nobody meets is none. */
function rangeOf(min: number | undefined, max: number | undefined): string {
  if (max === undefined || max >= 2 ** 52) return `≥ ${min}`;
  return min === undefined ? `≤ ${max}` : `${min} … ${max}`;
}

/** Bounds and default, in few signs. */
function boundsOf(schema: Schema, { words }: Reader): Part {
  const { minimum, maximum, maxLength, minItems, maxItems, pattern } = schema;
  const bounds: Part[] = [];
  if (minimum !== undefined || maximum !== undefined) bounds.push(rangeOf(minimum, maximum));
  if (maxItems !== undefined) bounds.push(rangeOf(minItems ?? 0, maxItems));
  if (maxLength !== undefined) bounds.push(rangeOf(undefined, maxLength));
  if (pattern !== undefined) bounds.push(code(pattern));
  if (schema.default !== undefined) bounds.push([`${words.defaultIs} `, code(String(schema.default))]);
  return bounds.map((bound) => [', ', bound]);
}

/** The list of codes would bury the rest; they are in the table. */
const isCodes = ({ enum: values }: Schema): boolean =>
  values !== undefined && values.length === Object.keys(errors).length;

function membersOf({ properties = {}, required = [] }: Schema, reader: Reader): Markup {
  const rows = Object.entries(properties).map(([name, member]) => {
    const optional = required.includes(name) ? undefined : `(${reader.words.optional}) `;
    const kind = isCodes(member)
      ? html`<a href="#errors">${reader.words.allErrors}</a>`
      : [kindOf(member, reader), boundsOf(member, reader)];
    return row(
      html`<code>${name}</code> <span class="kind">${optional}${kind}</span>`,
      html`<p${englishIn(reader)}>${prose(member.description ?? '')}</p>`,
    );
  });
  return html`<dl class="members">${rows}</dl>`;
}

export const schemaPart = (name: string, schema: Schema, reader: Reader): Markup =>
  html`<article id="schema-${name}"><h3${englishIn(reader)}><a href="#schema-${name}">${name}</a></h3>
<p${englishIn(reader)}>${prose(schema.description ?? '')}</p>
${schema.properties ? membersOf(schema, reader) : html`<p class="kind">${kindOf(schema, reader)}${boundsOf(schema, reader)}</p>`}
</article>
`;

// ----------------------------------------------------------------------------------------------------- operations

function parametersPart(parameters: readonly Parameter[], reader: Reader): Part {
  if (parameters.length === 0) return undefined;
  const { words } = reader;
  const rows = parameters.map(({ name, in: place, schema, description }) =>
    row(
      html`<code>${name}</code> <span class="kind">${words[place]}, ${kindOf(schema, reader)}${boundsOf(schema, reader)}</span>`,
      html`<p${englishIn(reader)}>${prose(description)}</p>`,
    ),
  );
  return html`<h4>${words.parameters}</h4><dl class="members">${rows}</dl>`;
}

function contentsPart(contents: Readonly<Record<string, Content>>, reader: Reader): Part {
  const { words } = reader;
  return Object.entries(contents).map(([type, { schema, itemSchema }]) => {
    const unit = type === eventStream ? words.eachEvent : words.eachLine;
    const kind = itemSchema ? [`${unit}: `, kindOf(itemSchema, reader)] : kindOf(schema, reader);
    return html`<p><code>${type}</code> <span class="kind">${kind}</span></p>`;
  });
}

const bodyPart = ({ body, bodyOptional }: Operation, reader: Reader): Part =>
  body &&
  html`<h4>${reader.words.body}</h4><dl class="members">${row(
    html`<span class="kind">${reader.words[bodyOptional ? 'optional' : 'required']}</span>`,
    contentsPart(body, reader),
  )}</dl>`;

function answersPart({ answers }: Operation, reader: Reader): Part {
  if (answers.length === 0) return undefined;
  const rows = answers.map(({ status, description, headers = [], content = {} }) =>
    row(html`<code>${status}</code> <span class="kind">${joined(headers.map(code), ', ')}</span>`, [
      html`<p${englishIn(reader)}>${prose(description)}</p>`,
      contentsPart(content, reader),
    ]),
  );
  return html`<h4>${reader.words.answers}</h4><dl class="members">${rows}</dl>`;
}

/** A line for each status. */
export const codesPart = (codes: readonly ErrorCode[], ...more: readonly Part[]): Markup => {
  const rows = [...byStatus(codes)].map(([status, names]) => {
    const links = names.map((name) => html`<a href="#error-${name}"><code>${name}</code></a> `);
    return html`<li><b>${status}</b> <span>${links}</span></li>`;
  });
  return html`<ul class="codes">${rows}${more}</ul>`;
};

function errorsPart({ errors: own, writes }: Operation, { words }: Reader): Markup {
  const write = writes ? html`<li><a href="#errors-of-writes">${words.andOfEveryWrite}</a></li>` : undefined;
  const call = html`<li><a href="#errors-of-calls">${words.andOfEveryCall}</a></li>`;
  return html`<h4>${words.errors}</h4>${codesPart(
    allErrors.filter((name) => own.includes(name)),
    write,
    call,
  )}`;
}

/** As the node would send it. */
function answerText({ answer, code: error, detail, type = json }: Example): string | undefined {
  if (error !== undefined) return JSON.stringify(errorValue(error, detail));
  if (answer === undefined) return undefined;
  return type === json ? JSON.stringify(answer) : String(answer).trimEnd();
}

/** In Spanish and English alike: what is sent, and what comes. */
function labelOf({ body, status, code: error, type = json }: Example, { words }: Reader): string {
  const comes = status === undefined ? words.noAnswer : `${status} ${error ?? type}`;
  return body === undefined ? `→ ${comes}` : `${body.type} → ${comes}`;
}

const shown = (label: string, command: string, answer: string | undefined): Markup =>
  html`<p class="label">${label}</p><pre class="command"><code>${command}</code></pre>${
    answer === undefined ? undefined : html`<pre><code>${answer}</code></pre>`
  }`;

function examplesPart(operation: Operation, reader: Reader): Markup {
  const { examples, webSocket } = operation;
  const calls = examples.map((example) =>
    shown(labelOf(example, reader), curlOf(operation, example, reader.base), answerText(example)),
  );
  const stream =
    webSocket && shown('→ 101', streamCommandOf(webSocket, reader.base), JSON.stringify(webSocket.example.line));
  return html`<h4>${reader.words.examples}</h4>${stream}${calls}`;
}

function webSocketPart({ send, receive, lineSchema, closeCodes }: WebSocketTalk, reader: Reader): Markup {
  const { words } = reader;
  const lang = englishIn(reader);
  const codes = Object.entries(closeCodes).map(
    ([number, meaning]) => html`<p${lang}><code>${number}</code> ${meaning}</p>`,
  );
  const each = html`<p class="kind">${words.eachLine}: ${kindOf(lineSchema, reader)}</p>`;
  return html`<h4>WebSocket</h4><dl class="members">${[
    row(words.send, html`<p${lang}>${prose(send)}</p>`),
    row(words.receive, [html`<p${lang}>${prose(receive)}</p>`, each]),
    row(words.closeCodes, codes),
  ]}</dl>`;
}

export function operationPart(operation: Operation, reader: Reader): Markup {
  const { id, method, path, summary, description, parameters = [], writes, chaos, webSocket } = operation;
  const { words } = reader;
  return html`<article id="${id}"><h3><a href="#${id}">${summary[reader.language]}</a></h3>
<p class="route"><span class="method ${method}">${method}</span> ${templateOf(path)}</p>
<p${englishIn(reader)}>${prose(description)}</p>
${chaos && html`<p class="note">${words.onlyChaos}</p>`}${writes && html`<p class="note">${words.needsToken}</p>`}
${parametersPart(parameters, reader)}${bodyPart(operation, reader)}${answersPart(operation, reader)}
${webSocket && webSocketPart(webSocket, reader)}${errorsPart(operation, reader)}${examplesPart(operation, reader)}
</article>
`;
}

// --------------------------------------------------------------------------------------------------------- errors

/** A long name may go on in the next line behind each of its words. */
const breakable = (name: string): Part => joined(name.split(/(?<=_)/), html`<wbr>`);

export function errorTable(codes: readonly ErrorCode[], reader: Reader): Markup {
  const { words } = reader;
  const rows = codes.map((name) => {
    const { status, error, hint } = errors[name];
    return html`<tr id="error-${name}"><th scope="row"><code>${breakable(name)}</code></th><td>${status}</td><td${englishIn(
      reader,
    )}>${error}. ${hint}</td></tr>
`;
  });
  return html`<table><thead><tr><th scope="col">${words.code}</th><th scope="col">${words.status}</th><th scope="col">${
    words.meaning
  }</th></tr></thead><tbody>
${rows}</tbody></table>`;
}
