import { createContext, type Clock, type Random } from '@fairlead/core';
import { queueLags, type Database, type QueueLag } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';

/** Several gauges are read at once, and scrapers come in pairs. */
const FRESH_MS = 1_000;
const TIMEOUT_MS = 2_000;

/**
 * How far queues are behind, as gauges that ask the database when they are read and at no other time:
 * `fairlead_job_waiting`, `fairlead_job_dead` and `fairlead_job_lag_seconds`, each by queue. A database that does not answer
 * leaves them as they were.
 */
export function queueGauges(options: {
  readonly database: Database;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
}): void {
  const { database, telemetry, clock, random } = options;
  let latest: { readonly atMs: number; readonly lags: Promise<readonly QueueLag[]> } | undefined;

  async function read(): Promise<readonly QueueLag[]> {
    using ctx = createContext({ clock, random, timeoutMs: TIMEOUT_MS });
    return await queueLags(ctx, database);
  }

  function gauge(name: string, help: string, valueOf: (lag: QueueLag) => number): void {
    telemetry.metrics.gauge<'queue'>({
      name,
      help,
      labelNames: ['queue'],
      async collect() {
        const nowMs = clock.monotonic();
        if (latest === undefined || nowMs - latest.atMs >= FRESH_MS) latest = { atMs: nowMs, lags: read() };
        const lags = await latest.lags.catch(() => undefined);
        if (lags === undefined) return;
        this.reset();
        for (const lag of lags) this.set({ queue: lag.queue }, valueOf(lag));
      },
    });
  }

  gauge('fairlead_job_waiting', 'Jobs that could run now', ({ waiting }) => waiting);
  gauge('fairlead_job_dead', 'Jobs that were given up and wait for a decision', ({ dead }) => dead);
  gauge('fairlead_job_lag_seconds', 'How long the job has waited that waits longest', ({ lagMs }) => lagMs / 1_000);
}
