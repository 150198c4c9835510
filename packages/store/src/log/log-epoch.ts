import type { Context } from '@fairlead/core';
import type { Database, Sql } from '../database.ts';
import { fail } from '../errors.ts';
import { sqlState } from '../postgres/postgres-errors.ts';

/**
 * The epoch that the log is in: opaque, and greater than those before it as a number. Kept with every cursor beside its
 * position and handed to `LogReader.read`, since positions repeat once the database was restored from a backup.
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

/** What fairlead_log_check refuses, and the position that goes with it. */
export type CursorRefusal =
  | { readonly kind: 'epoch'; readonly partedAt: string }
  | { readonly kind: 'trimmed'; readonly through: string };

/** Why the log refused a cursor; `undefined` when the error is another one. */
export function cursorRefusal(error: unknown): CursorRefusal | undefined {
  const state = sqlState(error);
  if (state !== 'FL001' && state !== 'FL002') return undefined;
  const detail = error instanceof Error && 'detail' in error ? String(error.detail) : '0';
  return state === 'FL001' ? { kind: 'epoch', partedAt: detail } : { kind: 'trimmed', through: detail };
}

/** The refusal as callers see it. */
export function refusedCursor(name: string, after: bigint, refusal: CursorRefusal, cause: unknown): Error {
  if (refusal.kind === 'epoch') {
    return fail(
      'LOG_EPOCH_CHANGED',
      `${name}: position ${after} is of a log that was replaced from a backup; the two have only what is up to ${refusal.partedAt} in common. ` +
        `Undo what came of later events, or accept it, and go on from position ${refusal.partedAt} with the log's new epoch.`,
      { cause, details: { partedAt: refusal.partedAt } },
    );
  }
  return fail(
    'LOG_TRIMMED',
    `${name}: events up to position ${refusal.through} were trimmed from the log, so reading after ${after} would miss some. ` +
      `Restore them from the archive, or begin at what is kept with trimmed: 'skip'.`,
    { cause, details: { through: refusal.through } },
  );
}
