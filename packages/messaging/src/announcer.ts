import type { Context, Timer } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import { loopContext } from './loop-context.ts';

/** The channel that the embedded broker's news go over; the payload is the source. */
export const CHANNEL = 'fairlead_event';

const INTERVAL_MS = 5;
const TIMEOUT_MS = 5_000;

/**
 * Tells readers of news with NOTIFY, at most once in 5 ms for a source; what comes sooner is told together at the end of
 * that time. Failures are dropped: it is a hint, readers also look by themselves.
 */
export class Announcer {
  readonly #database: Database;
  readonly #toldAt = new Map<string, number>();
  readonly #later = new Map<string, Timer>();
  readonly #underWay = new Set<Promise<void>>();
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Resolves when readers have been told, or will be by a timer. */
  async announce(ctx: Context, source: string): Promise<void> {
    if (this.#closed || this.#later.has(source)) return;
    const { clock, random } = ctx;
    const waitMs = (this.#toldAt.get(source) ?? -Infinity) + INTERVAL_MS - clock.monotonic();
    if (waitMs <= 0) {
      await this.#tell(ctx, source);
      return;
    }
    const timer = clock.setTimer(waitMs, () => {
      this.#later.delete(source);
      const telling = (async () => {
        using root = loopContext({ clock, random, timeoutMs: TIMEOUT_MS });
        await this.#tell(root, source);
      })();
      this.#underWay.add(telling);
      void telling.finally(() => this.#underWay.delete(telling));
    });
    this.#later.set(source, timer);
  }

  /** Drops what would be told later and waits for what is being told. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#later.values()) timer.cancel();
    this.#later.clear();
    await Promise.all(this.#underWay);
  }

  async #tell(ctx: Context, source: string): Promise<void> {
    this.#toldAt.set(source, ctx.clock.monotonic());
    try {
      await this.#database.query(ctx, 'SELECT pg_notify($1, $2)', [CHANNEL, source]);
    } catch {
      // The events are durable; readers find them at their next look.
    }
  }
}
