import type { Context } from '@fairlead/core';

/** What the store needs of a span. */
export interface StoreSpan {
  set(key: string, value: string | number | boolean): void;
}

/** What a metric is called and by what it is told apart. */
export interface StoreMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

/** Values of a metric's labels. */
export type StoreLabels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface StoreCounter {
  inc(labels: StoreLabels, by?: number): void;
}

/** A number that goes up and down. */
export interface StoreGauge {
  set(labels: StoreLabels, value: number): void;
  /** Forgets one combination of labels: what is not there has no value. */
  remove(labels: StoreLabels): void;
}

/** How numbers are spread; durations are in seconds. */
export interface StoreHistogram {
  observe(labels: StoreLabels, value: number): void;
}

/** The part of `Metrics` that the store uses. Asking twice for one name gives the same metric. */
export interface StoreMetrics {
  counter(metric: StoreMetric): StoreCounter;
  gauge(metric: StoreMetric): StoreGauge;
  histogram(metric: StoreMetric & { readonly buckets?: number[] }): StoreHistogram;
}

/** The part of `Telemetry` that the store uses. */
export interface StoreTelemetry {
  readonly tracer: {
    span<T>(
      ctx: Context,
      options: {
        readonly name: string;
        readonly kind: 'client';
        readonly attributes?: Readonly<Record<string, string | number | boolean>>;
      },
      work: (ctx: Context, span: StoreSpan) => Promise<T>,
    ): Promise<T>;
  };
  readonly log: {
    warn(ctx: Context | undefined, message: string, fields?: Record<string, unknown>): void;
  };
  /** Default: nothing is counted. */
  readonly metrics?: StoreMetrics | undefined;
}

const SPAN: StoreSpan = { set: () => {} };

/** Metrics that nobody reads. */
const UNCOUNTED: StoreMetrics = {
  counter: () => ({ inc: () => {} }),
  gauge: () => ({ set: () => {}, remove: () => {} }),
  histogram: () => ({ observe: () => {} }),
};

/** Telemetry that records nothing. */
export const SILENT: StoreTelemetry = {
  tracer: { span: (ctx, _options, work) => work(ctx, SPAN) },
  log: { warn: () => {} },
};

/** The metrics of `telemetry`, or ones that nobody reads. */
export function metricsOf(telemetry: StoreTelemetry | undefined): StoreMetrics {
  return telemetry?.metrics ?? UNCOUNTED;
}
