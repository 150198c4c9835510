import type { Context } from '@fairlead/core';
import type { Contract, EventName, Input, OperationName, Output } from '@fairlead/contract';
import type { Projection, Replica, SagaSet } from '@fairlead/events';
import type { QueueOptions } from '@fairlead/store';
import type { ConfigShape } from './config.ts';
import type { JobDefinitions } from './job-definition.ts';
import type { JobInputs } from './jobs.ts';
import type { ConsumerKit, Kit, OperationKit, ReceivedEvent, Uses } from './kit.ts';
import type { RawRoutes } from './raw-route.ts';

/**
 * Answers one operation. What it returns is validated against the operation's output; what it throws becomes a problem
 * document: a `FairleadError` whose code the operation declares passes with its code and text, everything else is an
 * internal error whose text only the log sees.
 */
export type OperationHandler<
  C extends Contract,
  Name extends OperationName<C>,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> = {
  handle(
    ctx: Context,
    input: Input<C['operations'][Name]>,
    kit: OperationKit<C, Name, Config, U, J, S>,
  ): Promise<Output<C['operations'][Name]>>;
}['handle'];

/** A handler for every operation of the contract. */
export type OperationHandlers<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> = {
  readonly [Name in OperationName<C>]: OperationHandler<C, Name, Config, U, J, S>;
};

/**
 * Handles one event of another service. It may run more than once for one event, until its commit has succeeded;
 * `kit.commit` is effective once.
 */
export type EventHandler<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  Source extends Contract,
  Type extends EventName<Source>,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> = {
  handle(ctx: Context, event: ReceivedEvent<Source, Type>, kit: ConsumerKit<C, Config, U, J, S>): Promise<void>;
}['handle'];

/** Handlers by alias (of `uses`) and event type; those that are left out are passed over. */
export type Consumers<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> = {
  readonly [Alias in keyof U & string]?: {
    readonly [Type in EventName<U[Alias]>]?: EventHandler<C, Config, U, U[Alias], Type, J, S>;
  };
};

/** What a service does without being asked. Called once; the service is ready when it has resolved. */
export type Background<
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> = {
  begin(kit: Kit<Config, U, J, S>): void | Promise<void>;
}['begin'];

/** A service, as its module exports it. The same value runs in every topology. */
export interface ServiceDefinition<
  C extends Contract = Contract,
  Config extends ConfigShape = ConfigShape,
  U extends Uses = Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> {
  /** What the service promises. Its name is the service's name. */
  readonly contract: C;
  /** What it reads from its environment, once, before it starts. Default: nothing. */
  readonly config?: Config;
  /**
   * The services and externals that it calls or listens to, by the name its code has for them. Nothing else is
   * reachable through the kit. Default: none.
   */
  readonly uses?: U;
  /**
   * Its own database: where its migrations are. With `tenancy: 'rows'`, `kit.db` and `kit.commit` see only rows of the
   * Context's tenant in tables that the migrations isolate (`select fairlead.isolate('orders')`), and without a tenant
   * none. Default: none, then `kit.db` and `kit.commit` throw.
   */
  readonly database?: { readonly migrations: URL; readonly tenancy?: 'rows' };
  /** How long the answer to an idempotency key is kept, in milliseconds. Default 86 400 000 (24 h); at least 1 000. */
  readonly idempotency?: { readonly retentionMs?: number };
  readonly operations: OperationHandlers<C, Config, U, J, S>;
  /** Needs a database: an event is effective once because its mark commits with its effect. Default: none. */
  readonly consumers?: Consumers<C, Config, U, J, S>;
  /**
   * Work that is queued in the transaction of a state change and done later, by name. Needs a database. Default: none,
   * then `kit.jobs` throws, and nothing is asked of the database for them.
   */
  readonly jobs?: JobDefinitions<C, Config, U, J, S>;
  /** Views that are made of the service's own events; read with `kit.view`. Needs a database. Default: none. */
  readonly projections?: readonly Projection[];
  /** Copies of what services that it `uses` publish; read with `kit.view`. Needs a database. Default: none. */
  readonly replicas?: readonly Replica[];
  /**
   * Workflows that outlive processes, by the names that handlers have for them; started with `kit.sagas`. Their steps get this
   * service's kit, their transactions publish. Needs a database. Default: none, then `kit.sagas` throws.
   */
  readonly sagas?: S;
  /**
   * Lets calls be made later (`CallOptions.defer`), as jobs of the queue `deferred-calls`, with these options. Needs a database.
   * Default: none can be; given, 100 attempts unless it says otherwise.
   */
  readonly deferredCalls?: QueueOptions;
  /**
   * What the service does without being asked: takes part in elections, shards and schedules with `kit.leases`, which end
   * with the service. When it fails the service does not start. Default: nothing.
   */
  readonly background?: Background<Config, U, J, S>;
  /**
   * What no contract can describe: uploads, downloads, streams of events, pages. Answered where there is a socket
   * (`serveHttp`), and no part of the contract's documents and clients. Default: none.
   */
  readonly routes?: RawRoutes<Config, U>;
}
