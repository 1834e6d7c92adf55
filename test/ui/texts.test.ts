/** Words, numbers and what people wrote: dictionary, formats, rows of the table, commands to copy, answers of the API. */
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backlogAfter, messageOf } from '../../ui/backlog.ts';
import { formats } from '../../ui/format.ts';
import { networkWords } from '../../ui/network/words.ts';
import { isCut, matching, oneLine, rowWindow } from '../../ui/overview/rowWindow.ts';
import { curlOf, outcomeOf, quoted } from '../../ui/overview/send.ts';
import { languageFrom, words } from '../../ui/words.ts';
import { aMessage } from '../support/fakeFeed.ts';

const Words = suite('words');

Words('are the same keys in both languages, none of them empty', () => {
  for (const { en, es } of [words, networkWords]) assert.equal(Object.keys(en).sort(), Object.keys(es).sort());
  for (const dictionary of [words.en, words.es, networkWords.en, networkWords.es]) {
    for (const [key, text] of Object.entries(dictionary)) assert.ok(typeof text === 'function' || text !== '', key);
  }
});

Words('are in the language that the browser likes best of ours', () => {
  assert.is(languageFrom(['es-MX', 'en']), 'es');
  assert.is(languageFrom(['fr', 'en-GB']), 'en');
  assert.is(languageFrom(['fr']), 'en');
  assert.is(languageFrom([]), 'en');
});

const Formats = suite('formats');

Formats('write numbers as each language does', () => {
  assert.is(formats('en').count(1_284_311), '1,284,311');
  assert.is(formats('es').count(1_284_311), '1.284.311');
  assert.is(formats('es').count(1234), '1.234');
});

Formats('give durations the digits that mean something', () => {
  const { duration, span } = formats('en');
  assert.equal([0.4234, 4.26, 42.6, 4260].map(duration), ['0.42 ms', '4.3 ms', '43 ms', '4.3 sec']);
  assert.equal([1234, 42_000, 600_000, 10_800_000].map(span), ['1.2 sec', '42 sec', '10 min', '3 hr']);
});

Formats('are made when they are first used: to make all of them holds up the first paint', () => {
  const { NumberFormat } = Intl;
  let made = 0;
  Intl.NumberFormat = class extends NumberFormat {
    constructor(...given: ConstructorParameters<typeof NumberFormat>) {
      super(...given);
      made++;
    }
  } as typeof NumberFormat;
  try {
    const { count } = formats('es-AR' as 'es');
    assert.is(made, 0);
    assert.equal([count(1), count(2), made], ['1', '2', 1]);
  } finally {
    Intl.NumberFormat = NumberFormat;
  }
});

Formats('keep one place behind the point of "1 of N" while it matters', () => {
  assert.equal([1.26, 30.8, 1250].map(formats('en').ratio), ['1.3', '31', '1,250']);
});

const Rows = suite('rows of the table');

Rows('are drawn only where they can be seen, and a few beside', () => {
  assert.equal(rowWindow(0, 320, 32, 5000), { first: 0, end: 18 });
  assert.equal(rowWindow(32_000, 320, 32, 5000), { first: 992, end: 1018 });
  assert.equal(rowWindow(32_000, 320, 32, 3), { first: 0, end: 3 });
  assert.equal(rowWindow(0, 320, 32, 0), { first: 0, end: 0 });
});

Rows('are found by content, id or node, and by violation', () => {
  const rows = [aMessage(17), aMessage(18, { content: 'Paid 17', violation: true }), aMessage(19)];
  const found = (text: string, onlyViolations = false): number[] =>
    matching(rows, { text, onlyViolations }).map(({ id }) => id);
  assert.equal(found(''), [17, 18, 19]);
  assert.equal(found('paid'), [18]);
  assert.equal(found(' 17 '), [17, 18]);
  assert.equal(found('', true), [18]);
  assert.equal(found(String(rows[0]?.origin)).includes(17), true);
});

Rows('show what would hide or turn the text around it, and leave markup as it is', () => {
  assert.is(oneLine('a\tb\u0000c\r\nd'), 'a⟨U+0009⟩b⟨U+0000⟩c↵d');
  assert.is(oneLine('safe\u202Egpj.exe'), 'safe⟨U+202E⟩gpj.exe');
  assert.is(oneLine('<b onclick="x">&amp;</b>'), '<b onclick="x">&amp;</b>');
  assert.is(oneLine('árbol 🌳 שלום'), 'árbol 🌳 שלום');
});

const Backlog = suite('messages from before');

Backlog('are lines of NDJSON, cut as the feed cuts them; anything else is left out', () => {
  const line = (content: string): string =>
    JSON.stringify({ id: 7, content, lamport_timestamp: 70, node_id: 2, seen: 6 });
  const message = messageOf(line('🌳'.repeat(300)));
  assert.equal([message?.id, message?.lamport, message?.origin, message?.bytes], [7, 70, 2, 1200]);
  assert.is(message?.content, '🌳'.repeat(200));
  for (const text of ['', '{', 'null', '[]', '{"id":"7"}', '{"error":"x"}']) assert.is(messageOf(text), null);
});

Backlog('are asked for only where some are missing, and only the newest', () => {
  assert.is(backlogAfter(0, 0), null);
  assert.is(backlogAfter(5, 5), null);
  assert.is(backlogAfter(5, 0), 0);
  assert.is(backlogAfter(5000, 4990), 4990);
  assert.is(backlogAfter(5000, 10), 4900);
});

const Command = suite('command to copy');

Command('means the message to a shell, whatever is in it', () => {
  for (const text of ["it's", '$(rm -rf ~)', '`id`', '"', '\\', "''", 'a\nb', '-x', '@file', '!']) {
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${quoted(text)}`], { encoding: 'utf8' });
    assert.is(stdout, text);
  }
  assert.is(
    curlOf('http://n1:8001', "it's", false),
    "curl --header 'content-type: text/plain' --data-raw 'it'\\''s' 'http://n1:8001/'",
  );
});

Command('names the token and does not show it', () => {
  assert.ok(curlOf('http://n1', 'x', true).includes('Bearer $API_TOKEN'));
});

const Answer = suite('answer of the API');

Answer('is an id and a Lamport time', () => {
  const body = '{"id":7,"lamport_timestamp":70,"node_id":8001,"seen":6,"physical_timestamp":1}';
  assert.equal(outcomeOf(200, body), { kind: 'committed', id: 7, lamport: 70 });
});

Answer('or the words of the node, with what became of the message', () => {
  const body = JSON.stringify({
    error: 'Outcome unknown',
    code: 'OUTCOME_UNKNOWN',
    outcome: 'unknown',
    hint: 'Retry.',
  });
  assert.equal(outcomeOf(503, body), {
    kind: 'failed',
    code: 'OUTCOME_UNKNOWN',
    error: 'Outcome unknown',
    hint: 'Retry.',
    mayBeIn: true,
  });
  const certain = outcomeOf(503, '{"error":"No leader","code":"NO_LEADER","outcome":"not_done","detail":"why"}');
  assert.ok(certain.kind === 'failed' && !certain.mayBeIn && certain.error === 'No leader: why');
});

Answer('or something that stood between, of which nobody knows what it did', () => {
  const between = outcomeOf(502, '<html>Bad gateway</html>');
  assert.equal(between, { kind: 'failed', code: null, error: 'HTTP 502', hint: null, mayBeIn: true });
  assert.equal((outcomeOf(413, 'too big') as { mayBeIn: boolean }).mayBeIn, false);
  assert.is(outcomeOf(200, '{}').kind, 'failed');
  assert.is(outcomeOf(200, 'null').kind, 'failed');
});

Rows('knows a message that is cut, in every script', () => {
  for (const content of ['', 'plain', 'añ', '日本語', '😀 and more', '\u{10ffff}']) {
    const bytes = Buffer.byteLength(content);
    assert.is(isCut({ content, bytes }), false, content);
    assert.is(isCut({ content, bytes: bytes + 1 }), true, content);
  }
});

for (const each of [Words, Formats, Rows, Backlog, Command, Answer]) each.run();
