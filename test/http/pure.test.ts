/** The pure parts of the edge: numbers, queries, Accept, positions in JSON, message bodies. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { negotiate } from '../../http/accept.ts';
import { encodePieces, jsonArray } from '../../http/encode.ts';
import { Refusal } from '../../http/errors.ts';
import { jsonFaultAt } from '../../http/json.ts';
import { parseForm, parseInteger, parseQuery } from '../../http/query.ts';
import { bodyHashOf, bodyTypeOf, checkKey, parseBatch, parseMessage } from '../../http/requests.ts';
import { MemoryFacade } from '../support/memoryFacade.ts';

const Numbers = suite('http integers');

Numbers('are decimal digits and nothing else', () => {
  assert.is(parseInteger('0'), 0);
  assert.is(parseInteger('9007199254740991'), Number.MAX_SAFE_INTEGER);
  for (const text of ['', '-1', '+1', '1.0', '1e3', ' 1', '0x1', '9007199254740992', '12345678901234567', '١']) {
    assert.is(parseInteger(text), undefined, text);
  }
});
Numbers.run();

const Queries = suite('http queries');
const mapOf = (query: ReturnType<typeof parseQuery>): unknown => (query instanceof Refusal ? query.code : [...query]);

Queries('decode plus, percent escapes, and the raw bytes that curl sends', () => {
  assert.equal(mapOf(parseQuery('/?message=a+b%20%E2%9C%93')), [['message', 'a b ✓']]);
  assert.equal(mapOf(parseQuery(`/?message=${Buffer.from('✓').toString('latin1')}`)), [['message', '✓']]);
  assert.equal(mapOf(parseQuery('/?a&b=&c=x=y')), [['a', ''], ['b', ''], ['c', 'x=y']]); // biome-ignore format: pairs
  assert.equal(mapOf(parseQuery('/')), []);
});
Queries('refuse what cannot be decoded exactly', () => {
  assert.is(mapOf(parseQuery('/?message=%ff')), 'MALFORMED_URL');
  assert.is(mapOf(parseQuery('/?message=%zz')), 'MALFORMED_URL');
  assert.is(mapOf(parseQuery('/?message=\u00ff')), 'MALFORMED_URL');
});
Queries('refuse a parameter that is given twice', () => {
  assert.is(mapOf(parseForm('after=1&limit=2&after=1')), 'PARAMETER_INVALID');
});
Queries('refuse more parameters than anybody needs, before they are decoded', () => {
  const names = Array.from({ length: 1001 }, (_, i) => `p${i}=1`);
  assert.is(mapOf(parseForm(names.join('&'))), 'PARAMETER_INVALID');
  assert.is(mapOf(parseForm('&'.repeat(2_000_000))), 'PARAMETER_INVALID');
  assert.is((mapOf(parseForm(names.slice(1).join('&'))) as unknown[]).length, 1000);
});
Queries('keep __proto__ as a name like any other', () => {
  assert.equal(mapOf(parseQuery('/?__proto__=x')), [['__proto__', 'x']]);
});
Queries.run();

const Accept = suite('http accept');
const types = ['application/json', 'application/x-ndjson', 'text/event-stream'] as const;

Accept('gives the first offered type to whoever accepts anything', () => {
  for (const header of [undefined, '', '*/*', 'text/html,application/xhtml+xml,*/*;q=0.8']) {
    assert.is(negotiate(header, types), 'application/json');
  }
});
Accept('follows the quality, and the most specific range', () => {
  assert.is(negotiate('application/json;q=0.5, application/x-ndjson', types), 'application/x-ndjson');
  assert.is(negotiate('text/*', types), 'text/event-stream');
  assert.is(negotiate('application/json;q=0, */*', types), 'application/x-ndjson');
  assert.is(negotiate('Application/X-NDJSON ; charset=utf-8', types), 'application/x-ndjson');
});
Accept('finds nothing for whoever accepts nothing of ours', () => {
  assert.is(negotiate('image/png', types), undefined);
  assert.is(negotiate('application/json;q=0', types), undefined);
});
Accept.run();

const Positions = suite('http JSON positions');

Positions('say where the text stops being JSON', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['', 0],
    ['{"message": }', 12],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['[1,]', 3],
    ['[1,2', 4],
    ['[1] x', 4],
    ['01', 1],
    ["{'a':1}", 1],
    ['{"a":"\u0001"}', 5],
    ['["\\x"]', 1],
    ['[{"a":[null,true,-1.5e+3,"\\u00e9"]} ]]', 37],
  ];
  for (const [text, position] of cases) {
    assert.throws(() => JSON.parse(text), undefined, text);
    assert.is(jsonFaultAt(text), position, text);
  }
});
Positions('are found in any depth', () => {
  assert.is(jsonFaultAt('['.repeat(100_000)), 100_000);
});
Positions('run through whatever is valid', () => {
  for (const text of ['[]', '{}', ' {"a":[{"b":null}],"\u0085":"\u007f"} ', '"\u2028"', '-0.0E-1']) {
    JSON.parse(text);
    assert.is(jsonFaultAt(text), text.length, text);
  }
});
Positions.run();

const Bodies = suite('http message bodies');
const oneOf = (type: Parameters<typeof parseMessage>[0], body: string | Buffer): string => {
  const content = parseMessage(type, Buffer.from(body));
  return content instanceof Refusal ? content.code : content.toString();
};
const manyOf = (type: Parameters<typeof parseMessage>[0], body: string | Buffer): unknown => {
  const contents = parseBatch(type, Buffer.from(body));
  if (!(contents instanceof Refusal)) return contents.map(String);
  return { code: contents.code, ...contents.fields };
};

Bodies('hold one message, as JSON, form or text', () => {
  assert.is(oneOf('json', '{"message":"a"}'), 'a');
  assert.is(oneOf('json', '"a"'), 'a');
  assert.is(oneOf('json', '{"message":""}'), '');
  assert.is(oneOf('form', 'message=a+%E2%9C%93&x=1'), 'a ✓');
  assert.is(oneOf('text', '{"message":"a"}'), '{"message":"a"}');
});
Bodies('are taken as JSON when curl calls them a form', () => {
  assert.is(oneOf('form', '{"message":"a"}'), 'a');
});
Bodies('keep names of the language as mere text', () => {
  assert.is(oneOf('json', '{"__proto__":{"message":"x"}}'), 'MESSAGE_MISSING');
  assert.is(oneOf('json', '{"message":"__proto__","constructor":1}'), '__proto__');
  assert.is(oneOf('json', '{"toString":"x"}'), 'MESSAGE_MISSING');
});
Bodies('say what is wrong with them', () => {
  assert.is(oneOf('json', ''), 'MESSAGE_MISSING');
  assert.is(oneOf('form', 'mesage=a'), 'MESSAGE_MISSING');
  for (const body of ['{"message":5}', '{"message":null}', 'null', '5', '["a"]']) {
    assert.is(oneOf('json', body), 'MESSAGE_NOT_TEXT', body);
  }
  assert.is(oneOf('json', '{"message":'), 'MALFORMED_JSON');
});
Bodies('are UTF-8, whole characters only', () => {
  assert.is(oneOf('text', Buffer.from([0xc3, 0x28])), 'NOT_UTF8');
  assert.is(
    oneOf('json', Buffer.concat([Buffer.from('{"message":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    'NOT_UTF8',
  );
  assert.is(oneOf('json', '{"message":"\\ud83d"}'), 'NOT_UTF8');
  assert.is(oneOf('json', '{"message":"\\ud83d\\ude00"}'), '😀');
});
Bodies('hold at most 1 MiB a message, counted in bytes', () => {
  assert.is(oneOf('text', 'é'.repeat(512 * 1024)).length, 512 * 1024);
  assert.is(oneOf('json', JSON.stringify({ message: `${'é'.repeat(512 * 1024)}x` })), 'MESSAGE_TOO_LARGE');
});
Bodies('hold many messages, as an array or as lines', () => {
  assert.equal(manyOf('json', '["a",{"message":"b"}]'), ['a', 'b']);
  assert.equal(manyOf('ndjson', '"a"\r\n\n{"message":"b\\n"}\n'), ['a', 'b\n']);
});
Bodies('name the element or line of a fault', () => {
  assert.equal(manyOf('json', '["a",5]'), { code: 'MESSAGE_NOT_TEXT', element: 1 });
  assert.equal(manyOf('ndjson', '"a"\n\n{"message"}\n'), { code: 'MALFORMED_JSON', line: 3, position: 10 });
  assert.equal(manyOf('json', '{"message":"a"}'), { code: 'BATCH_MALFORMED' });
});
Bodies('hold at least one message and at most 10,000', () => {
  for (const type of ['json', 'ndjson'] as const) {
    const batch = (count: number): string => {
      const elements = new Array<string>(count).fill('"x"');
      return type === 'json' ? `[${elements.join(',')}]` : elements.join('\n');
    };
    assert.equal(manyOf(type, batch(0)), { code: 'BATCH_EMPTY' });
    assert.is((manyOf(type, batch(10_000)) as string[]).length, 10_000);
    assert.is((manyOf(type, batch(10_001)) as { code: string }).code, 'BATCH_TOO_LARGE');
  }
});
Bodies('of millions of values are not parsed', () => {
  const full = 4 * 1024 * 1024;
  for (const [type, piece] of [
    ['json', '['],
    ['json', '{"a":'],
    ['json', '{},'],
    ['json', '0,'],
    ['ndjson', '\n'],
    ['ndjson', '1\n'],
  ] as const) {
    const body = (type === 'json' ? '[' : '') + piece.repeat(full / piece.length - 1);
    assert.equal(manyOf(type, body), { code: 'BODY_TOO_LARGE' }, piece);
    if (type === 'json') assert.is(oneOf('json', body), 'BODY_TOO_LARGE', piece);
  }
  assert.is(oneOf('json', JSON.stringify(','.repeat(500_000))).length, 500_000, 'what stands in a text does not count');
  assert.is(oneOf('json', JSON.stringify('\\"['.repeat(100_000))).length, 300_000);
});
Bodies('of more than 1 MiB are not searched for their fault', () => {
  assert.equal(manyOf('json', `["${'x'.repeat(2_000_000)}`), { code: 'MALFORMED_JSON' });
  assert.equal(manyOf('json', `["${'x'.repeat(1_000_000)}`), { code: 'MALFORMED_JSON', position: 1 });
});
Bodies('may have blanks around a line as JSON has them, and no others', () => {
  assert.equal(manyOf('ndjson', ' \t\r\n "a"\t\r\n{"message"}'), { code: 'MALFORMED_JSON', line: 3, position: 10 });
  assert.equal(manyOf('ndjson', '\t "a" 1'), { code: 'MALFORMED_JSON', line: 1, position: 6 });
  for (const stray of ['\ufeff', '\u00a0', '\u2028', '\v', '\f']) {
    assert.equal(
      manyOf('ndjson', `${stray}"a"`),
      { code: 'MALFORMED_JSON', line: 1, position: 0 },
      JSON.stringify(stray),
    );
    assert.equal(manyOf('json', `${stray}["a"]`), { code: 'MALFORMED_JSON', position: 0 });
  }
});
Bodies('are told apart by Content-Type, in UTF-8 alone', () => {
  assert.is(bodyTypeOf(undefined), 'text');
  assert.is(bodyTypeOf('Application/JSON; charset="UTF-8"'), 'json');
  assert.is(bodyTypeOf('text/plain;charset=us-ascii'), 'text');
  for (const type of ['text/plain; charset=latin1', 'application/xml', 'multipart/form-data; boundary=x', '']) {
    const refusal = bodyTypeOf(type);
    assert.ok(refusal instanceof Refusal && refusal.code === 'MEDIA_TYPE_UNSUPPORTED', type);
  }
});
Bodies('have a digest of their messages, not of their spelling', () => {
  const hash = (type: 'json' | 'ndjson', body: string): string => {
    const contents = parseBatch(type, Buffer.from(body));
    return contents instanceof Refusal ? contents.code : bodyHashOf(contents).toString('hex');
  };
  assert.is(hash('json', '["ab", "c"]'), hash('ndjson', '{"message":"ab"}\n"c"'));
  assert.is.not(hash('json', '["ab","c"]'), hash('json', '["a","bc"]'));
  // Half of the SHA-256 of lengths and bytes: what stands in a log was made so, and is compared for ever.
  assert.is(hash('json', '["a","bc"]'), 'b534ce16ac9c8b36823f39a395ce8e0e');
});
Bodies.run();

const Keys = suite('http idempotency keys');
Keys('are 1 to 128 characters of visible ASCII', () => {
  assert.is(checkKey('k'.repeat(128)), 'k'.repeat(128));
  for (const key of ['', 'k'.repeat(129), 'é', 'a\tb']) assert.ok(checkKey(key) instanceof Refusal, key);
});
Keys.run();

const Encoding = suite('http encoding of messages');

/** All messages of one write, in pieces. */
function piecesOf(contents: readonly (string | Buffer)[], range = { afterId: 0, upToId: contents.length }): string[] {
  const node = new MemoryFacade();
  node.fill(contents);
  const pieces = encodePieces(node.batches, { ...range, form: jsonArray, first: true });
  return [...pieces].map(({ bytes }) => bytes.toString('utf8'));
}

Encoding('spells every character as JSON.stringify does', () => {
  const all = String.fromCodePoint(
    ...Array.from({ length: 0x500 }, (_, code) => code),
    0x2028,
    0xfeff,
    0xffff,
    0x1f600,
  );
  const [piece = ''] = piecesOf([all, '']);
  assert.ok(piece.includes(`"content":${JSON.stringify(all)},`));
  assert.equal(
    JSON.parse(`[${piece}]`).map(({ content }: { content: string }) => content),
    [all, ''],
  );
});
Encoding('has room for the longest message of nothing but escapes', () => {
  const worst = '\u0001'.repeat(1024 * 1024);
  const pieces = piecesOf(['a', worst, 'b']);
  assert.equal(
    JSON.parse(`[${pieces.join('')}]`).map(({ content }: { content: string }) => content.length),
    [1, worst.length, 1],
  );
});
Encoding('cuts a big batch into pieces, without a gap, and only what was asked for', () => {
  const pieces = piecesOf(new Array(5000).fill('x'.repeat(100)), { afterId: 10, upToId: 4990 });
  assert.ok(pieces.length > 3);
  assert.ok(pieces.every(({ length }) => length <= 128 * 1024));
  const ids = JSON.parse(`[${pieces.join('')}]`).map(({ id }: { id: number }) => id);
  assert.equal([ids.length, ids[0], ids.at(-1)], [4980, 11, 4990]);
});
Encoding.run();
