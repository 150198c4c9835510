import type { Histogram, MetricObjectWithValues, MetricType, MetricValueWithName } from 'prom-client';

/** Names the observations of one combination of labels. */
export type RedSeries = number;

/**
 * So many observations are added at once. Of many series each one's numbers are in memory that is far away, and a processor waits for
 * several of them together.
 */
const TOGETHER = 128;
const FEW_SERIES = 16;

/**
 * A histogram of durations in seconds that is made into prom-client's form when somebody asks for it. That one finds the
 * labels and the bucket by name at each observation, which a proxy would do twice a request.
 */
export class RedHistogram {
  readonly name: string;
  readonly help: string;
  readonly #boundsSeconds: readonly number[];
  readonly #boundsMs: readonly number[];
  /** By series. */
  readonly #labels: Readonly<Record<string, string>>[] = [];
  /** How many numbers a series has: its sum in milliseconds, and how many were in each bucket, the last being for those beyond all bounds. */
  readonly #width: number;
  #numbers: Float64Array;
  /** Observations that are still to be added. */
  readonly #pendingSeries = new Uint32Array(TOGETHER);
  readonly #pendingMs = new Float64Array(TOGETHER);
  #pending = 0;

  constructor(options: { readonly name: string; readonly help: string; readonly boundsSeconds: readonly number[] }) {
    this.name = options.name;
    this.help = options.help;
    this.#boundsSeconds = options.boundsSeconds;
    this.#boundsMs = options.boundsSeconds.map((seconds) => seconds * 1000);
    this.#width = this.#boundsMs.length + 2;
    this.#numbers = new Float64Array(FEW_SERIES * this.#width);
  }

  /** A new series. The caller sees to it that there is one for each combination of labels. */
  series(labels: Readonly<Record<string, string>>): RedSeries {
    const count = this.#labels.push(labels);
    if (count * this.#width > this.#numbers.length) {
      const before = this.#numbers;
      this.#numbers = new Float64Array(before.length * 2);
      this.#numbers.set(before);
    }
    return count - 1;
  }

  /** Something took so many milliseconds; below 0 counts as 0. */
  count(series: RedSeries, durationMs: number): void {
    const at = this.#pending;
    this.#pendingSeries[at] = series;
    this.#pendingMs[at] = durationMs;
    this.#pending = at + 1;
    if (this.#pending === TOGETHER) this.#addPending();
  }

  /** In prom-client's form. */
  async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    this.#addPending();
    return {
      name: this.name,
      help: this.help,
      // `as`: the enum of prom-client's types has no values at run time; its texts count.
      type: 'histogram' as unknown as MetricType,
      aggregator: 'sum',
      collect: () => undefined,
      values: this.#labels.flatMap((labels, series) => this.#valuesOf(labels, series)),
    };
  }

  /** To be registered beside the library's own. */
  get metric(): Histogram {
    // `as`: of a metric, a registry uses `name` and `get` only.
    return this as unknown as Histogram;
  }

  #addPending(): void {
    const [numbers, bounds] = [this.#numbers, this.#boundsMs];
    for (let at = 0; at < this.#pending; at += 1) {
      const first = (this.#pendingSeries[at] ?? 0) * this.#width;
      const durationMs = this.#pendingMs[at] ?? 0;
      let bucket = 0;
      while (bucket < bounds.length && durationMs > (bounds[bucket] ?? Infinity)) bucket += 1;
      numbers[first] = (numbers[first] ?? 0) + Math.max(0, durationMs);
      numbers[first + 1 + bucket] = (numbers[first + 1 + bucket] ?? 0) + 1;
    }
    this.#pending = 0;
  }

  #valuesOf(labels: Readonly<Record<string, string>>, series: RedSeries): MetricValueWithName<string>[] {
    const [sumMs = 0, ...counts] = this.#numbers.subarray(series * this.#width, (series + 1) * this.#width);
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
