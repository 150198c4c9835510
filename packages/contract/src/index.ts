export { defineContract } from './contract.ts';
export type { BoundEvents, BoundOperations, Contract, ContractOptions } from './contract.ts';
export { operation } from './operation.ts';
export type {
  InputSchema,
  Method,
  Operation,
  OperationDefinition,
  OperationDefinitions,
  OperationOptions,
  Operations,
} from './operation.ts';
export { event } from './event.ts';
export type { EventDefinition, EventDefinitions, EventOptions, EventType, EventTypes } from './event.ts';
export type {
  CallInput,
  ErrorCode,
  EventData,
  EventName,
  Input,
  OperationName,
  Output,
  Received,
  ReceivedData,
  Widened,
} from './inference.ts';
export { decodeCall, encodeCall } from './call.ts';
export type { RoutedCall, WireCall } from './call.ts';
export { decodeOutput, encodeOutput } from './answer.ts';
export { decodeEvent, encodeEvent } from './event-data.ts';
export type { EncodedEvent } from './event-data.ts';
export { assertJobInput, decodeJob, encodeJob } from './job-input.ts';
export type { JobData, JobInput } from './job-input.ts';
export type { Issue } from './issues.ts';
export { findOperation } from './route.ts';
export type { RouteMatch } from './route.ts';
export { toOpenApi } from './openapi.ts';
export type { OpenApiOptions } from './openapi.ts';
export type { DocumentOptions, JsonObject } from './document.ts';
export { describedOperation, describedOperations } from './described-operation.ts';
export type { OperationSummary } from './described-operation.ts';
export { toAsyncApi } from './asyncapi.ts';
export { declaredError, isDeclaredError } from './declared-error.ts';
export { CONTRACT_ERRORS } from './errors.ts';
