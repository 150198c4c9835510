import type { Telemetry } from '@fairlead/telemetry';

/** What is measured of a consumer. */
export interface ConsumerInstruments {
  /** An attempt has ended; `outcome` is `ok`, a failure's code, or why nothing was decided. */
  handled(observation: {
    readonly source: string;
    readonly type: string;
    readonly outcome: string;
    readonly durationMs: number;
  }): void;
  /** Age of the oldest event that was read and is not settled; 0 when there is none. */
  lag(source: string, lagMs: number): void;
  /** Keys that are parked, and those of them whose head is a dead letter. */
  parked(source: string, counts: { readonly keys: number; readonly deadLetters: number }): void;
}

/** What is measured of a relay. */
export interface RelayInstruments {
  /** Events have been copied. */
  published(count: number): void;
  /** Age of the oldest event that is being copied; 0 when the broker holds all. */
  lag(lagMs: number): void;
}

/** The consumer's metrics: `messaging_process_duration_seconds`, `fairlead_consumer_*`. */
export function consumerInstruments({ metrics }: Telemetry, consumer: string): ConsumerInstruments {
  const red = metrics.red({ kind: 'consumer' });
  const labelNames = ['consumer', 'source'];
  const lag = metrics.gauge({
    name: 'fairlead_consumer_lag_seconds',
    help: 'Age of the oldest event that was read and is not settled',
    labelNames,
  });
  const keys = metrics.gauge({
    name: 'fairlead_consumer_parked_keys',
    help: 'Keys whose events wait because one of them failed',
    labelNames,
  });
  const dead = metrics.gauge({
    name: 'fairlead_consumer_dead_letters',
    help: 'Events that were given up and wait for a decision',
    labelNames,
  });
  return {
    handled: ({ source, type, outcome, durationMs }) => red.observe({ labels: { source, type }, outcome, durationMs }),
    lag: (source, lagMs) => lag.set({ consumer, source }, Math.max(0, lagMs) / 1000),
    parked: (source, counts) => {
      keys.set({ consumer, source }, counts.keys);
      dead.set({ consumer, source }, counts.deadLetters);
    },
  };
}

/** The relay's metrics: `fairlead_relay_*`. */
export function relayInstruments({ metrics }: Telemetry, source: string): RelayInstruments {
  const published = metrics.counter({
    name: 'fairlead_relay_published_total',
    help: 'Events copied from the log to the broker',
    labelNames: ['source'],
  });
  const lag = metrics.gauge({
    name: 'fairlead_relay_lag_seconds',
    help: 'Age of the oldest event that is being copied to the broker',
    labelNames: ['source'],
  });
  return {
    published: (count) => published.inc({ source }, count),
    lag: (lagMs) => lag.set({ source }, Math.max(0, lagMs) / 1000),
  };
}
