/** Reads what docs/monitoring/ gives to Grafana and Prometheus, as they would. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built file stands one folder deeper than its source. */
export const monitoringFolder = fileURLToPath(new URL('../../../docs/monitoring/', import.meta.url));
export const monitoringText = (file: string): string => readFileSync(`${monitoringFolder}${file}`, 'utf8');

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  /** A row has none. */
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly instant?: boolean;
  }[];
}

export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly name: string; readonly definition?: string }[];
  };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string; readonly titleFormat: string }[];
  };
}

export const dashboard = JSON.parse(monitoringText('grafana.json')) as Dashboard;

export interface Query {
  readonly panel: string;
  readonly expr: string;
  readonly legend: string;
  readonly instant: boolean;
}

/** Every query of every panel. */
export const queries: readonly Query[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat, instant = false }) => ({ panel: title, expr, legend: legendFormat, instant })),
);

/** Names of alerts, in the order of the file. */
export const alertNames: readonly string[] = [...monitoringText('alerts.yml').matchAll(/^ +- alert: (\w+)$/gm)].map(
  ([, name = '']) => name,
);

/** Names of series that an expression asks for. */
export const seriesIn = (text: string): string[] => [...new Set(text.match(/\b(?:dlog|process)_\w+/g))];

/** A histogram is asked for by its buckets, its sum, its count. */
export const familyOf = (series: string): string => series.replace(/_(?:bucket|sum|count)$/, '');
