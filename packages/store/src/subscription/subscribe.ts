/*
 * Subscriptions: events of the log, handled once and in order. Around this file:
 *   subscription-types.ts  what callers see          subscription-options.ts  defaults and ranges
 *   event-filter.ts        which events, which shard event-source.ts          reading them
 *   shard-loop.ts          one shard: claim, read    shard-work.ts            one shard: handle, park, try again
 *   cursor.ts cursor-doc.ts  where a shard stands    reshard.ts               dividing anew
 *   parked-events.ts       keys that wait            dead-events.ts           those for people; failure.ts says why
 *   caused-by.ts           what follows from an event subscription-lag.ts     how far behind
 *   event-outcome.ts       what was made of one event
 */
import type { Closeable, CloseOptions, Context, ScopedContext } from '@fairlead/core';
import { FairleadError } from '@fairlead/core';
import type { Lease, Shards } from '../lease/lease-types.ts';
import { LOG_CHANNEL } from '../log/log-channel.ts';
import { loopContext } from '../wake/loop-context.ts';
import { deadEvents, discardEvent, redriveEvent } from './dead-events.ts';
import { ShardLoop } from './shard-loop.ts';
import { subscriptionLag } from './subscription-lag.ts';
import { subscriptionMetrics, type SubscriptionMetrics } from './subscription-metrics.ts';
import { resolveSubscription, type ResolvedSubscription } from './subscription-options.ts';
import type {
  DeadEvent,
  EventSubscription,
  SubscribeOptions,
  SubscriptionLag,
  SubscriptionState,
} from './subscription-types.ts';

const DEFAULT_GRACE_MS = 5_000;

/**
 * Handles the events of a service's own log, those of one key in order, until closed.
 *
 * The cursor moves in the transaction of what the handler writes, so in this database each event has its effect exactly
 * once: after crashes, lost answers, outages, and also when two processes work on one shard, of which one is refused. Reading
 * runs ahead of the handler by one batch. An append wakes it up, and it looks each `pollMs` besides.
 *
 * An event that fails parks its key: it and later ones of the key wait, the others go on; it is tried again with backoff,
 * and is dead after `maxAttempts`. What fails for want of the database is tried again from the cursor, at most 5 s apart.
 * @throws MISCONFIGURED when an option is out of range; LEASE_INVALID when this process subscribes under the name already
 */
export function subscribe(options: SubscribeOptions): EventSubscription {
  return new LogSubscription(resolveSubscription(options));
}

class LogSubscription implements EventSubscription {
  readonly name: string;
  readonly #options: ResolvedSubscription;
  readonly #metrics: SubscriptionMetrics;
  /** Aborts when the grace time of `close` is over. */
  readonly #life: ScopedContext;
  readonly #loops = new Set<ShardLoop>();
  readonly #shards: Shards | undefined;
  readonly #listening: Promise<Closeable | undefined>;
  #failure: { readonly code: string; readonly message: string } | undefined;
  #phase: 'running' | 'closing' | 'closed' = 'running';
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedSubscription) {
    const { name, clock, random, database, leases, shards } = options;
    this.name = name;
    this.#options = options;
    this.#metrics = subscriptionMetrics(options.telemetry, name);
    this.#life = loopContext({ clock, random });
    if (leases === undefined) {
      for (let shard = 0; shard < shards; shard += 1) void this.#work(this.#life, shard, undefined);
    } else {
      this.#shards = leases.shards(`subscription/${name}`, shards, (ctx, shard, lease) => this.#own(ctx, shard, lease));
    }
    // A hint only: without it the loops look every pollMs.
    this.#listening = database.listen(LOG_CHANNEL, () => this.poke()).catch(() => undefined);
  }

  state(): SubscriptionState {
    if (this.#phase !== 'running') return { kind: this.#phase };
    if (this.#failure !== undefined) return { kind: 'failed', ...this.#failure };
    const shards = [...this.#loops].map((loop) => loop.state()).toSorted((a, b) => a.shard - b.shard);
    return { kind: 'running', shards };
  }

  lag(ctx: Context): Promise<SubscriptionLag> {
    return subscriptionLag(
      ctx,
      this.#options.database,
      this.name,
      [...this.#loops].map((loop) => loop.state()),
    );
  }

  poke(): void {
    for (const loop of this.#loops) loop.ring();
  }

  deadEvents(
    ctx: Context,
    options?: { readonly after?: bigint; readonly limit?: number },
  ): Promise<readonly DeadEvent[]> {
    return deadEvents(ctx, this.#options.database, this.name, options);
  }

  async redrive(ctx: Context, position: bigint): Promise<boolean> {
    const found = await redriveEvent(ctx, this.#options.database, this.name, position);
    for (const loop of this.#loops) loop.lookAtParked();
    return found;
  }

  async discard(ctx: Context, position: bigint): Promise<boolean> {
    const found = await discardEvent(ctx, this.#options.database, this.name, position);
    for (const loop of this.#loops) loop.lookAtParked();
    return found;
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#phase = 'closing';
    const abort = (): void => this.#life.cancel();
    const timer = graceMs > 0 ? this.#options.clock.setTimer(graceMs, abort) : undefined;
    if (timer === undefined) abort();
    for (const loop of this.#loops) loop.stop();
    await Promise.all([...this.#loops].map((loop) => loop.ended));
    timer?.cancel();
    // The loops have ended, so that their shards' functions do as soon as they are told.
    await this.#shards?.close();
    this.#life[Symbol.dispose]();
    try {
      await (await this.#listening)?.close();
    } catch {
      // The connection is gone, and the hint with it.
    }
    this.#phase = 'closed';
  }

  /** Owns a shard for as long as its lease lasts. */
  async #own(ctx: Context, shard: number, lease: Lease): Promise<void> {
    if (this.#phase === 'running' && this.#failure === undefined) await this.#work(ctx, shard, lease);
    // Returning before would be asked to begin again at once.
    await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
  }

  async #work(ctx: Context, shard: number, lease: Lease | undefined): Promise<void> {
    const ground = {
      options: this.#options,
      metrics: this.#metrics,
      signal: AbortSignal.any([ctx.signal, this.#life.signal]),
      abandoned: this.#life.signal,
      onFailed: (error: unknown) => this.#fail(error),
    };
    const loop = new ShardLoop(ground, shard, lease);
    this.#loops.add(loop);
    await loop.ended;
    this.#loops.delete(loop);
  }

  #fail(error: unknown): void {
    if (!(error instanceof FairleadError) || this.#failure !== undefined) return;
    this.#failure = { code: error.code, message: error.message };
    this.#options.telemetry.log.warn(undefined, 'A subscription has stopped and needs a decision', {
      subscription: this.name,
      error,
    });
    for (const loop of this.#loops) loop.stop();
  }
}
