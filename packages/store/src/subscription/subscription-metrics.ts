import { metricsOf, type StoreTelemetry } from '../telemetry.ts';

/** What is measured of a subscription. */
export interface SubscriptionMetrics {
  /** Events need no more of it: handled, parked after an attempt, or given up. */
  events(shard: number, outcome: 'handled' | 'failed' | 'dead', count: number): void;
  /** How long the oldest event that is not handled has been in the log; 0 when there is none. */
  lag(shard: number, lagMs: number): void;
  /** Keys that are parked, and those of them whose head is dead. */
  parked(shard: number, keys: number, dead: number): void;
  /** The shard is somebody else's now. */
  forget(shard: number): void;
}

/** `fairlead_subscription_*` in `telemetry`. */
export function subscriptionMetrics(telemetry: StoreTelemetry | undefined, subscription: string): SubscriptionMetrics {
  const metrics = metricsOf(telemetry);
  const labelNames = ['subscription', 'shard'];
  const events = metrics.counter({
    name: 'fairlead_subscription_events_total',
    help: 'Events that a subscription handled, failed to handle, or gave up',
    labelNames: [...labelNames, 'outcome'],
  });
  const lag = metrics.gauge({
    name: 'fairlead_subscription_lag_seconds',
    help: 'How long the oldest event that is not handled has been in the log',
    labelNames,
  });
  const keys = metrics.gauge({
    name: 'fairlead_subscription_parked_keys',
    help: 'Keys whose events wait because one of them failed',
    labelNames,
  });
  const dead = metrics.gauge({
    name: 'fairlead_subscription_dead_events',
    help: 'Events that were given up and wait for a decision',
    labelNames,
  });
  const labels = (shard: number) => ({ subscription, shard: String(shard) });
  return {
    events: (shard, outcome, count) => events.inc({ ...labels(shard), outcome }, count),
    lag: (shard, lagMs) => lag.set(labels(shard), Math.max(0, lagMs) / 1_000),
    parked(shard, parkedKeys, deadHeads) {
      keys.set(labels(shard), parkedKeys);
      dead.set(labels(shard), deadHeads);
    },
    forget(shard) {
      for (const gauge of [lag, keys, dead]) gauge.remove(labels(shard));
    },
  };
}
