import { createContext, type Clock, type Closeable, type Random, type Timer } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { IdempotencyRecords } from './idempotency-records.ts';

/** How records whose retention has ended are cleared away. */
export interface CleanerOptions {
  readonly records: IdempotencyRecords;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Time between two rounds, in milliseconds, ±50 % so that instances don't meet. Default 60 000; at least 1. */
  readonly everyMs?: number;
  /** Records deleted by one statement. Default 500; at least 1. */
  readonly batchSize?: number;
}

const BATCH_TIMEOUT_MS = 10_000;

/** Deletes records whose retention has ended, in small batches, now and then; a failure is logged and tried again later. */
export function startIdempotencyCleaner(options: CleanerOptions): Closeable {
  const { records, clock, random, log, everyMs = 60_000, batchSize = 500 } = options;
  const stop = new AbortController();
  let timer: Timer | undefined;
  let round = Promise.resolve();

  const schedule = () => {
    if (stop.signal.aborted) return;
    timer = clock.setTimer(everyMs * (0.5 + random.next()), () => {
      round = cleanUp()
        .catch((error: unknown) =>
          log.warn(undefined, 'Old idempotency records were not cleared away; this is tried again', { error }),
        )
        .then(schedule);
    });
  };

  async function cleanUp(): Promise<void> {
    let deleted = batchSize;
    while (deleted === batchSize && !stop.signal.aborted) {
      using ctx = createContext({ clock, random, timeoutMs: BATCH_TIMEOUT_MS, signal: stop.signal });
      deleted = await records.cleanUp(ctx, batchSize);
    }
  }

  const self: Closeable = {
    async close() {
      stop.abort();
      timer?.cancel();
      await round;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  schedule();
  return self;
}
