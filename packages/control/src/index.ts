export { adminClient } from './admin-client.ts';
export type { AdminClient, AdminClientOptions } from './admin-client.ts';
export { CONTROL_ERRORS } from './errors.ts';
export { GATEWAY_CONFIG } from './gateway-config.ts';
export { platformIdentity } from './identity.ts';
export type { PlatformIdentity } from './identity.ts';
export type { Unanswered } from './plane/ask-instance.ts';
export type { DeadLetterAnswer, DeadLetterFilter, GivenUp, LetterPlace } from './plane/dead-letters.ts';
export type {
  DeadJobsAnswer,
  DeadJobsRequest,
  JobAnswer,
  JobListFilter,
  JobPlace,
  QueueAnswer,
  QueueFilter,
  QueuePlace,
  QueueState,
  QueuedJob,
} from './plane/jobs.ts';
export type { CallPolicy, PolicyAnswer, PolicyFilter } from './plane/policies.ts';
export type { TailPage, TailRequest } from './plane/event-tail.ts';
export type { CallOutcome, OperationCall, OperationList } from './plane/service-calls.ts';
export type {
  SagaAnswer,
  SagaChange,
  SagaChanged,
  SagaChangeRequest,
  SagaFilter,
  SagaOwner,
  SagaPlace,
  SagaRun,
} from './plane/sagas.ts';
export type { RebuildAnswer, ViewAnswer, ViewFilter, ViewPlace, ViewState } from './plane/views.ts';
export type { MigratedDatabase } from './database-setup.ts';
export { openPlatformDatabases } from './platform-databases.ts';
export type { PlatformDatabases, PlatformDatabasesOptions, RestoredDatabase } from './platform-databases.ts';
export type { OtlpAttribute, OtlpResourceSpans, OtlpSpan, OtlpTraces, OtlpValue } from './plane/otlp.ts';
export type { TraceStoreCounts, TraceSummary } from './plane/trace-store.ts';
export type {
  InstanceExit,
  InstanceKind,
  InstanceState,
  InstanceStatus,
  PlatformEvent,
  ProcessesOptions,
  RunningPlatform,
  SingleOptions,
  StartOptions,
  TokenRequest,
} from './running-platform.ts';
export { startProcesses } from './start-processes.ts';
export { startSingle } from './start-single.ts';
export { stopPlatform } from './stop-platform.ts';
export type { StopOutcome } from './stop-platform.ts';
export { dataDirAt } from './supervisor/data-dir.ts';
export type { DataDir } from './supervisor/data-dir.ts';
export { lockHolder } from './supervisor/data-dir-lock.ts';
export { identify, isRunning } from './supervisor/process-identity.ts';
export type { ProcessIdentity } from './supervisor/process-identity.ts';
export { readState } from './supervisor/state-file.ts';
export type { InstanceRecord, PlatformState } from './supervisor/state-file.ts';
