// decider/     commands to events: deciders, snapshots, upcasters, what a state was
// projection/  events to views, in the same transaction or behind it
// replica/     read copies of what other services publish
// saga/        durable workflows
export { EVENTS_ERRORS } from './errors.ts';
export { saga } from './saga/saga.ts';
export type {
  AnySaga,
  CancelSagaResult,
  JournalRecord,
  ReplayVerdict,
  ResolvedSagaOptions,
  RunningSagas,
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
  SagasOptions,
  SagaStatus,
  SagaSummary,
  SignalResult,
  StartResult,
  StepOptions,
  StepRetry,
  TransactionOptions,
} from './saga/saga-types.ts';
