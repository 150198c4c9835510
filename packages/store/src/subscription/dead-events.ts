import type { Context } from '@fairlead/core';
import type { Database, Row } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import type { DeadEvent } from './subscription-types.ts';

interface DeadRow extends Row {
  readonly position: string;
  readonly key: string;
  readonly type: string | null;
  readonly id: string | null;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly first_failed_at: Date;
  readonly last_failed_at: Date;
  readonly trace_id: string | null;
  readonly waiting: string;
}

/** The dead events of a subscription, by position. What the log says of them is empty for one that was trimmed. */
export async function deadEvents(
  ctx: Context,
  database: Database,
  name: string,
  { after = 0n, limit = 100 }: { readonly after?: bigint; readonly limit?: number } = {},
): Promise<readonly DeadEvent[]> {
  const { rows } = await acrossTenants(database).query<DeadRow>(
    ctx,
    `select p.position, p.key, l.type, l.id, p.attempts, p.error_code, p.error_message, p.first_failed_at, p.last_failed_at,
            p.trace_id,
            (select count(*) from fairlead_parked_event w where w.subscription = p.subscription and w.shard = p.shard
                and w.key = p.key and w.position > p.position) as waiting
       from fairlead_parked_event p left join fairlead_log l on l.position = p.position
      where p.dead and p.subscription = $1 and p.position > $2
      order by p.position limit $3`,
    [name, after.toString(), limit],
  );
  return rows.map((row) => ({
    position: BigInt(row.position),
    key: row.key,
    type: row.type ?? '',
    id: row.id ?? '',
    attempts: row.attempts,
    error: { code: row.error_code ?? '', message: row.error_message ?? '' },
    firstFailedAt: row.first_failed_at.getTime(),
    lastFailedAt: row.last_failed_at.getTime(),
    traceId: row.trace_id ?? '',
    waiting: Number(row.waiting),
  }));
}

/** Makes a dead event due at once, with all its attempts before it. False when there is none at this position. */
export async function redriveEvent(ctx: Context, database: Database, name: string, position: bigint): Promise<boolean> {
  const { rowCount } = await acrossTenants(database).query(
    ctx,
    `update fairlead_parked_event set dead = false, attempts = 0, postponed = 0, next_attempt_at = null
      where subscription = $1 and position = $2 and dead`,
    [name, position.toString()],
  );
  return rowCount > 0;
}

/** Drops a dead event for good. False when there is none at this position. */
export async function discardEvent(ctx: Context, database: Database, name: string, position: bigint): Promise<boolean> {
  const { rowCount } = await acrossTenants(database).query(
    ctx,
    'delete from fairlead_parked_event where subscription = $1 and position = $2 and dead',
    [name, position.toString()],
  );
  return rowCount > 0;
}
