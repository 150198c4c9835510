import { backoff, type Context, type ScopedContext } from '@fairlead/core';
import { sweepDocs, Wakeup, type StoreTelemetry } from '@fairlead/store';
import type { ActiveRuns } from './active-runs.ts';
import type { DatabaseTime } from './database-time.ts';
import { loadRun, type StoredRun } from './run-docs.ts';
import { buryTheDead, RunnerLife, type LifeGround } from './runner-life.ts';

import { runName } from './send-signal.ts';

/** What keeps a process' life going. */
export interface OwnLifeGround extends LifeGround {
  readonly background: ScopedContext;
  readonly time: DatabaseTime;
  readonly runs: ActiveRuns;
  readonly telemetry: StoreTelemetry | undefined;
  readonly watchMs: number;
  /** Takes a run up that belongs to this life and is not in memory. */
  takeUp(ctx: Context, life: RunnerLife, run: StoredRun): Promise<void>;
}

const SWEEP_EVERY_MS = 600_000;
const LOOK_TIMEOUT_MS = 10_000;
/** How long a slot may be taken for a run that nobody runs, until it is looked for; and until nobody counts on it. */
const SLOT_DOUBT_MS = 5_000;
const SLOT_FORGET_MS = 600_000;
const RETRY = { baseMs: 100, maxMs: 5_000 } as const;

/** The life that runs of this process belong to: begun, begun again when it was lost, and looked after with those of others. */
export class OwnLife {
  readonly #ground: OwnLifeGround;
  readonly #bell = new Wakeup();
  readonly #watching: Promise<void>;
  #life: RunnerLife | undefined;
  #beginning: Promise<RunnerLife> | undefined;
  #sweepAtMs: number;
  #closed = false;

  constructor(ground: OwnLifeGround) {
    this.#ground = ground;
    this.#sweepAtMs = ground.clock.monotonic() + SWEEP_EVERY_MS * ground.random.next();
    this.#watching = this.#watch();
  }

  /** The life, if there is one at once. */
  get now(): RunnerLife | undefined {
    return this.#life?.lease.signal.aborted === false ? this.#life : undefined;
  }

  /** The life that runs belong to now; a new one when the last has ended. */
  async get(ctx: Context): Promise<RunnerLife> {
    if (this.now !== undefined) return this.now;
    this.#beginning ??= this.#begin().finally(() => (this.#beginning = undefined));
    const beginning = this.#beginning;
    beginning.catch(() => {});
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = ctx.onEnd(reject);
    try {
      return await Promise.race([beginning, promise]);
    } finally {
      stop();
    }
  }

  /** Looks no more. The life goes on. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#bell.ring();
    await this.#watching;
  }

  /** Ends it; when runs are left others find them. */
  async end(ctx: Context): Promise<void> {
    const life = this.#life;
    if (life !== undefined) await life.end(ctx, this.#ground.runs.size === 0 && [...life.taken].length === 0);
  }

  async #begin(): Promise<RunnerLife> {
    const { background, time, runs } = this.#ground;
    using ctx = background.withTimeout(LOOK_TIMEOUT_MS);
    const life = await RunnerLife.begin(ctx, this.#ground);
    await time.refresh(ctx);
    this.#life = life;
    const onLost = (): void => {
      runs.drop(life);
      this.#bell.ring();
    };
    life.lease.signal.addEventListener('abort', onLost, { once: true });
    if (life.lease.signal.aborted) onLost();
    return life;
  }

  /** Looks after slots and other lives, until stopped. Never rejects. */
  async #watch(): Promise<void> {
    const { background, clock, random, watchMs, telemetry, time, database } = this.#ground;
    const waits = backoff({ ...RETRY, random });
    for (let failures = 0; !this.#closed;) {
      try {
        using ctx = background.withTimeout(LOOK_TIMEOUT_MS);
        const life = await this.get(ctx);
        await time.refresh(ctx);
        await buryTheDead(ctx, this.#ground, life.id);
        await this.#lookAfter(ctx, life);
        await this.#sweep(ctx);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!this.#closed)
          telemetry?.log.warn(undefined, `${database.name}: sagas could not be looked after; trying again`, { error });
      }
      if (this.#closed) return;
      // Processes that were started together don't look together.
      const delayMs = failures > 0 ? waits.delayFor(failures) : watchMs * (0.75 + random.next() / 2);
      await this.#bell.sleep(clock, delayMs);
    }
  }

  /** Finds out about slots whose run is not here: who started it has rolled back, or nobody knows whether. */
  async #lookAfter(ctx: Context, life: RunnerLife): Promise<void> {
    const { runs, clock, database } = this.#ground;
    const nowMs = clock.monotonic();
    for (const slot of Array.from(life.taken)) {
      const name = runName(slot.tenant, slot.saga, slot.id);
      const doubtMs = nowMs - slot.takenAtMs;
      if (doubtMs < SLOT_DOUBT_MS || runs.has(name)) continue;
      const own = ctx.derive({ tenant: slot.tenant });
      const run = await loadRun({ ctx: own, database }, slot.saga, slot.id);
      if (runs.has(name)) continue;
      if (run?.body.owner === life.id) await this.#ground.takeUp(own, life, run);
      if (run !== undefined || doubtMs > SLOT_FORGET_MS) life.giveBack(slot);
    }
  }

  async #sweep(ctx: Context): Promise<void> {
    const nowMs = this.#ground.clock.monotonic();
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + SWEEP_EVERY_MS;
    await sweepDocs(ctx, this.#ground.database);
  }
}
