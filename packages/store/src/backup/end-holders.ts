import type { Sql } from '../database.ts';

/**
 * Ends every holder of leases: a backup may be younger than their time, and what they hold by it is not what they hold by
 * now. Living processes learn it with their next renewal. Tokens stay, and the next are above the time in milliseconds.
 * Nothing for a database without leases.
 */
export async function endHolders(sql: Sql): Promise<void> {
  const there = await sql.query<{ there: boolean }>(`select to_regclass('fairlead_lease_holder') is not null as there`);
  if (there.rows[0]?.there === true) await sql.query('delete from fairlead_lease_holder');
}
