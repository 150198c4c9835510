import type {
  Counter,
  CounterConfiguration,
  Gauge,
  GaugeConfiguration,
  Histogram,
  HistogramConfiguration,
} from 'prom-client';
import type { RedSeries } from './red-histogram.ts';

/** What is measured: calls that we answer, calls that we make, events that we handle, jobs that we do. */
export type RedKind = 'server' | 'client' | 'consumer' | 'job';

/** What rate, errors and duration are measured of. */
export interface RedOptions<Label extends string> {
  readonly kind: RedKind;
  /**
   * Names of the labels besides `outcome`; each has few values. All users of one kind in a process give the same.
   * Default: `operation` for servers, `peer` and `operation` for clients, `source` and `type` for consumers, `queue` for
   * jobs.
   */
  readonly labels?: readonly Label[] | undefined;
}

/** One thing that has ended. */
export interface RedObservation<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>;
  /** `ok`, or the code of the failure. */
  readonly outcome: string;
  /** Milliseconds that it took. */
  readonly durationMs: number;
}

/** Rate, errors and duration of one kind of work. */
export interface Red<Label extends string> {
  observe(observation: RedObservation<Label>): void;
  /** What observations of these labels and this outcome are counted under, for those who have many: it may be kept. */
  series(labels: Readonly<Record<Label, string>>, outcome: string): RedSeries;
  /** Something of a series took so many milliseconds; below 0 counts as 0. */
  count(series: RedSeries, durationMs: number): void;
}

/** The labels that `red` takes when none are named. */
export interface DefaultRedLabels {
  readonly server: 'operation';
  readonly client: 'peer' | 'operation';
  readonly consumer: 'source' | 'type';
  readonly job: 'queue';
}

/** A process's or service's metrics. Asking twice for a name gives the same metric. */
export interface Metrics {
  /**
   * The histogram of one kind of work: `http_server_request_duration_seconds`, `http_client_request_duration_seconds`,
   * `messaging_process_duration_seconds` or `fairlead_job_duration_seconds`. Its count is the rate, `outcome` tells the errors. After 2 000 combinations
   * of label values further ones are counted under `_other`, so that no caller can fill the memory.
   * @throws MISCONFIGURED when the kind is already measured with other labels
   */
  red<Kind extends RedKind>(options: { readonly kind: Kind }): Red<DefaultRedLabels[Kind]>;
  red<Label extends string>(options: RedOptions<Label>): Red<Label>;
  /** A counter of prom-client; its name ends in `_total`. */
  counter<Label extends string = string>(configuration: Unregistered<CounterConfiguration<Label>>): Counter<Label>;
  /** A gauge of prom-client. */
  gauge<Label extends string = string>(configuration: Unregistered<GaugeConfiguration<Label>>): Gauge<Label>;
  /** A histogram of prom-client; a duration is in seconds and its name says so. */
  histogram<Label extends string = string>(
    configuration: Unregistered<HistogramConfiguration<Label>>,
  ): Histogram<Label>;
  /** Everything in the Prometheus text format. */
  exposition(): Promise<string>;
  /** The media type of `exposition`. */
  readonly contentType: string;
}

/** A metric's configuration; where it is registered is not a choice. */
export type Unregistered<Configuration> = Omit<Configuration, 'registers'>;
