import type { DocSource } from './doc-types.ts';
import { sqlOf } from './sql-of.ts';

/** From one owner to the next by the primary key: as many steps as there are tenants, however many documents. */
const TENANTS = `with recursive step (owner) as (
    (select owner from fairlead_doc where namespace = $1 order by owner limit 1)
    union all
    select (select d.owner from fairlead_doc d where d.namespace = $1 and d.owner > step.owner order by d.owner limit 1)
      from step where step.owner is not null)
  select owner from step where owner is not null and ($2::text is null or exists (
    select from fairlead_doc d where d.namespace = $1 and d.owner = step.owner and d.key = $2
      and (d.expires_at is null or d.expires_at > fairlead.now())))`;

/**
 * The tenants that have documents in a namespace, or one of this key, in the order of code points; `undefined` for nobody's
 * documents. For people who run a service: give a database across tenants where rows are kept apart.
 */
export async function docTenants(
  from: DocSource,
  namespace: string,
  key?: string,
): Promise<readonly (string | undefined)[]> {
  const { rows } = await sqlOf(from).query<{ readonly owner: string }>(TENANTS, [namespace, key ?? null]);
  return rows.map(({ owner }) => (owner === '' ? undefined : owner));
}
