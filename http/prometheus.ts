/**
 * Text exposition of metrics, as Prometheus (0.0.4) and OpenMetrics (1.0) want it. Pure.
 *
 * T1. A family stands together, after its HELP and TYPE, and appears once.
 * T2. Labels are bounded: routes, status classes, peers of the configuration, roles.
 */
import type { Histogram } from '../actors/facade.ts';

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export type Family =
  /** `name` without `_total`. */
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly histograms: readonly { readonly labels?: Labels; readonly histogram: Histogram }[];
    };

export const gauge = (name: string, help: string, ...values: readonly (number | boolean | null)[]): Family => {
  const samples = values.filter((value) => value !== null).map((value) => ({ value: Number(value) }));
  return { type: 'gauge', name, help, samples };
};
export const counter = (name: string, help: string, value: number): Family => ({
  type: 'counter',
  name,
  help,
  samples: [{ value }],
});

/** Every process has `process_…` (the names that all clients of Prometheus share); all else is ours. */
const prefixed = (name: string): string => (name.startsWith('process_') ? name : `dlog_${name}`);

export function exposition(families: readonly Family[], openMetrics: boolean): string {
  let text = '';
  const seen = new Set<string>();
  for (const family of families) {
    const name = prefixed(family.name.replace(/[^a-zA-Z0-9_]/g, '_'));
    if (seen.has(name)) continue;
    seen.add(name);
    const series = family.type === 'counter' ? `${name}_total` : name;
    const described = openMetrics ? name : series; // OpenMetrics names the family, the older format its series.
    text += `# HELP ${described} ${escaped(family.help)}\n# TYPE ${described} ${family.type}\n`;
    if (family.type === 'histogram') {
      for (const { labels, histogram } of family.histograms) text += histogramOf(series, labels ?? {}, histogram);
    } else {
      for (const { labels, value } of family.samples) text += `${series}${labelsOf(labels)} ${numberOf(value)}\n`;
    }
  }
  return openMetrics ? `${text}# EOF\n` : text;
}

function histogramOf(name: string, labels: Labels, { boundsSeconds, counts, sumSeconds }: Histogram): string {
  let text = '';
  for (const [place, bound] of boundsSeconds.entries()) {
    // A bound that is whole is still a float: "1.0", the one spelling that both formats share.
    const le = Number.isInteger(bound) ? `${bound}.0` : numberOf(bound);
    text += `${name}_bucket${labelsOf({ ...labels, le })} ${numberOf(counts[place] ?? 0)}\n`;
  }
  text += `${name}_sum${labelsOf(labels)} ${numberOf(sumSeconds)}\n`;
  return `${text}${name}_count${labelsOf(labels)} ${numberOf(counts.at(-1) ?? 0)}\n`;
}

function labelsOf(labels: Labels | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}="${escaped(String(value), true)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const numberOf = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);

function escaped(text: string, quoted = false): string {
  const plain = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return quoted ? plain.replaceAll('"', '\\"') : plain;
}
