import type { Database } from '../database.ts';

const VIEWS = new WeakMap<Database, Database>();

/**
 * The same database for the service's own work that belongs to no tenant: reading the whole log, claiming jobs,
 * sweeping. Its transactions see every tenant's rows of the store's own tables and of tables that were isolated with
 * `across`; of other isolated tables they see nothing. A database without tenancy is answered as it is. Closing the
 * answer does nothing: it shares the connections.
 */
export function acrossTenants(database: Database): Database {
  return VIEWS.get(database) ?? database;
}

/** Says what `acrossTenants` answers for a database. */
export function setAcrossTenants(database: Database, view: Database): void {
  VIEWS.set(database, view);
}
