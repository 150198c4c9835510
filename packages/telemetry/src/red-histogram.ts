import type { Histogram, MetricObjectWithValues, MetricType, MetricValueWithName } from 'prom-client';

/** The observations of one combination of labels. */
export interface RedSeries {
  /** Something took so many milliseconds; below 0 counts as 0. */
  observe(durationMs: number): void;
}

class SeriesCounts implements RedSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** How many were in each bucket, the last being for those beyond all bounds. */
  readonly counts: number[];
  sumMs = 0;
  readonly #boundsMs: readonly number[];

  constructor(labels: Readonly<Record<string, string>>, boundsMs: readonly number[]) {
    this.labels = labels;
    this.#boundsMs = boundsMs;
    this.counts = Array.from({ length: boundsMs.length + 1 }, () => 0);
  }

  observe(durationMs: number): void {
    const bounds = this.#boundsMs;
    let at = 0;
    while (at < bounds.length && durationMs > (bounds[at] ?? Infinity)) at += 1;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    if (durationMs > 0) this.sumMs += durationMs;
  }
}

/**
 * A histogram of durations in seconds that is made into prom-client's form when somebody asks for it. That one finds the
 * labels and the bucket by name at each observation, which a proxy would do twice a request.
 */
export class RedHistogram {
  readonly name: string;
  readonly help: string;
  readonly #boundsSeconds: readonly number[];
  readonly #boundsMs: readonly number[];
  readonly #series: SeriesCounts[] = [];

  constructor(options: { readonly name: string; readonly help: string; readonly boundsSeconds: readonly number[] }) {
    this.name = options.name;
    this.help = options.help;
    this.#boundsSeconds = options.boundsSeconds;
    this.#boundsMs = options.boundsSeconds.map((seconds) => seconds * 1000);
  }

  /** A new series. The caller sees to it that there is one for each combination of labels. */
  series(labels: Readonly<Record<string, string>>): RedSeries {
    const made = new SeriesCounts(labels, this.#boundsMs);
    this.#series.push(made);
    return made;
  }

  /** In prom-client's form. */
  async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return {
      name: this.name,
      help: this.help,
      // `as`: the enum of prom-client's types has no values at run time; its texts count.
      type: 'histogram' as unknown as MetricType,
      aggregator: 'sum',
      collect: () => undefined,
      values: this.#series.flatMap((series) => this.#valuesOf(series)),
    };
  }

  /** To be registered beside the library's own. */
  get metric(): Histogram {
    // `as`: of a metric, a registry uses `name` and `get` only.
    return this as unknown as Histogram;
  }

  #valuesOf({ labels, counts, sumMs }: SeriesCounts): MetricValueWithName<string>[] {
    let count = 0;
    const buckets = counts.map((inBucket, at): MetricValueWithName<string> => {
      count += inBucket;
      const le = this.#boundsSeconds[at] ?? '+Inf';
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels: { ...labels }, value: sumMs / 1000 },
      { metricName: `${this.name}_count`, labels: { ...labels }, value: count },
    ];
  }
}
