// settlement.ts   cursor, marks, parking: the statements that check the epoch
// progress.ts     how far the cursor may move
// lanes.ts        one key in order, several keys at once
// attempt.ts      one run of the handler; commit-gate.ts is its one transaction
// parked.ts       what of the parked keys is due; dead-letters.ts is for people
import { backoff, isError, type Backoff, type Closeable, type Context, type ScopedContext } from '@fairlead/core';
import { failureOf, loopContext, nextAttempt, Wakeup, type Database, type Failure } from '@fairlead/store';
import { attempt, type AttemptOutcome, type AttemptSettings } from './attempt.ts';
import type { Broker, PublishedEvent } from './broker.ts';
import { fromCloudEvent } from './cloud-event.ts';
import type { Lanes, LaneTask } from './lanes.ts';
import { dueHead, isParked, parkedHeads, type DueEvent } from './parked.ts';
import { Progress } from './progress.ts';
import { claimSource, markEvent, moveCursor, parkEvent, recordFailure, takeParked, type Claim } from './settlement.ts';

/** What the subscriptions of one consumer share. */
export interface SubscriptionSettings extends AttemptSettings {
  /** `database` for what is done for the events of all tenants: cursor, marks, parking. Handlers commit in that of their event's. */
  readonly ledger: Database;
  readonly broker: Broker;
  readonly lanes: Lanes;
  readonly accepts: (event: PublishedEvent) => boolean;
  readonly maxAttempts: number;
  readonly attemptDelays: Backoff;
  readonly batchSize: number;
  readonly window: number;
  readonly pollMs: number;
  /** Parent of every statement's Context; aborts with `signal`. */
  readonly life: ScopedContext;
  /** Called when a newer instance has taken over. */
  readonly onFenced: (source: string) => void;
}

/** One read or statement; a connection that hangs must not hold the loop for ever. */
const STEP_TIMEOUT_MS = 30_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };
/** How soon a redrive or discard by someone else is noticed. */
const PARKED_POLL_MS = 1_000;

/**
 * The consumption of one source: reads on from the cursor, gives events to the lanes, moves the cursor behind them, and
 * tries parked keys again. Everything that fails for want of the database or the broker is repeated, with full jitter, at
 * most 5 s apart, until it succeeds, the consumer closes or a newer instance takes over.
 */
export class Subscription {
  readonly #settings: SubscriptionSettings;
  readonly #source: string;
  readonly #retryDelays: Backoff;
  readonly #news = new Wakeup();
  readonly #parkedNews = new Wakeup();
  readonly #stopped = Promise.withResolvers<void>();
  /** What is known to be parked. May name a key that no longer is; never misses one that is. */
  #parkedKeys = new Set<string>();
  #stopping = false;
  /** Where the stored cursor stands. */
  #moved = 0n;
  #moving: Promise<void> | undefined;
  #lag: { readonly position: bigint; readonly time: number }[] = [];
  readonly #ended: Promise<void>;

  constructor(settings: SubscriptionSettings, source: string) {
    this.#settings = settings;
    this.#source = source;
    this.#retryDelays = backoff({ ...RETRY, random: settings.random });
    this.#ended = this.#run();
  }

  /** Looks at the parked keys now. */
  pokeParked(): void {
    this.#parkedNews.ring();
  }

  /** Begins no more work. Resolves when the loops have ended and the cursor stands still; lanes may still run before. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopped.resolve();
    this.#news.ring();
    this.#parkedNews.ring();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { ledger, consumer, broker } = this.#settings;
    const claimed = await this.#insist('be taken over', (ctx) => claimSource(ctx, ledger, consumer, this.#source));
    if (claimed === undefined) return;
    this.#parkedKeys = new Set(claimed.parkedKeys);
    this.#moved = claimed.cursor;
    const progress = new Progress(claimed.cursor);
    // A hint only: without it the loop looks every pollMs.
    const watching = broker.watch(this.#source, () => this.#news.ring()).catch(() => undefined);
    try {
      await Promise.all([
        this.#readOn(claimed.claim, progress, new Set(claimed.settled)),
        this.#retryParked(claimed.claim),
      ]);
      await this.#settings.lanes.idle();
      await this.#moving;
    } finally {
      await this.#unwatch(watching);
    }
  }

  async #unwatch(watching: Promise<Closeable | undefined>): Promise<void> {
    try {
      await (await watching)?.close();
    } catch {
      // The connection is gone, and the hint with it.
    }
  }

  async #readOn(claim: Claim, progress: Progress, settled: Set<string>): Promise<void> {
    const { broker, batchSize, window, pollMs, clock, lanes, accepts } = this.#settings;
    while (!this.#stopping) {
      const room = Math.min(batchSize, window - progress.open);
      if (room <= 0) {
        await this.#news.sleep(clock, Infinity);
        continue;
      }
      const after = progress.readThrough;
      const events = await this.#insist('be read', (ctx) => broker.read(ctx, this.#source, { after, limit: room }));
      if (events === undefined) return;
      for (const event of events) {
        progress.read(event.position);
        this.#lag.push({ position: event.position, time: event.time });
        if (settled.delete(event.id) || !accepts(event)) progress.settle(event.position);
        else lanes.add(this.#lane(event.key), this.#delivery(claim, progress, event));
      }
      this.#moveCursor(claim, progress);
      if (events.length === 0 && !this.#stopping) await this.#news.sleep(clock, pollMs);
    }
  }

  #lane(key: string): string {
    return JSON.stringify([this.#source, key]);
  }

  #delivery(claim: Claim, progress: Progress, event: PublishedEvent): LaneTask {
    return async (hold) => {
      if (this.#stopping) return;
      if (!(await this.#deliver(claim, event, hold))) return;
      const wasFull = progress.open >= this.#settings.window;
      progress.settle(event.position);
      if (wasFull) this.#news.ring();
      this.#moveCursor(claim, progress);
    };
  }

  /** True when the event needs no more of the broker: handled or parked. */
  async #deliver(claim: Claim, event: PublishedEvent, hold: (until: Promise<unknown>) => void): Promise<boolean> {
    if (this.#parkedKeys.has(event.key)) return this.#park(claim, event, undefined);
    const outcome = await attempt(this.#settings, { event, settle: (tx) => markEvent(tx, claim, event), hold });
    if (outcome.kind === 'fenced') this.#fenced();
    if (outcome.kind !== 'failed') return outcome.kind === 'done';
    return this.#park(claim, event, outcome.failure);
  }

  async #park(claim: Claim, event: PublishedEvent, failure: Failure | undefined): Promise<boolean> {
    const { ledger } = this.#settings;
    // Before the statement: its answer may be lost.
    this.#parkedKeys.add(event.key);
    const parking = { failure, ...nextAttempt({ attempts: 1, postponed: 0 }, failure, this.#settings) };
    const parked = await this.#insist('be parked', (ctx) => parkEvent(ctx, ledger, claim, event, parking));
    if (parked === undefined) return false;
    if (failure !== undefined) this.#logFailure(event, failure, 1, parking.dead);
    this.#parkedNews.ring();
    return true;
  }

  async #retryParked(claim: Claim): Promise<void> {
    const { clock, consumer, ledger, lanes, instruments } = this.#settings;
    while (!this.#stopping) {
      if (this.#parkedKeys.size === 0) {
        instruments.parked(this.#source, { keys: 0, deadLetters: 0 });
        await this.#parkedNews.sleep(clock, Infinity);
        continue;
      }
      const heads = await this.#insist('be looked up among the parked', (ctx) =>
        parkedHeads(ctx, ledger, consumer, this.#source),
      );
      if (heads === undefined) return;
      instruments.parked(this.#source, { keys: heads.length, deadLetters: heads.filter((head) => head.dead).length });
      let waitMs = PARKED_POLL_MS;
      for (const head of heads) {
        if (head.dead || lanes.busy(this.#lane(head.key))) continue;
        if (head.dueInMs <= 0) lanes.add(this.#lane(head.key), this.#retry(claim, head.key));
        else waitMs = Math.min(waitMs, Math.ceil(head.dueInMs));
      }
      const found = new Set(heads.map((head) => head.key));
      for (const key of this.#parkedKeys) {
        if (!found.has(key) && !lanes.busy(this.#lane(key))) lanes.add(this.#lane(key), this.#unpark(key));
      }
      await this.#parkedNews.sleep(clock, waitMs);
    }
  }

  /** Tries the head of a parked key, if it is still due when its turn comes. */
  #retry(claim: Claim, key: string): LaneTask {
    const { ledger, consumer } = this.#settings;
    return async (hold) => {
      if (this.#stopping) return;
      const due = await this.#insist('be looked up among the parked', async (ctx) => ({
        head: await dueHead(ctx, ledger, { consumer, source: this.#source, key }),
      }));
      if (due?.head === undefined) return;
      const { id, postponed } = due.head;
      const attempts = due.head.attempts + 1;
      const outcome = await this.#attemptParked(claim, due.head, hold);
      if (outcome.kind === 'fenced') this.#fenced();
      if (outcome.kind === 'failed') {
        const { failure } = outcome;
        const parking = { failure, ...nextAttempt({ attempts, postponed }, failure, this.#settings) };
        await this.#insist('be parked', async (ctx) => {
          await recordFailure(ctx, ledger, claim, id, parking);
          return true;
        });
        this.#logFailure({ key, id }, failure, attempts, parking.dead);
      }
      this.#parkedNews.ring();
    };
  }

  async #attemptParked(claim: Claim, head: DueEvent, hold: (until: Promise<unknown>) => void): Promise<AttemptOutcome> {
    let event: PublishedEvent;
    try {
      event = fromCloudEvent(head.event);
    } catch (error) {
      // Not as we wrote it; counts as an attempt, so that it ends as a dead letter too.
      return { kind: 'failed', failure: failureOf(error, this.#settings.life) };
    }
    return attempt(this.#settings, { event, settle: (tx) => takeParked(tx, claim, head.id), hold });
  }

  /** In the key's lane, where nothing of it is being parked: forgets the key when none of it is. */
  #unpark(key: string): LaneTask {
    const { ledger, consumer } = this.#settings;
    return async () => {
      if (this.#stopping) return;
      const parked = await this.#insist('be looked up among the parked', (ctx) =>
        isParked(ctx, ledger, { consumer, source: this.#source, key }),
      );
      if (parked === false) this.#parkedKeys.delete(key);
      this.#parkedNews.ring();
    };
  }

  #logFailure(event: Pick<PublishedEvent, 'id' | 'key'>, failure: Failure, attempts: number, dead: boolean): void {
    const { telemetry, consumer } = this.#settings;
    telemetry.log.warn(
      undefined,
      dead
        ? 'An event failed too often and is a dead letter; later events of its key wait until it is redriven or discarded'
        : 'An event failed; its key is parked and it is tried again',
      {
        consumer,
        source: this.#source,
        event: event.id,
        key: event.key,
        attempts,
        code: failure.code,
        error: failure.message,
        eventTraceId: failure.traceId,
      },
    );
  }

  /** Moves the stored cursor behind what is settled, one statement at a time. */
  #moveCursor(claim: Claim, progress: Progress): void {
    this.#moving ??= this.#moveBehind(claim, progress);
  }

  async #moveBehind(claim: Claim, progress: Progress): Promise<void> {
    // Let the events that settle in this turn share the statement.
    await Promise.resolve();
    try {
      while (progress.settledThrough > this.#moved) {
        const position = progress.settledThrough;
        const moved = await this.#insist('be passed by the cursor', async (ctx) => {
          await moveCursor(ctx, this.#settings.ledger, claim, position);
          return true;
        });
        if (moved === undefined) return;
        this.#moved = position;
        this.#measureLag(position);
      }
    } finally {
      this.#moving = undefined;
    }
  }

  #measureLag(position: bigint): void {
    const behind = this.#lag.findIndex((entry) => entry.position > position);
    this.#lag = behind === -1 ? [] : this.#lag.slice(behind);
    const oldest = this.#lag[0];
    this.#settings.instruments.lag(this.#source, oldest === undefined ? 0 : this.#settings.clock.now() - oldest.time);
  }

  #fenced(): void {
    if (!this.#stopping) this.#settings.onFenced(this.#source);
  }

  /**
   * Repeats until it succeeds. `undefined` when it was given up: fenced, aborted, or (once stopping) failed.
   */
  async #insist<T>(what: string, step: (ctx: Context) => Promise<T>): Promise<T | undefined> {
    const { life, telemetry, clock, random, consumer } = this.#settings;
    for (let failures = 1; ; failures += 1) {
      if (life.signal.aborted) return undefined;
      try {
        using ctx = loopContext({ clock, random, signal: life.signal, timeoutMs: STEP_TIMEOUT_MS });
        return await step(ctx);
      } catch (error) {
        if (isError(error, 'CONSUMER_FENCED')) {
          this.#fenced();
          return undefined;
        }
        if (this.#stopping || life.signal.aborted) return undefined;
        telemetry.log.warn(undefined, `Events of "${this.#source}" can't ${what}; trying again`, {
          consumer,
          error,
          failures,
        });
        await this.#pause(this.#retryDelays.delayFor(failures));
      }
    }
  }

  /** Waits, or until it stops. */
  async #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#settings.clock.setTimer(delayMs, resolve);
    await Promise.race([promise, this.#stopped.promise]);
    timer.cancel();
  }
}
