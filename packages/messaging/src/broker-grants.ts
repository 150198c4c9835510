import type { Context } from '@fairlead/core';
import type { Database, Tx } from '@fairlead/store';

/** What one service may do at the embedded broker. */
export interface BrokerGrant {
  /** Name of the service: the source that it alone may write. */
  readonly service: string;
  /** Database role that the service connects with; must exist. */
  readonly role: string;
  /** Services whose events it may read. */
  readonly reads: readonly string[];
}

/**
 * Makes the broker's rights exactly these: what is missing is granted, what is no longer declared is revoked (events
 * stay). Idempotent, in one transaction; concurrent calls take turns. `database` is the broker's, migrated with the set
 * `broker` and opened with its owner's credentials.
 *
 * Rows of `fairlead_grant` say who may read and write which source, and row-level security compares them with
 * `current_user`. Database privileges say only that a role takes part at all: it may select and insert, and move its own
 * source's mark; nobody may change or delete an event.
 */
export async function brokerGrants(ctx: Context, database: Database, grants: readonly BrokerGrant[]): Promise<void> {
  const rows = grants.flatMap(({ service, role, reads }) => [
    { role, source: service, access: 'write' },
    ...reads.map((source) => ({ role, source, access: 'read' })),
  ]);
  const wanted = JSON.stringify(rows);
  await database.tx(ctx, async (tx) => {
    await tx.query('LOCK TABLE fairlead_grant IN SHARE ROW EXCLUSIVE MODE');
    const before = await rolesWithGrants(tx);
    await tx.query(
      `INSERT INTO fairlead_source (source)
       SELECT DISTINCT source FROM jsonb_to_recordset($1::text::jsonb) AS w(source text)
       ON CONFLICT DO NOTHING`,
      [wanted],
    );
    await tx.query(
      `DELETE FROM fairlead_grant g WHERE NOT EXISTS (
         SELECT FROM jsonb_to_recordset($1::text::jsonb) AS w(role text, source text, access text)
         WHERE w.role = g.role AND w.source = g.source AND w.access = g.access)`,
      [wanted],
    );
    await tx.query(
      `INSERT INTO fairlead_grant (role, source, access)
       SELECT DISTINCT role, source, access FROM jsonb_to_recordset($1::text::jsonb) AS w(role text, source text, access text)
       ON CONFLICT DO NOTHING`,
      [wanted],
    );
    const after = await rolesWithGrants(tx);
    const { schema, roles } = await existingRoles(tx, [...before, ...after]);
    for (const role of roles) {
      await (after.has(role) ? admit(tx, schema, role) : expel(tx, role));
    }
  });
}

async function rolesWithGrants(tx: Tx): Promise<Set<string>> {
  const { rows } = await tx.query<{ role: string }>('SELECT DISTINCT role::text AS role FROM fairlead_grant');
  return new Set(rows.map((row) => row.role));
}

/** Who is left of these: a role that was dropped needs no revoking. Also the schema that the broker's tables are in. */
async function existingRoles(tx: Tx, names: readonly string[]): Promise<{ schema: string; roles: readonly string[] }> {
  const { rows } = await tx.query<{ schema: string; role: string | null }>(
    `SELECT current_schema()::text AS schema, r.rolname::text AS role
     FROM (SELECT 1) one LEFT JOIN pg_roles r
       ON r.rolname IN (SELECT jsonb_array_elements_text($1::text::jsonb)) AND r.rolname <> current_user
     ORDER BY r.rolname`,
    [JSON.stringify(names)],
  );
  return {
    schema: rows[0]?.schema ?? 'public',
    roles: rows.flatMap(({ role }) => (role === null ? [] : [role])),
  };
}

async function admit(tx: Tx, schema: string, role: string): Promise<void> {
  await tx.query(`GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${quoted(role)}`);
  await tx.query(`GRANT SELECT ON fairlead_grant, fairlead_source TO ${quoted(role)}`);
  await tx.query(`GRANT SELECT, INSERT ON fairlead_event TO ${quoted(role)}`);
  await tx.query(`GRANT UPDATE (published) ON fairlead_source TO ${quoted(role)}`);
}

async function expel(tx: Tx, role: string): Promise<void> {
  await tx.query(`REVOKE ALL ON fairlead_grant, fairlead_source, fairlead_event FROM ${quoted(role)}`);
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
