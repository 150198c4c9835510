// decider/     commands to events: deciders, snapshots, upcasters, what a state was
// projection/  events to views, in the same transaction or behind it
// replica/     read copies of what other services publish
// saga/        durable workflows     lint/ what they must not do, for linters
export { decider, rejected } from './decider/decider.ts';
export type {
  Decider,
  DeciderOptions,
  Decision,
  DomainEvent,
  Evolve,
  Rejection,
  SnapshotOptions,
  Upcaster,
} from './decider/decider-types.ts';
export type {
  Decided,
  ExpectedStream,
  Handled,
  HandleOptions,
  RejectedCommand,
  StreamConflict,
} from './decider/handle-types.ts';
export { handle } from './decider/handle.ts';
export {
  history,
  stateAt,
  stateOf,
  type HistoryOptions,
  type StateOf,
  type StreamMoment,
  type StreamReadOptions,
} from './decider/state-of.ts';
export { EVENTS_ERRORS } from './errors.ts';
export { replay } from './saga/replay.ts';
export { sagaAdmin } from './saga/saga-admin.ts';
export { saga } from './saga/saga.ts';
export { sagas } from './saga/running-sagas.ts';
export type { RunningSagas, SagasOptions } from './saga/sagas-types.ts';
export type {
  AnySaga,
  CancelSagaResult,
  JournalRecord,
  ReplayVerdict,
  ResolvedSagaOptions,
  Saga,
  SagaAdmin,
  SagaContext,
  SagaDecision,
  SagaDuration,
  SagaFailure,
  SagaFunction,
  SagaHistory,
  SagaInput,
  SagaOptions,
  SagaOutcome,
  SagaPage,
  SagaQuery,
  SagaResult,
  Sagas,
  SagaSet,
  SagaStatus,
  SagaSummary,
  SignalResult,
  StartResult,
  StepOptions,
  StepRetry,
  TransactionOptions,
} from './saga/saga-types.ts';
export { projection } from './projection/projection.ts';
export type {
  AnyEventOf,
  DocumentsTarget,
  EventStep,
  Fold,
  ProjectedEvent,
  Projection,
  ProjectionDefinition,
  ProjectionMode,
  TableHandler,
  TableNames,
  TablesTarget,
  Target,
} from './projection/projection-types.ts';
export { documents, tables, type DocumentsOptions } from './projection/target.ts';
export type { ViewDeadLetter, ViewDeadLetters } from './projection/view-dead-letters.ts';
export type {
  AnyView,
  DocumentView,
  KeptDocument,
  Reached,
  ReachedOptions,
  TableView,
  View,
  ViewOf,
} from './projection/view.ts';
export { openViews, type Views, type ViewsOptions, type ViewStatus } from './projection/views.ts';
export { replica, type Replica, type ReplicaDefinition } from './replica/replica.ts';
