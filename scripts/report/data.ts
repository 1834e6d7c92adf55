/**
 * Every figure of the report: looked up by its name and written as Spanish writes numbers. Pure.
 *
 *   local.concurrency.latencyMs.average    of a run, by label and experiment: from its figures, else from the run itself
 *   wan.latency.pairs.us-eu.ms.stdev       of a list of pairs: by the regions that it leads from and to
 *   table.latency.us-eu.plan               of the table of the summary: plan, local, wan, cloud, or floor-wan and so on
 *   fact.seeds, timing.heartbeatMs         what is not measured by an experiment (facts.ts)
 *
 * How it is written: 0, 1, 2, 3 digits behind the comma; s0 to s3: milliseconds as seconds; g1: as many digits as it needs,
 * at most 1; text; date.
 *
 * A1. What cannot be found, or cannot be written in that way, is a fault; nothing is ever left blank.
 */
import {
  type ExperimentName,
  experimentNames,
  type Label,
  labels,
  type PairFigures,
  type Summary,
} from '../experiment/results.ts';

export class DataFault extends Error {}
/** The run is missing that the figure comes from. */
export class RunMissing extends DataFault {
  readonly label: Label;
  readonly experiment: ExperimentName;
  constructor(label: Label, experiment: ExperimentName) {
    super(`there is no run of ${experiment} (${label})`);
    this.label = label;
    this.experiment = experiment;
  }
}

export interface Sources {
  readonly summary: Summary;
  readonly facts: Readonly<Record<string, number | string>>;
  readonly timing: Readonly<Record<string, number>>;
}

const isOneOf = <T extends string>(all: readonly T[], word: string): word is T =>
  (all as readonly string[]).includes(word);

function member(value: unknown, path: readonly string[]): unknown {
  let at: unknown = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Array.isArray(at) ? pairNamed(at, name) : (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

const pairNamed = (pairs: readonly Partial<PairFigures>[], name: string): Partial<PairFigures> | undefined =>
  pairs.find(({ sourceRegion, targetRegion }) => `${sourceRegion}-${targetRegion}` === name);

function ofTable({ table }: Summary, path: readonly string[]): unknown {
  const column = path.at(-1) ?? '';
  const row = table.find(({ key }) => key === path.slice(0, -1).join('.'));
  if (!row) return undefined;
  if (column === 'plan') return row.plan;
  if (column.startsWith('floor-')) return member(row.floor, [column.slice('floor-'.length)]);
  return member(row.ours, [column]);
}

function ofRun({ runs }: Summary, label: Label, path: readonly string[]): unknown {
  const [experiment = '', ...rest] = path;
  if (!isOneOf(experimentNames, experiment)) return undefined;
  const run = runs[label]?.[experiment];
  if (!run) throw new RunMissing(label, experiment);
  return member(run.figures, rest) ?? member(run, rest);
}

export function figureNamed(sources: Sources, name: string): number | string {
  const [first = '', ...rest] = name.split('.');
  const found = isOneOf(labels, first)
    ? ofRun(sources.summary, first, rest)
    : first === 'table'
      ? ofTable(sources.summary, rest)
      : first === 'fact'
        ? member(sources.facts, rest)
        : first === 'timing'
          ? member(sources.timing, rest)
          : undefined;
  if (typeof found === 'number' || typeof found === 'string') return found;
  throw new DataFault(`there is no figure ${name}${found === null ? ': it was not measured (null)' : ''}`);
}

// ------------------------------------------------------------------------------------------------------------ writing

const special: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
};
export const escaped = (text: string): string =>
  text.replace(/[\\{}$&#%_~^]/g, (character) => special[character] ?? `\\${character}`);

/** A comma, and from five digits on thin spaces between thousands, as the Real Academia writes numbers. */
export function spanish(value: number, digits: number): string {
  const [whole = '', part] = Math.abs(value).toFixed(digits).split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(?:\d{3})+$)/g, '\\,') : whole;
  const isZero = Number(value.toFixed(digits)) === 0;
  return `${value < 0 && !isZero ? '\\textminus{}' : ''}${grouped}${part ? `,${part}` : ''}`;
}

const months = 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' ');
function spanishDate(iso: string): string {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})/.exec(iso) ?? [];
  const name = months[Number(month) - 1];
  if (!name) throw new DataFault(`${iso} is no date`);
  return `${Number(day)} de ${name} de ${year}`;
}

export function written(value: number | string, how: string): string {
  if (how === 'text') return escaped(String(value));
  if (how === 'date') return spanishDate(String(value));
  const [, kind, digits] = /^([sg]?)([0-3])$/.exec(how) ?? [];
  if (digits === undefined) throw new DataFault(`"${how}" is no way to write a figure`);
  if (typeof value !== 'number') throw new DataFault(`"${value}" is no number`);
  const scaled = kind === 's' ? value / 1000 : value;
  return spanish(scaled, kind === 'g' ? digitsOf(scaled, Number(digits)) : Number(digits));
}
const digitsOf = (value: number, most: number): number =>
  String(Number(value.toFixed(most))).split('.')[1]?.length ?? 0;

/** What LaTeX reads: `\dato` looks these names up. */
export const definition = (kind: 'dato' | 'codigo', first: string, second: string, value: string): string =>
  `\\expandafter\\def\\csname ${kind}@\\detokenize{${first}:${second}}\\endcsname{${value}}\n`;
