/** The figures as text: a row each, the systems side by side. */
import type { Measured, Row } from './book.ts';

/** Three digits say what there is to say; what is counted has no unit, and no halves but those of a median. */
export function figureWords(value: number, unit: string): string {
  if (unit === '') return value.toLocaleString('en-US');
  const digits = unit === 'ms' && value < 10 ? 2 : value < 100 && !unit.endsWith('/s') ? 1 : 0;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Systems that have a figure, in the order in which they came. */
export const systemsIn = ({ figures }: Pick<Measured, 'figures'>): string[] => [
  ...new Set(figures.map(({ system }) => system)),
];

export const cellOf = ({ figures }: Pick<Measured, 'figures'>, { id, unit }: Row, system: string): string => {
  const figure = figures.find((each) => each.row === id && each.system === system);
  return figure ? figureWords(figure.median, unit) : '';
};

export function tableOf(measured: Measured): string {
  const systems = systemsIn(measured);
  const lines = [
    ['', 'unit', ...systems],
    ...measured.rows.map((row) => [row.words, row.unit, ...systems.map((system) => cellOf(measured, row, system))]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [text[0], '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)), ...text.slice(1)].join('\n');
}
