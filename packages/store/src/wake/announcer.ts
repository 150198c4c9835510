// announcer.ts      NOTIFY that costs little          wakeup.ts   the bell of a loop
// loop-context.ts   what a loop works under
import type { Clock, Context, Random, Timer } from '@fairlead/core';
import { loopContext } from './loop-context.ts';

const INTERVAL_MS = 5;
const TIMEOUT_MS = 5_000;

/*
 * A transaction that notifies takes a lock of the whole server until its commit is on disk, and so all of those queue up.
 * Hence a statement of its own, whose commit waits for no disk.
 */
const TELL = `select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`;

/** What news goes over. */
export interface NewsLine {
  /** Runs a statement that notifies. */
  tell(ctx: Context, text: string, params: readonly unknown[]): Promise<unknown>;
}

/**
 * Tells listeners of news with NOTIFY, at most once in 5 ms for a channel and payload; what comes sooner is told together
 * at the end of that time. Failures are dropped: it is a hint, whoever listens also looks by itself.
 */
export class Announcer {
  readonly #line: NewsLine;
  readonly #toldAt = new Map<string, number>();
  readonly #later = new Map<string, Timer>();
  readonly #underWay = new Set<Promise<void>>();
  #closed = false;

  constructor(line: NewsLine) {
    this.#line = line;
  }

  /** Resolves when listeners have been told, or will be by a timer. Never rejects. */
  async announce(
    world: { readonly clock: Clock; readonly random: Random },
    channel: string,
    payload: string,
  ): Promise<void> {
    const key = `${channel} ${payload}`;
    if (this.#closed || this.#later.has(key)) return;
    const { clock, random } = world;
    const waitMs = (this.#toldAt.get(key) ?? -Infinity) + INTERVAL_MS - clock.monotonic();
    if (waitMs <= 0) {
      this.#toldAt.set(key, clock.monotonic());
      await this.#tell({ clock, random }, channel, payload);
      return;
    }
    const timer = clock.setTimer(waitMs, () => {
      this.#later.delete(key);
      this.#toldAt.set(key, clock.monotonic());
      void this.#tell({ clock, random }, channel, payload);
    });
    this.#later.set(key, timer);
  }

  /** Drops what would be told later and waits for what is being told. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#later.values()) timer.cancel();
    this.#later.clear();
    await Promise.all(this.#underWay);
  }

  async #tell(
    world: { readonly clock: Clock; readonly random: Random },
    channel: string,
    payload: string,
  ): Promise<void> {
    const telling = (async () => {
      using ctx = loopContext({ ...world, timeoutMs: TIMEOUT_MS });
      try {
        await this.#line.tell(ctx, TELL, [channel, payload]);
      } catch {
        // The news is durable; whoever listens finds it at its next look.
      }
    })();
    this.#underWay.add(telling);
    await telling;
    this.#underWay.delete(telling);
  }
}
