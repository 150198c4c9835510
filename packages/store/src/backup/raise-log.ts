import type { Sql } from '../database.ts';

/**
 * Makes the log go on above `floor`, the highest position that anybody else has seen of it: readers never look back, so
 * what was appended at or below it would reach nobody. A log that is further on stays as it is. With the owner's
 * credentials, and nobody appending. Nothing for a database without a log.
 *
 * @returns how many positions were passed over; 0 as a rule
 */
export async function raiseLog(sql: Sql, floor: bigint): Promise<bigint> {
  const there = await sql.query<{ there: boolean }>(`select to_regclass('fairlead_log_position') is not null as there`);
  if (there.rows[0]?.there !== true) return 0n;
  const { rows } = await sql.query<{ raised: string }>(
    `select (setval('fairlead_log_position', $1::text::bigint) - l.position)::text as raised
       from (select case when is_called then last_value else last_value - 1 end as position from fairlead_log_position) l
      where l.position < $1::text::bigint`,
    [floor.toString()],
  );
  return BigInt(rows[0]?.raised ?? 0);
}
