/**
 * A small strict parser of Prometheus text (0.0.4) and OpenMetrics (1.0): throws at what their scrapers refuse, and at
 * what their linters complain of.
 */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ParsedSample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function parseExposition(text: string, openMetrics: boolean): Map<string, ParsedFamily> {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line has no end');
  if (openMetrics && lines.pop() !== '# EOF') throw new Error('no # EOF');
  const families = new Map<string, ParsedFamily>();
  let current: ParsedFamily | undefined;
  let help = '';
  const seen = new Set<string>();
  for (const line of lines) {
    if (line.startsWith('# HELP ')) help = line.slice(7);
    else if (line.startsWith('# TYPE ')) {
      current = parseType(line, help);
      if (families.has(current.name)) throw new Error(`twice: ${line}`);
      families.set(current.name, current);
    } else {
      if (!current) throw new Error(`sample without a family: ${line}`);
      const sample = parseSample(line);
      checkName(current, sample.name, openMetrics);
      const series = sample.name + JSON.stringify(Object.entries(sample.labels).sort());
      if (seen.has(series)) throw new Error(`twice: ${line}`);
      seen.add(series);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family);
  return families;
}

function parseType(line: string, help: string): ParsedFamily {
  const [name = '', type = ''] = line.slice(7).split(' ');
  if (!help.startsWith(`${name} `)) throw new Error(`no help before: ${line}`);
  return { name, type, help: help.slice(name.length + 1), samples: [] };
}

function parseSample(line: string): ParsedSample {
  const match = sampleLine.exec(line);
  if (!match) throw new Error(`no sample: ${line}`);
  const [, name = '', pairs = '', number = ''] = match;
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  for (let at = 0; at < pairs.length; at = labelPair.lastIndex) {
    labelPair.lastIndex = at;
    const pair = labelPair.exec(pairs);
    if (!pair) throw new Error(`bad labels: ${line}`);
    labels[String(pair[1])] = String(pair[2]);
  }
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels, value };
}

function checkName({ name, type }: ParsedFamily, sample: string, openMetrics: boolean): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`unusual name ${name}`);
  const allowed =
    type === 'histogram'
      ? [`${name}_bucket`, `${name}_sum`, `${name}_count`]
      : type === 'counter' && openMetrics
        ? [`${name}_total`]
        : [name];
  if (!allowed.includes(sample)) throw new Error(`${sample} does not belong to ${type} ${name}`);
  if (type === 'counter' && !sample.endsWith('_total')) throw new Error(`counter ${sample} without _total`);
  if (type === 'gauge' && sample.endsWith('_total')) throw new Error(`gauge ${sample} with _total`);
}

/** Buckets grow, the last is +Inf and equals the count; for each set of labels. */
function checkHistogram({ name, samples }: ParsedFamily): void {
  const groups = new Map<string, ParsedSample[]>();
  for (const sample of samples) {
    const { le: _le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)));
    const rising = (values: readonly number[], strictly: boolean): boolean =>
      values.every((value, i) => i === 0 || value > Number(values[i - 1]) || (!strictly && value === values[i - 1]));
    if (!rising(bounds, true) || bounds.at(-1) !== Number.POSITIVE_INFINITY)
      throw new Error(`bad bounds: ${name}${key}`);
    if (!rising(buckets.map(({ value }) => value), false)) throw new Error(`falling buckets: ${name}${key}`); // biome-ignore format: one line
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    if (count !== buckets.at(-1)?.value) throw new Error(`count is not the last bucket: ${name}${key}`);
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`no sum: ${name}${key}`);
  }
}
