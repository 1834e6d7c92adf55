/**
 * `GET /openapi.json` and `GET /docs`: the description of this API, for programs and for people.
 *
 * P1. Both are made from the operations in openapi/, once for each node; a page of its own for each language.
 * P2. The page is whole by itself: no script, no other file, no other host; its policy allows just its style sheet.
 */
import type { Context } from 'koa';
import { jsonType, refuse } from './answer.ts';
import { codesPart, errorTable, operationPart, type Reader, schemaPart } from './docsPageParts.ts';
import { style } from './docsPageStyle.ts';
import { languageNames, words } from './docsPageWords.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import { type FixedAnswer, fixedAnswer, policyForData, policyForStyle, sendFixed } from './fixedAnswer.ts';
import { languageOf } from './language.ts';
import { html, Markup } from './markup.ts';
import { openApiOf, version } from './openapi/document.ts';
import { allErrors, everyCall, everyWrite, ofNoCall } from './openapi/errorAnswers.ts';
import { operationsOf } from './openapi/operations.ts';
import { schemas } from './openapi/schemas.ts';
import { type Group, groups, type Language, languages, type Operation } from './openapi/vocabulary.ts';
import { parametersOf } from './query.ts';

const icon =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M2 3h12M2 8h12M2 13h8' stroke='%23587' stroke-width='2.5'/></svg>";

function groupsOf(operations: readonly Operation[]): readonly (readonly [Group, readonly Operation[]])[] {
  const all = (Object.keys(groups) as Group[]).map((name) => {
    return [name, operations.filter(({ group }) => group === name)] as const;
  });
  return all.filter(([, members]) => members.length > 0);
}

function contentsPart(operations: readonly Operation[], { words, language }: Reader): Markup {
  const calls = groupsOf(operations).map(
    ([name, members]) => html`<li><a class="group" href="#${name}">${groups[name][language]}</a><ul>
${members.map(({ id, summary }) => html`<li><a href="#${id}">${summary[language]}</a></li>\n`)}</ul></li>
`,
  );
  return html`<nav class="contents" aria-labelledby="contents"><h2 id="contents">${words.contents}</h2><ul>
${calls}<li><a class="group" href="#errors">${words.errors}</a></li>
<li><a class="group" href="#data">${words.data}</a></li></ul></nav>`;
}

function languagesPart({ words, language }: Reader): Markup {
  const links = languages.map((other) => {
    const current = other === language ? html` aria-current="true"` : undefined;
    return html`<li><a href="?lang=${other}" lang="${other}" hreflang="${other}"${current}>${languageNames[other]}</a></li>`;
  });
  return html`<nav aria-label="${words.otherLanguages}"><ul>${links}</ul></nav>`;
}

export function pageOf(
  language: Language,
  { chaos, base }: { readonly chaos: boolean; readonly base: string },
): string {
  const reader: Reader = { language, base, words: words[language] };
  const { words: said } = reader;
  const operations = operationsOf(chaos);
  const calls = groupsOf(operations).map(
    ([name, members]) => html`<section aria-labelledby="${name}"><h2 id="${name}">${groups[name][language]}</h2>
${members.map((operation) => operationPart(operation, reader))}</section>
`,
  );
  const page = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${said.title}</title>
<link rel="icon" href="${icon}">
<link rel="alternate" type="application/json" href="/openapi.json">
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#calls">${said.skip}</a>
<header>
<h1>${said.title}</h1>
<p>${said.about} ${said.commands}</p>
<div class="links"><a href="/openapi.json">${said.forPrograms}</a>${languagesPart(reader)}</div>
</header>
<div class="layout">
${contentsPart(operations, reader)}
<main id="calls" tabindex="-1">
${calls}<section aria-labelledby="errors"><h2 id="errors">${said.errors}</h2>
<h3 id="errors-of-calls">${said.errorsOfEveryCall}</h3>${codesPart(everyCall)}
<h3 id="errors-of-writes">${said.errorsOfEveryWrite}</h3>${codesPart(everyWrite)}
<h3 id="errors-of-others">${said.errorsOfNoCall}</h3>${codesPart(ofNoCall)}
<h3 id="all-errors">${said.allErrors}</h3>${errorTable(allErrors, reader)}
</section>
<section aria-labelledby="data"><h2 id="data">${said.data}</h2>
${Object.entries(schemas).map(([name, schema]) => schemaPart(name, schema, reader))}</section>
</main>
</div>
<footer>distributed-log ${version}</footer>
</body>
</html>
`;
  return page.text;
}

/** The answers of one node, each made when it is first asked for: only then is its port known. */
export class Docs {
  readonly #chaos: boolean;
  readonly #made = new Map<string, FixedAnswer>();

  constructor({ kill }: Pick<Edge, 'kill'>) {
    this.#chaos = kill !== undefined;
  }

  readonly openApi = (ctx: Context): void => {
    const make = (): FixedAnswer =>
      fixedAnswer(jsonType, `${JSON.stringify(openApiOf(this.#settings(ctx)))}\n`, policyForData);
    sendFixed(ctx, this.#once('openapi', make));
  };

  readonly page = (ctx: Context): void => {
    const query = parametersOf(ctx.req.url ?? '', ['lang']);
    if (query instanceof Refusal) return refuse(ctx, query);
    const asked = query.get('lang') ?? languageOf(ctx.req.headers['accept-language'], languages);
    const language = languages.find((one) => one === asked);
    if (language === undefined)
      return refuse(ctx, new Refusal('PARAMETER_INVALID', `lang is ${languages.join(' or ')}`));
    const make = (): FixedAnswer =>
      fixedAnswer('text/html; charset=utf-8', pageOf(language, this.#settings(ctx)), policyForStyle(style), language);
    sendFixed(ctx, this.#once(language, make));
  };

  #settings({ req }: Context): { readonly chaos: boolean; readonly base: string } {
    return { chaos: this.#chaos, base: `http://127.0.0.1:${req.socket.localPort}` };
  }

  #once(name: string, make: () => FixedAnswer): FixedAnswer {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    return made;
  }
}
