export { pgliteDatabase, type PgliteDatabaseOptions } from './pglite-database.ts';
