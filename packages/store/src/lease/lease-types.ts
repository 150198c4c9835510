import type { Closeable, CloseOptions, Clock, Context, Random } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { StoreTelemetry } from '../telemetry.ts';

/** How a process holds leases. */
export interface LeasesOptions {
  /**
   * Where the leases are: the database that guarded transactions write to. Best by a pool of its own (`openDatabase` with
   * `maxConnections: 4`): in a shared one a renewal queues behind the service's transactions, and if those hold every
   * connection for `ttlMs`, all leases are lost. `guard` takes transactions of any pool on the same database.
   */
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

/**
 * What a leader does. `ctx` ends when the lease is lost or the election is closed: stop then, and settle when everything
 * has stopped, since that is when the lease is given back. Guard what is written.
 */
export type LeadFunction = (ctx: Context, lease: Lease) => Promise<void>;

/** Taking part in an election, until closed. */
export interface Election extends Closeable {
  readonly name: string;
  /** The lease while this process leads. */
  readonly lease: Lease | undefined;
  /**
   * Stops: ends the leader's Context, waits until it has settled, then gives the lease back.
   * @throws CLOSE_FAILED when it has not settled within `graceMs` (default 5 000); it then keeps the lease
   */
  close(options?: CloseOptions): Promise<void>;
}

/** What the owner of a shard does; see `LeadFunction`. */
export type ShardFunction = (ctx: Context, shard: number, lease: Lease) => Promise<void>;

/** Taking part in the work on a set of shards, until closed. */
export interface Shards extends Closeable {
  readonly name: string;
  readonly count: number;
  /** Shards that this process owns now, in ascending order. */
  readonly held: readonly number[];
}

/** When something is done, and what becomes of times that were missed. */
export type ScheduleOptions = ScheduleTimes & {
  /**
   * What becomes of times that passed while nobody ran or the last one took too long. `latest` (the default): only the last of
   * them is made up for, however late. `skip`: that one too only within `graceMs`. `all`: each of them, in order.
   */
  readonly missed?: 'latest' | 'skip' | 'all';
  /** How late `skip` still makes up for a time, in milliseconds. Default 60 000; 0 for hardly ever. */
  readonly graceMs?: number;
};

/** The times themselves: an interval or a cron expression. */
export type ScheduleTimes =
  | {
      /**
       * Time from one to the next, in milliseconds; at least 1 000. Times are whole multiples of it since the epoch, so one hour
       * means on the hour in UTC, whenever a process was started.
       */
      readonly everyMs: number;
      readonly cron?: undefined;
    }
  | {
      /**
       * A cron expression: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday), with seconds in front
       * when there are six; lists, ranges, steps, names of months and days, `L`, `W`, `#`, and `@daily` and its like. When day
       * of the month and day of the week are both given, either is enough, as cron has it.
       *
       * When clocks go forward, a time of day that is left out comes at the first moment after the gap; when they go back,
       * one that comes twice is done once. Expressions that repeat within the hour or day follow the clock that people see.
       */
      readonly cron: string;
      /** The IANA name of the time zone that the expression is meant in, such as `Europe/Berlin`. Default `UTC`. */
      readonly timeZone?: string;
      readonly everyMs?: undefined;
    };

/**
 * What is done when it is due; `dueMs` is the time it is done for, in milliseconds since the epoch. What `tx` writes is
 * committed together with the note that it was done: once for each time, across all replicas. When it throws nothing is written,
 * and it is tried again by the next leader. It has the time of a transaction (60 s by default): longer work is begun here
 * and done elsewhere.
 */
export type ScheduleFunction = (tx: Tx, dueMs: number) => Promise<void>;

/** The life of a process as the database sees it: what its rights hang on. */
export interface Standing {
  /** Id of its row in `fairlead_lease_holder`. Another life has another one. */
  readonly id: string;
  /** Aborts with LEASE_LOST when this life is over here. */
  readonly signal: AbortSignal;
}

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
   * The life that this process' leases hang on now; begins one when there is none. For rights of another kind that are to end
   * with it, such as jobs that run: they name its row, and whoever takes them over makes sure that the row is gone.
   * @throws LEASES_CLOSED; DATABASE_UNAVAILABLE or the Context's reason
   */
  standing(ctx: Context): Promise<Standing>;
  /**
   * Takes part in an election: runs `fn` whenever this process is the leader, and again when it has returned or failed and
   * nobody else has become leader meanwhile. A failure is logged. As many elections at once as wanted: all that wait
   * cost one statement each `renewEveryMs` together, and a lease that became free is noticed within that time.
   *
   * The lease is held until `fn` has settled, however long that takes, unless it is lost; so a leader that ignores its
   * Context is never joined by another of this process, and by one of another process only after its lease has lapsed.
   * @throws LEASE_INVALID also when this process campaigns under this name already; LEASES_CLOSED
   */
  lead(name: string, fn: LeadFunction): Election;
  /**
   * Takes part in the work on the shards `0 … count − 1`: runs `fn` for each that falls to this process, by rendezvous hashing
   * over the living processes that take part under this name. When one comes or goes, only its share moves: an owner's
   * Context ends, the shard's lease (`name/3`) is given back once `fn` has settled, and only then has it another owner.
   * Whether processes live is looked at each `renewEveryMs`; meanwhile a shard of one that died waits for its lease.
   *
   * `count` is from 1 to 1 024 and the same in all processes: one that has fewer leaves shards to nobody.
   * @throws LEASE_INVALID also when this process takes part under this name already; LEASES_CLOSED
   */
  shards(name: string, count: number, fn: ShardFunction): Shards;
  /**
   * Does something at regular times, once across all processes that schedule it under this name: their leader does, guarded.
   * The first time is the next one after any of them has begun. Time is the database's; when that goes back, nothing is done
   * twice. Takes part in the election `name`.
   * @throws MISCONFIGURED for a value out of range; LEASE_INVALID, LEASES_CLOSED as `lead` does
   */
  schedule(name: string, options: ScheduleOptions, fn: ScheduleFunction): Election;
  /**
   * Ends everything: elections are closed, signals abort, then one statement frees all leases. With `graceMs: 0`, or when a
   * leader has not settled within it (default 5 000), nothing is sent and they lapse.
   */
  close(options?: CloseOptions): Promise<void>;
}
