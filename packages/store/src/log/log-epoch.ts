import type { Context } from '@fairlead/core';
import type { Database, Sql } from '../database.ts';
import { fail } from '../errors.ts';
import { sqlState } from '../postgres/postgres-errors.ts';

/**
 * The epoch that the log is in: opaque, and greater than those before it as a number. Positions repeat once the database was
 * restored from a backup; the epoch tells the two apart, so it is kept with every cursor beside its position.
 */
export async function logEpoch(ctx: Context, database: Database): Promise<string> {
  const { rows } = await database.query<{ epoch: string }>(
    ctx,
    'select max(epoch)::text as epoch from fairlead_log_epoch',
  );
  return rows[0]?.epoch ?? '0';
}

/**
 * Begins an epoch, for whoever has put an older state of this database in place of a newer one: `restoreDatabase` does
 * it, a restore by other means has to. Cursors of the epoch before it stay true as far as the log now reaches. Nothing for
 * a database without a log.
 */
export async function beginLogEpoch(sql: Sql): Promise<void> {
  const { rows } = await sql.query<{ there: boolean }>(`select to_regclass('fairlead_log_epoch') is not null as there`);
  if (rows[0]?.there === true) await sql.query('select fairlead_log_begin_epoch()');
}

/** Where somebody has read to. */
export interface LogCursor {
  /** The last position that was read; 0 for none. */
  readonly position: bigint;
  /** The epoch in which that was. */
  readonly epoch: string;
}

/**
 * The epoch in which a cursor goes on: the current one, when all that the cursor knows is still true, that is when it is not
 * beyond where its own epoch ended. Asked when a reader starts; it then hands this epoch to `LogReader.read` and keeps it
 * with its position.
 * @throws LOG_EPOCH_CHANGED with `details.partedAt`, the last position that the cursor's log and this one have in common
 */
export async function epochAt(ctx: Context, database: Database, { position, epoch }: LogCursor): Promise<string> {
  const { rows } = await database.query<{ current: string | null; known: boolean | null; parted: string | null }>(
    ctx,
    `select max(epoch)::text as current, bool_or(epoch = $1::bigint) as known,
            (min(began_after) filter (where epoch > $1::bigint))::text as parted from fairlead_log_epoch`,
    [epoch],
  );
  const current = rows[0]?.current ?? epoch;
  const partedAt = rows[0]?.known === true ? (rows[0].parted ?? undefined) : '0';
  if (partedAt === undefined || position <= BigInt(partedAt)) return current;
  throw fail(
    'LOG_EPOCH_CHANGED',
    `${database.name}: position ${position} is of a log that was since replaced from a backup; they have only what is up to ${partedAt} in common. ` +
      `Undo what came of later events, or accept it, and go on from position ${partedAt} with the log's new epoch.`,
    { details: { partedAt } },
  );
}

/** A statement's failure as callers see it, when it is the log that refused a reader; the failure itself otherwise. */
export function readerRefusal(name: string, after: bigint, error: unknown): unknown {
  const state = sqlState(error);
  if (state === 'FL001') {
    return fail(
      'LOG_EPOCH_CHANGED',
      `${name}: the log was replaced from a backup while it was read. Start over: the cursor goes on when it is not beyond the backup.`,
      { cause: error },
    );
  }
  if (state !== 'FL002') return error;
  const through = error instanceof Error && 'detail' in error ? String(error.detail) : '0';
  return fail(
    'LOG_TRIMMED',
    `${name}: events up to position ${through} were trimmed from the log, so reading after ${after} would miss some. ` +
      `Restore them from the archive, or begin at what is kept with trimmed: 'skip'.`,
    { cause: error, details: { through } },
  );
}
