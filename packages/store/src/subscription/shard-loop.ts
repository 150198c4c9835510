import { backoff, isError, type Backoff, type Context } from '@fairlead/core';
import type { Lease } from '../lease/lease-types.ts';
import { epochAt } from '../log/log-epoch.ts';
import { loopContext } from '../wake/loop-context.ts';
import { Wakeup } from '../wake/wakeup.ts';
import type { CursorName } from './cursor-doc.ts';
import { claimCursor, type Cursor } from './cursor.ts';
import { EventSource, type Piece } from './event-source.ts';
import { parkedHeads } from './parked-events.ts';
import { ShardWork } from './shard-work.ts';
import type { SubscriptionMetrics } from './subscription-metrics.ts';
import type { ResolvedSubscription } from './subscription-options.ts';
import type { ShardState } from './subscription-types.ts';

/** What a loop belongs to. */
export interface ShardLoopGround {
  readonly options: ResolvedSubscription;
  readonly metrics: SubscriptionMetrics;
  /** Ends the work at once. */
  readonly signal: AbortSignal;
  /** Aborts when a handler that ignores its Context is not waited for any longer. */
  readonly abandoned: AbortSignal;
  /** Called when it can't go on without a decision. */
  readonly onFailed: (error: unknown) => void;
}

/** One read or statement; a connection that hangs must not hold the loop for ever. */
const STEP_TIMEOUT_MS = 30_000;
const RETRY = { baseMs: 100, maxMs: 5_000 };
/** How long a loop whose shard was taken leaves it to whoever took it. */
const STANDBY_MS = 5_000;
/** How soon a redrive or discard by someone else is noticed. */
const PARKED_POLL_MS = 1_000;
/** How long, and over how many positions, a cursor may lag behind events that are not for it. */
const PASS_MS = 10_000;
const PASS_POSITIONS = 100_000n;
/** What only people can decide. */
const DECISIONS = ['SUBSCRIPTION_SHARDS', 'LOG_EPOCH_CHANGED', 'LOG_TRIMMED', 'MISCONFIGURED'];

/** Works on one shard: claims it, then reads on, and has what it reads handled, until it is stopped. */
export class ShardLoop {
  readonly of: CursorName;
  readonly ended: Promise<void>;
  readonly #ground: ShardLoopGround;
  readonly #lease: Lease | undefined;
  readonly #source: EventSource;
  readonly #bell = new Wakeup();
  readonly #delays: Backoff;
  #stopping = false;
  #work: ShardWork | undefined;
  /** Up to where it has read and needs nothing more. */
  #position = 0n;
  #passedAt = 0;
  #parkedLookAt = 0;

  constructor(ground: ShardLoopGround, shard: number, lease: Lease | undefined) {
    const { options } = ground;
    this.#ground = ground;
    this.#lease = lease;
    this.of = { name: options.name, shard, shards: options.shards };
    this.#source = new EventSource(options, (event) => options.concerns(event, shard));
    this.#delays = backoff({ ...RETRY, random: options.random });
    ground.signal.addEventListener('abort', this.ring, { once: true });
    this.ended = this.#run();
  }

  readonly ring = (): void => this.#bell.ring();

  /** Looks at the parked keys with the next turn, which is now. */
  lookAtParked(): void {
    this.#parkedLookAt = -Infinity;
    this.ring();
  }

  /** Begins no further batch. */
  stop(): void {
    this.#stopping = true;
    this.ring();
  }

  state(): ShardState {
    return { shard: this.of.shard, position: this.#position, parkedKeys: this.#work?.parkedKeys.size ?? 0 };
  }

  get #over(): boolean {
    return this.#stopping || this.#ground.signal.aborted;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal, metrics } = this.#ground;
    for (let failures = 0; !this.#over;) {
      try {
        const work = await this.#begin();
        failures = 0;
        await this.#workOn(work);
      } catch (error) {
        if (this.#over) break;
        failures += 1;
        if (!(await this.#recover(error, failures))) break;
      }
    }
    signal.removeEventListener('abort', this.ring);
    metrics.forget(this.of.shard);
  }

  /** Claims the shard, and asks whether the log is the one that its cursor knows. */
  async #begin(): Promise<ShardWork> {
    const { options, metrics, signal, abandoned, onFailed } = this.#ground;
    const { database } = options;
    let cursor: Cursor;
    try {
      cursor = await this.#step(async (ctx) => {
        const claimed = await claimCursor(ctx, database, { ...this.of, from: options.from }, this.#lease);
        const epoch = await epochAt(ctx, database, claimed);
        await this.#source.next(ctx, claimed.position, epoch);
        return { ...claimed, epoch };
      });
    } catch (error) {
      if (DECISIONS.some((code) => isError(error, code))) {
        onFailed(error);
        this.#stopping = true;
      }
      throw error;
    }
    const heads = await this.#step((ctx) => parkedHeads(ctx, database, this.of));
    const ground = { options, of: this.of, source: this.#source, metrics, signal, abandoned };
    this.#work = new ShardWork(
      ground,
      cursor,
      heads.map(({ key }) => key),
    );
    this.#position = cursor.position;
    this.#passedAt = options.clock.monotonic();
    this.#parkedLookAt = -Infinity;
    return this.#work;
  }

  async #workOn(work: ShardWork): Promise<void> {
    const { clock } = this.#ground.options;
    let ahead: Promise<Piece> | undefined;
    while (!this.#over) {
      const parkedInMs = await this.#retryParked(work);
      const piece = await (ahead ?? this.#read(this.#position, work.epoch));
      ahead = undefined;
      if (piece.through === this.#position) {
        await this.#passOver(work, PASS_MS);
        this.#ground.metrics.lag(this.of.shard, 0);
        if (this.#over) break;
        await this.#bell.sleep(clock, Math.min(this.#ground.options.pollMs, parkedInMs));
        continue;
      }
      if (piece.full) {
        ahead = this.#read(piece.through, work.epoch);
        // Awaited above, unless something else goes wrong before.
        ahead.catch(() => {});
      }
      const [first] = piece.events;
      if (first === undefined) {
        this.#position = piece.through;
        await this.#passOver(work, PASS_MS);
        continue;
      }
      this.#ground.metrics.lag(this.of.shard, clock.now() - first.time);
      await work.handle(piece.events, piece.through);
      this.#position = piece.through;
      this.#passedAt = clock.monotonic();
    }
    if (!this.#ground.signal.aborted) await this.#passOver(work, 0);
  }

  /** Has the cursor follow over what needed no work, now and then. */
  async #passOver(work: ShardWork, afterMs: number): Promise<void> {
    const { clock } = this.#ground.options;
    const behind = this.#position - work.position;
    if (behind === 0n) {
      this.#passedAt = clock.monotonic();
    } else if (behind >= PASS_POSITIONS || clock.monotonic() - this.#passedAt >= afterMs) {
      await work.pass(this.#position);
      this.#passedAt = clock.monotonic();
    }
  }

  /** Tries the parked keys that are due. Resolves to the time until it is worth while again. */
  async #retryParked(work: ShardWork): Promise<number> {
    const { clock, database } = this.#ground.options;
    const { metrics } = this.#ground;
    if (work.parkedKeys.size === 0) return Infinity;
    const leftMs = this.#parkedLookAt - clock.monotonic();
    if (leftMs > 0) return leftMs;
    let inMs = PARKED_POLL_MS;
    const heads = await this.#step((ctx) => parkedHeads(ctx, database, this.of));
    const dead = heads.filter((head) => head.dead).length;
    metrics.parked(this.of.shard, heads.length, dead);
    const found = new Set(heads.map(({ key }) => key));
    for (const key of work.parkedKeys) if (!found.has(key)) work.parkedKeys.delete(key);
    for (const head of heads) {
      if (this.#over) break;
      if (head.dead) continue;
      if (head.dueInMs <= 0) await work.retry(head.key);
      else inMs = Math.min(inMs, Math.ceil(head.dueInMs));
    }
    metrics.parked(this.of.shard, work.parkedKeys.size, dead);
    this.#parkedLookAt = clock.monotonic() + inMs;
    return inMs;
  }

  /** Waits before the next claim, when there should be one. */
  async #recover(error: unknown, failures: number): Promise<boolean> {
    const { options } = this.#ground;
    const { log } = options.telemetry;
    const facts = { subscription: this.of.name, shard: this.of.shard, error };
    if (isError(error, 'LEASE_LOST')) return false;
    if (isError(error, 'CURSOR_MOVED')) {
      log.warn(
        undefined,
        'Another process works on this shard, too; give the subscriptions of all of them leases',
        facts,
      );
      await this.#pause(STANDBY_MS);
      return true;
    }
    log.warn(undefined, 'A subscription was interrupted; going on from its cursor', { ...facts, failures });
    await this.#pause(this.#delays.delayFor(failures));
    return true;
  }

  /** Waits, or until it is over. */
  async #pause(delayMs: number): Promise<void> {
    const { clock } = this.#ground.options;
    const until = clock.monotonic() + delayMs;
    for (let leftMs = delayMs; leftMs > 0 && !this.#over; leftMs = until - clock.monotonic()) {
      await this.#bell.sleep(clock, leftMs);
    }
  }

  #read(after: bigint, epoch: string): Promise<Piece> {
    return this.#step((ctx) => this.#source.next(ctx, after, epoch));
  }

  async #step<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const { clock, random } = this.#ground.options;
    using ctx = loopContext({ clock, random, signal: this.#ground.signal, timeoutMs: STEP_TIMEOUT_MS });
    return await work(ctx);
  }
}
