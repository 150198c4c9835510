import type { Clock, Closeable, Context, Random } from '@fairlead/core';
import type { Database, Tx } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import type { Broker, PublishedEvent } from './broker.ts';
import type { DeadLetter } from './dead-letters.ts';

/**
 * The one transaction of a handler: `work` and the mark that the event has been handled commit together or not at all.
 * Rejects with what `work` throws, after a rollback; the handler should let that pass, so that the event is retried.
 * @throws COMMIT_TWICE on a second call
 * @throws COMMIT_LATE after the handler has settled or its time limit has passed
 * @throws ALREADY_HANDLED when an earlier attempt did commit although its answer was lost; `work` did not run
 */
export type Commit = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/**
 * Handles one event. It may run more than once for one event until its commit has succeeded; the commit is effective
 * once. From then on the event is done, whatever the handler throws afterwards (it is logged). A handler that resolves
 * without calling `commit` gets an empty one.
 *
 * `ctx` continues the producer's trace, tenant, criticality and correlation; `causationId` is the event's id; the
 * deadline is the handler's time limit; `idempotencyKey` is derived from the event and the consumer's name, so keys
 * that `stepKey` derives from it are the same in every attempt.
 */
export type EventHandler = (ctx: Context, event: PublishedEvent, commit: Commit) => Promise<void>;

/** How `startConsumer` consumes. */
export interface ConsumerOptions {
  /** Name of the consumer, usually the service's. Positions and marks are kept under it: renaming starts over. */
  readonly name: string;
  /** The consumer's own database, migrated with the set `messaging`. Not closed by the consumer. */
  readonly database: Database;
  /** Where events come from. Not closed by the consumer. */
  readonly broker: Broker;
  /** Services whose events are consumed. */
  readonly sources: readonly string[];
  readonly handler: EventHandler;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Whether an event concerns this consumer; the others are passed over without a transaction. Must not throw. Default: all do. */
  readonly accepts?: (event: PublishedEvent) => boolean;
  /** Handlers that run at the same time, over all sources; events of one key never do. Default 8; at least 1. */
  readonly concurrency?: number;
  /**
   * How often an event is tried before it is a dead letter. Default 10 (with the default delays about two minutes); at
   * least 1, which retries nothing. Attempts that failed because something was not there or had no room, and had certainly
   * not begun (kind `unavailable` or `exhausted`, `details.processed` `'no'`; a policy's rejection), don't count: they are
   * repeated until it is.
   */
  readonly maxAttempts?: number;
  /**
   * Delay between attempts, in milliseconds, doubled each time, with full jitter, on top of what the failure's
   * `retryAfterMs` asks for. Default 500 to 300 000.
   */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** How long one attempt may take, in milliseconds. Default 30 000; 0 is no limit. */
  readonly handlerTimeoutMs?: number;
  /** Events read at once. Default 100; at least 1. */
  readonly batchSize?: number;
  /** How far reading may run ahead of the cursor, in events. Bounds memory and inbox marks. Default 1 000; at least 1. */
  readonly window?: number;
  /** How often the broker is asked without a hint, in milliseconds. Default 250; at least 1. */
  readonly pollMs?: number;
}

/** What a consumer is doing. */
export type ConsumerState =
  | { readonly kind: 'running' }
  /** A newer instance has taken over one of the sources; this one has stopped for good. */
  | { readonly kind: 'fenced'; readonly source: string }
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' };

/** A running consumer. */
export interface Consumer extends Closeable {
  readonly name: string;
  state(): ConsumerState;
  /** Events that were given up and wait for a decision, oldest failure first. */
  deadLetters(ctx: Context): Promise<readonly DeadLetter[]>;
  /** Tries a dead letter again, from its first attempt, at once. False when there is none with this id. */
  redrive(ctx: Context, id: string): Promise<boolean>;
  /** Drops a dead letter for good; the later events of its key go on. False when there is none with this id. */
  discard(ctx: Context, id: string): Promise<boolean>;
  /**
   * Stops reading, lets handlers under way finish for `graceMs`, then aborts them. What has not committed by then will be
   * delivered again to the next instance.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
