export { callDescribed } from './call-described.ts';
export type { DescribedCall } from './call-described.ts';
export { DEFAULT_POLICY } from './call-policies.ts';
export type { PolicyReport, PolicyTargets } from './policy-report.ts';
export { describeContract, operationsOf } from './describe-contract.ts';
export type { OperationSummary } from '@fairlead/contract';
export { FairleadError, isError } from '@fairlead/core';
export type { Context } from '@fairlead/core';
export type { Database, Sql, Tx, TxOptions } from '@fairlead/store';
export { boolean, duration, integer, oneOf, secret, string, url } from './config.ts';
export type { ConfigShape, ConfigValues, Field, FieldOptions, Parsed } from './config.ts';
export { defineService } from './define-service.ts';
export type {
  Background,
  Consumers,
  EventHandler,
  OperationHandler,
  OperationHandlers,
  ServiceDefinition,
} from './definition.ts';
export { SERVICE_ERRORS } from './errors.ts';
export type { JobDefinition, JobDefinitions, JobFacts, JobKit, ServiceJobHandler } from './job-definition.ts';
export type { JobInputs, Jobs, KitScatterOptions } from './jobs.ts';
export type {
  CallOptions,
  Calls,
  Client,
  ClientCall,
  CommandOptions,
  CommitTx,
  ConsumerKit,
  Kit,
  OperationKit,
  ReceivedEvent,
  Uses,
} from './kit.ts';
export { localTransport } from './local-transport.ts';
export type { LocalTransportOptions } from './local-transport.ts';
export { migrateService, SERVICE_MIGRATIONS, serviceMigrations } from './migrations.ts';
export type { RawCall, RawRouteHandler, RawRoutes } from './raw-route.ts';
export { Secret } from './secret.ts';
export { serveHttp } from './serve-http.ts';
export type { HttpServer, ServeOptions } from './serve-http.ts';
export type { ListenAddress } from '@fairlead/net';
export type { IncomingRequest, Readiness, ReadinessCheck, ServiceInstance, ServicePorts } from './service-instance.ts';
export { createService } from './service.ts';
export type { DeadLetterCase, EventPage, LogPlace, Upkeep } from './upkeep.ts';
export type { Endpoint } from './service-endpoint.ts';
export type { ServiceSagaContext } from './service-sagas.ts';
export { socketTransport } from './socket-transport.ts';
export type { SocketTransport, SocketTransportOptions } from './socket-transport.ts';
