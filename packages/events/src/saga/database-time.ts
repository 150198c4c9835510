import type { Clock, Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';

const ASK = 'select (extract(epoch from fairlead.now()) * 1000)::float8 as now';
const FRESH_MS = 10_000;

/**
 * The database's time without asking each time: what it was, and how long ago by the monotonic clock. So it does not jump when this
 * machine's clock is set, and follows within ten seconds when the database's is.
 */
export class DatabaseTime {
  readonly #database: Database;
  readonly #clock: Clock;
  #offsetMs: number;
  #askedAtMs = -Infinity;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Whole milliseconds since the epoch. */
  nowMs(): number {
    return Math.floor(this.#clock.monotonic() + this.#offsetMs);
  }

  /** Asks the database, unless that was done of late; `now` asks in any case. */
  async refresh(ctx: Context, now = false): Promise<void> {
    const startedMs = this.#clock.monotonic();
    if (!now && startedMs - this.#askedAtMs < FRESH_MS) return;
    const { rows } = await this.#database.query<{ readonly now: number }>(ctx, ASK);
    const endedMs = this.#clock.monotonic();
    this.#askedAtMs = endedMs;
    // The middle of the round trip.
    this.#offsetMs = Number(rows[0]?.now) - (startedMs + endedMs) / 2;
  }
}
