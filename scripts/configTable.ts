/** Puts the table of variables into docs/configuration.md, between its two `configuration` comments. Safe to run twice. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configTable } from './config/variables.ts';

const path = 'docs/configuration.md';
const marks = ['<!-- configuration -->', '<!-- /configuration -->'] as const;
const text = readFileSync(path, 'utf8');
const [begin, end] = marks.map((mark) => text.indexOf(mark));
if (begin === undefined || end === undefined || begin === -1 || end < begin) {
  process.stderr.write(`${path} needs the two lines ${marks.join(' and ')} where the table is to stand\n`);
  process.exit(1);
}
writeFileSync(path, `${text.slice(0, begin)}${marks[0]}\n${configTable()}\n${text.slice(end)}`);
