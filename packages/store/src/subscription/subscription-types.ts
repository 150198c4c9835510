import type { Clock, Closeable, CloseOptions, Context, Random } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import type { Leases } from '../lease/lease-types.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import type { StoreTelemetry } from '../telemetry.ts';
import type { EventFilter } from './event-filter.ts';

/** How `subscribe` reads and handles. */
export type SubscribeOptions = SubscribeSettings & EventHandling;

/** What is done with events: in the transaction that moves the cursor, or before it. */
export type EventHandling =
  | {
      /**
       * Handles events in the transaction that moves the cursor behind them, so its writes happen exactly once. The events are
       * in the order of their positions; `tx.ctx` ends after `handlerTimeoutMs`. When it throws nothing was written, and the
       * batch is divided until those that fail are found. The transaction is `read committed`; nobody else handles events of its
       * shard until it has ended.
       */
      readonly handler: (tx: Tx, events: readonly LoggedEvent[]) => Promise<void>;
      readonly deliver?: undefined;
    }
  | {
      /**
       * Handles events outside of the database, before the cursor moves: at least once, since a crash in between repeats them.
       * Give the other side the event's id, so that it recognises a repeat.
       */
      readonly deliver: (ctx: Context, events: readonly LoggedEvent[]) => Promise<void>;
      readonly handler?: undefined;
    };

/** How `subscribe` reads. */
export interface SubscribeSettings {
  /**
   * The database whose log is read, and where cursors are. Not closed by the subscription. Where its rows are kept apart by tenant
   * it is used across them: the handler sees the store's own tables and those that were isolated with `across`.
   */
  readonly database: Database;
  /** Its cursors are kept under this name: renaming starts over. Not empty, without `/`. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Where it begins when it has no cursor yet: at the first event that the log has, after what is there when it is first
   * started, or after this position. Default `start`.
   */
  readonly from?: 'start' | 'end' | bigint;
  /** Default: all events. */
  readonly filter?: EventFilter;
  /** Events handled in one transaction, at most. Default 500; from 1 to 10 000. */
  readonly batchSize?: number;
  /**
   * In how many parts it is divided by the events' keys, each with a cursor of its own and working by itself. Default 1; from 1 to
   * 256. Fixed once it has begun: see `reshard`.
   */
  readonly shards?: number;
  /**
   * Divides the shards among the processes that subscribe under this name. Default: this process works on all of them, and of
   * several processes that do, each undoes the work of the others again and again, though never in what is committed.
   */
  readonly leases?: Leases;
  /** How long the handler may take for a batch, in milliseconds. Default 30 000; 0 is no limit. */
  readonly handlerTimeoutMs?: number;
  /**
   * How often an event is tried before it is a dead letter. Default 10; at least 1, which retries nothing. Attempts that failed
   * because something was not there or had no room, and had certainly not begun, don't count.
   */
  readonly maxAttempts?: number;
  /** Delay between attempts, in milliseconds, doubled each time, with full jitter. Default 500 to 300 000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** How often the log is looked at without a hint, in milliseconds. Default 250; at least 1. */
  readonly pollMs?: number;
  /** Opens sealed events. Default: they come without data, `sealed` being `closed`. */
  readonly seal?: PayloadSeal | undefined;
  /** Logs and metrics. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
}

/** What a subscription is doing. */
export type SubscriptionState =
  | { readonly kind: 'running'; readonly shards: readonly ShardState[] }
  /** It can't go on without a decision; `code` is LOG_EPOCH_CHANGED, LOG_TRIMMED or SUBSCRIPTION_SHARDS. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' };

/** A shard that this process works on. */
export interface ShardState {
  readonly shard: number;
  /** Every event up to here is handled, parked or not for it. */
  readonly position: bigint;
  /** Keys whose events wait because one of them failed, as far as is known. */
  readonly parkedKeys: number;
}

/** How far a subscription is behind the log. */
export interface SubscriptionLag {
  /** Positions between the cursor that is furthest behind and the end of the log; events that are not for it count too. */
  readonly positions: bigint;
  /** How long the first event after that cursor has been in the log, in milliseconds; 0 when there is none. */
  readonly ms: number;
}

/** An event that failed too often. Later events of its key wait until it is redriven or discarded. */
export interface DeadEvent {
  /** Where in the log it is; its handle for `redrive` and `discard`. */
  readonly position: bigint;
  readonly key: string;
  readonly type: string;
  readonly id: string;
  /** How often it was tried since it was parked or last redriven. */
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error: { readonly code: string; readonly message: string };
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number;
  /** Milliseconds since the epoch. */
  readonly lastFailedAt: number;
  readonly traceId: string;
  /** Later events of the same key that wait behind it. */
  readonly waiting: number;
}

/** A running subscription. */
export interface EventSubscription extends Closeable {
  readonly name: string;
  state(): SubscriptionState;
  /** How far it is behind, over all shards, whoever works on them. */
  lag(ctx: Context): Promise<SubscriptionLag>;
  /** Looks at the log now. */
  poke(): void;
  /** Events that were given up, by position: at most `limit` (default 100), after position `after`. */
  deadEvents(
    ctx: Context,
    options?: { readonly after?: bigint; readonly limit?: number },
  ): Promise<readonly DeadEvent[]>;
  /** Tries a dead event again, with all its attempts before it. False when there is none at this position. */
  redrive(ctx: Context, position: bigint): Promise<boolean>;
  /** Drops a dead event for good; the later events of its key go on. False when there is none at this position. */
  discard(ctx: Context, position: bigint): Promise<boolean>;
  /**
   * Begins no further batch, lets those under way finish for `graceMs` (default 5 000), then ends them; what has not
   * committed is handled by whoever goes on.
   */
  close(options?: CloseOptions): Promise<void>;
}
