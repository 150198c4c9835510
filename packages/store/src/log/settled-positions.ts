import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { keepPrepared } from '../postgres/prepared.ts';

const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 16;

/*
 * nextval takes RowExclusiveLock on the sequence before it draws, and keeps it until the top-level transaction ends:
 * beyond ROLLBACK TO, and through PREPARE TRANSACTION. The lock is released after the commit has become visible.
 * The database column matters: oids repeat between databases.
 *
 * The statement's snapshot is older than its look at the locks, which is no part of it. So whoever drew a position at or
 * below `horizon` either is listed or had ended; what he wrote may yet be missing from this snapshot.
 */
const LOOK = keepPrepared(`select (select coalesce(max(position), 0) from fairlead_log)::text as horizon,
  (select max(epoch) from fairlead_log_epoch)::text as epoch,
  exists (select from fairlead_log where position = $1::bigint + 1) as filled,
  array(select l.virtualtransaction from pg_locks l
    where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.relation = to_regclass('fairlead_log_position')) as writers`);

interface Look {
  readonly horizon: bigint;
  readonly epoch: string;
  readonly filled: boolean;
  readonly writers: readonly string[];
}

/** A position below which nothing changes any more once all of these writers have ended. */
interface Pending {
  readonly horizon: bigint;
  readonly epoch: string;
  readonly writers: ReadonlySet<string>;
}

/** How far the log is settled: what is missing at or below `through` was rolled back and stays missing. */
export class SettledPositions {
  readonly #database: Database;
  #through = 0n;
  #epoch: string | undefined;
  #pending: Pending | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  get through(): bigint {
    return this.#through;
  }

  /** The log's epoch in which `through` was found; undefined for none yet. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Begins anew: the log is another one now. */
  forget(): void {
    this.#through = 0n;
    this.#epoch = undefined;
    this.#pending = undefined;
  }

  /**
   * Waits until the positions through `target`, which the caller has seen committed, are settled. With `after`, also until the
   * position that follows it is there. At most `waitMs` by the monotonic clock; 0 looks once. False when the time is over.
   */
  async reach(ctx: Context, target: bigint, waitMs: number, after?: bigint): Promise<boolean> {
    const until = ctx.clock.monotonic() + waitMs;
    for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(LAST_LOOK_MS, delayMs * 2)) {
      const look = await this.#look(ctx, after);
      this.#notice(look);
      if (target <= this.#through || look.filled) return true;
      const leftMs = until - ctx.clock.monotonic();
      if (leftMs <= 0) return false;
      await ctx.clock.sleep(Math.min(delayMs, leftMs), ctx.signal);
    }
  }

  #notice(look: Look): void {
    const known = this.#pending;
    // A prepared transaction keeps its writer's name until the server restarts, and is then -1/xid: any of those may be one
    // that is waited for. Writers that are new drew later positions and are not.
    const left =
      known === undefined
        ? look.writers
        : look.writers.filter((writer) => known.writers.has(writer) || writer.startsWith('-1/'));
    const { horizon, epoch } = known ?? look;
    if (left.length > 0) {
      this.#pending = { horizon, epoch, writers: new Set(left) };
      return;
    }
    // What has been written meanwhile is next; with no writer at all it is settled, too.
    const idle = look.writers.length === 0;
    this.#through = idle ? look.horizon : horizon;
    this.#epoch = idle ? look.epoch : epoch;
    this.#pending = idle ? undefined : { horizon: look.horizon, epoch: look.epoch, writers: new Set(look.writers) };
  }

  async #look(ctx: Context, after: bigint | undefined): Promise<Look> {
    const { rows } = await this.#database.query<{
      horizon: string;
      epoch: string;
      filled: boolean;
      writers: string[];
    }>(ctx, LOOK, [after?.toString() ?? null]);
    // A select without a from has one row.
    const row = rows[0] as NonNullable<(typeof rows)[0]>;
    return { ...row, horizon: BigInt(row.horizon) };
  }
}
