export type { Database, QueryResult, Row, Sql, Tx, TxOptions } from './database.ts';
export { STORE_ERRORS } from './errors.ts';
export type {
  AcquireResult,
  Election,
  LeadFunction,
  Lease,
  Leases,
  LeasesOptions,
  ScheduleFunction,
  ScheduleOptions,
  ShardFunction,
  Shards,
} from './lease-types.ts';
export { leases } from './leases.ts';
export { append, MAX_EVENT_BYTES, type AppendResult, type ExpectedVersion } from './log.ts';
export { logReader, type LogReader, type LogReaderOptions } from './log-reader.ts';
export type { LoggedEvent, NewEvent } from './log-types.ts';
export {
  migrate,
  migrateStore,
  storeMigrations,
  type MigrateOptions,
  type MigrateResult,
  type MigrationFile,
} from './migrate.ts';
export type { DatabaseOptions, StoreSpan, StoreTelemetry } from './options.ts';
export { openDatabase } from './postgres-database.ts';
