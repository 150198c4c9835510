/*
 * Durable state. The port is database.ts; what stands on it, a folder each:
 *   postgres/  pglite/  embedded/   where databases come from      migrate/   SQL files, once, in order
 *   wake/                          how loops learn of news
 *   log/  lease/  doc/               the durable primitives         backup/    databases as files
 *   tenancy/                        whose rows they are            encryption/  and who can read them
 */
export type { Database, QueryResult, Row, Sql, Tx, TxOptions } from './database.ts';
export type { KeyProvider, WrappedKey } from './encryption/key-provider.ts';
export { keyRing } from './encryption/key-ring.ts';
export type { Opened, PayloadSeal, Sealed, SealedPlace, Unsealed } from './encryption/payload-seal.ts';
export { tenantKeys, type TenantKeys, type TenantKeysOptions } from './encryption/tenant-keys.ts';
export { dropDocs, sweepDocs } from './doc/doc-sweep.ts';
export type {
  DeleteResult,
  Doc,
  DocEntry,
  DocPage,
  Docs,
  DocsOptions,
  DocSource,
  ExpectedDoc,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
} from './doc/doc-types.ts';
export { docTenants } from './doc/doc-tenants.ts';
export { docs } from './doc/docs.ts';
export { STORE_ERRORS } from './errors.ts';
export { deferPort, type DeferPortOptions, type DeferredJob } from './job/defer.ts';
export { cancelJob, enqueue, enqueueMany } from './job/enqueue.ts';
export {
  discardJobs,
  redriveJobs,
  type DeadJobs,
  type DeadJobsResult,
  type RedriveOptions,
} from './job/job-admin-dead.ts';
export {
  findJob,
  listJobs,
  pauseQueue,
  resumeQueue,
  type JobDetails,
  type JobFilter,
  type JobPage,
  type JobQuery,
  type JobState,
  type JobSummary,
} from './job/job-admin.ts';
export type {
  CancelResult,
  DeadReason,
  EnqueueOptions,
  EnqueueResult,
  HandledQueue,
  Job,
  JobFailure,
  JobHandler,
  JobWorker,
  NewJob,
  Queue,
  QueueOptions,
  ResolvedQueueOptions,
  ShareOptions,
  WorkerOptions,
  WorkerState,
} from './job/job-types.ts';
export { queueLags, type QueueLag } from './job/job-view.ts';
export { handle, queue } from './job/queue.ts';
export {
  finishPart,
  gather,
  partHandler,
  partResult,
  scatter,
  type Gathered,
  type ScatterOptions,
  type ScatterResult,
} from './job/scatter.ts';
export { worker } from './job/worker.ts';
export type {
  AcquireResult,
  Election,
  LeadFunction,
  Lease,
  Leases,
  LeasesOptions,
  ScheduleFunction,
  ScheduleOptions,
  ScheduleTimes,
  ShardFunction,
  Shards,
  Standing,
} from './lease/lease-types.ts';
export { leases } from './lease/leases.ts';
export { append, MAX_EVENT_BYTES, type AppendOptions, type AppendResult, type ExpectedVersion } from './log/log.ts';
export { beginLogEpoch, epochAt, logEpoch, type LogCursor } from './log/log-epoch.ts';
export { logReader, type LogReader, type LogReaderOptions, type ReadOptions } from './log/log-reader.ts';
export type { LoggedEvent, NewEvent } from './log/log-types.ts';
export {
  readStream,
  streamTail,
  type SnapshotPlace,
  type StreamEvent,
  type StreamQuery,
  type StreamSnapshot,
  type StreamTail,
} from './log/stream-reader.ts';
export { trimLog, type TrimOptions, type TrimResult } from './log/log-trim.ts';
export {
  migrate,
  migrateStore,
  storeMigrations,
  type MigrateOptions,
  type MigrateResult,
  type MigrationFile,
} from './migrate/migrate.ts';
export { connectionBudget, type ConnectionBudget } from './postgres/connection-budget.ts';
export type { DatabaseOptions } from './postgres/options.ts';
export { openDatabase } from './postgres/postgres-database.ts';
export { acrossTenants, setAcrossTenants } from './tenancy/across-tenants.ts';
export { installTenancy, type TenancySecret } from './tenancy/install-tenancy.ts';
export type { TenancyKind, TenantDatabases, TenantDatabasesOptions } from './tenancy/tenancy-options.ts';
export { tenantDatabases } from './tenancy/tenant-databases.ts';
export { causedBy } from './subscription/caused-by.ts';
export { deadEvents, discardEvent, redriveEvent } from './subscription/dead-events.ts';
export { eventOutcome, type EventOutcome } from './subscription/event-outcome.ts';
export type { EventFilter } from './subscription/event-filter.ts';
export { failureOf, nextAttempt, type Failure } from './failure.ts';
export { reshard } from './subscription/reshard.ts';
export { subscribe } from './subscription/subscribe.ts';
export {
  forgetSubscription,
  subscriptionCursors,
  type SubscriptionCursor,
} from './subscription/subscription-cursors.ts';
export type {
  DeadEvent,
  EventHandling,
  EventSubscription,
  ShardState,
  SubscribeOptions,
  SubscribeSettings,
  SubscriptionLag,
  SubscriptionState,
} from './subscription/subscription-types.ts';
export type {
  StoreCounter,
  StoreGauge,
  StoreHistogram,
  StoreLabels,
  StoreMetric,
  StoreMetrics,
  StoreSpan,
  StoreTelemetry,
} from './telemetry.ts';
export { Announcer } from './wake/announcer.ts';
export { loopContext } from './wake/loop-context.ts';
export { Wakeup } from './wake/wakeup.ts';
