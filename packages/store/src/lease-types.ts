import type { Closeable, Clock, Context, Random } from '@fairlead/core';
import type { Database, Tx } from './database.ts';
import type { StoreTelemetry } from './options.ts';

/** How a process holds leases. */
export interface LeasesOptions {
  /** Where the leases are: the database that guarded transactions write to. */
  readonly database: Database;
  /** Name of this process for people: who holds a lease, in answers and errors. Need not be unique. */
  readonly holder: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a right lasts after the renewal that was last sent, in milliseconds. Default 10 000; at least 100. */
  readonly ttlMs?: number;
  /**
   * Time between renewals, in milliseconds; also between looks at leases that others hold. Default a third of `ttlMs`; at
   * least 10, at most half of `ttlMs`.
   */
  readonly renewEveryMs?: number;
  /** Logs. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
}

/**
 * A right to do something alone, for as long as it is renewed.
 *
 * Only `guard` makes it exclusive: between any check of time and the effect that follows, a process may stand still for
 * an hour. `signal` and `remainingMs` are for ending work soon, so that little of it is refused.
 */
export interface Lease {
  readonly name: string;
  /**
   * The fencing token. Every later holder of this name has a greater one; for effects outside of the database, hand it
   * over with the effect and have the other side refuse what is below the greatest that it has seen.
   */
  readonly token: bigint;
  /** Aborts with LEASE_LOST when the right has ended here: not renewed in time, taken over, released or closed. */
  readonly signal: AbortSignal;
  /** How long the right lasts without a further renewal, in milliseconds by this process' monotonic clock; 0 once lost. */
  remainingMs(): number;
  /**
   * Makes the caller's transaction commit only under this token: locks the right FOR SHARE until the transaction ends, so
   * nobody can take it over before that, and refuses when somebody has. Other guards and renewals don't wait for it.
   * Call it first; the transaction needs to be read-write and on the lease's database. In `repeatable read` and
   * `serializable` a right that changed hands since the snapshot fails with SQLSTATE 40001 instead.
   *
   * A successor waits for the transaction, so an idle one delays the take-over by its own limits (60 s by default).
   * @throws LEASE_LOST; the transaction then has to be rolled back, which happens when the error reaches its end
   */
  guard(tx: Tx): Promise<void>;
  /**
   * Gives the right back: `signal` aborts at once, then others may have it. Waits for guarded transactions under way.
   * Idempotent. When the statement fails it is repeated with the renewals; at the latest the right lapses with its holder.
   * @throws what the statement failed with
   */
  release(ctx: Context): Promise<void>;
}

/** What came of asking for a lease. */
export type AcquireResult =
  | { readonly kind: 'held'; readonly lease: Lease }
  | {
      readonly kind: 'taken';
      /** Name of the process that holds it; this process' own for a second attempt on the same name. */
      readonly by: string;
      /** When the right lapses unless it is renewed, in milliseconds since the epoch by `fairlead.now()`. */
      readonly until: number;
      /** The same as a duration from now, in milliseconds: clocks of two machines need not be compared. */
      readonly retryAfterMs: number;
    };

/** The leases of one process. */
export interface Leases extends Closeable {
  /**
   * Asks for the lease `name`, once: no waiting for its holder, but for guarded transactions of a holder that has lapsed.
   * Takes at most `ttlMs`.
   * @throws LEASE_INVALID for a name that is empty or has a NUL; LEASES_CLOSED; DATABASE_UNAVAILABLE or the Context's reason,
   *   after which the lease may be ours in the database: it is given back by itself
   */
  acquire(ctx: Context, name: string): Promise<AcquireResult>;
  /**
   * Ends every lease: signals abort, then one statement frees them all. With `graceMs: 0` nothing is sent, and they lapse.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
