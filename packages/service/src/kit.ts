import type { Context } from '@fairlead/core';
import type {
  CallInput,
  Contract,
  EventData,
  EventName,
  OperationName,
  Output,
  Received,
  ReceivedData,
} from '@fairlead/contract';
import type {
  Decider,
  DomainEvent,
  ExpectedStream,
  Handled,
  HandleOptions,
  Sagas,
  SagaSet,
  StreamConflict,
  Target,
  View,
  ViewOf,
} from '@fairlead/events';
import type { PublishedEvent } from '@fairlead/messaging';
import type { DeferReceipt } from '@fairlead/policy';
import type { Database, Leases, Tx, TxOptions } from '@fairlead/store';
import type { Logger } from '@fairlead/telemetry';
import type { ConfigShape, ConfigValues } from './config.ts';
import type { JobInputs, Jobs } from './jobs.ts';

/** Contracts by the name that a service's code has for them. */
export type Uses = Readonly<Record<string, Contract>>;

/** An event as a handler meets it: the envelope, and `data` read tolerantly by the publisher's contract. */
export interface ReceivedEvent<Source extends Contract, Type extends EventName<Source>> extends Omit<
  PublishedEvent,
  'type' | 'data'
> {
  readonly type: Type;
  readonly data: ReceivedData<Source, Type>;
}

/** How one call is made; `Answer` is what it answers. */
export interface CallOptions<Answer = unknown> {
  /**
   * Names this call for its idempotency key, which is derived from (caller's key, alias and operation, step). Default:
   * its number among the calls of that operation by this handler, which is stable as long as a repeat makes them in the
   * same order; name the step where that is not so.
   */
  readonly step?: string;
  /**
   * Keeps the call as a job, to be made later, when its policy has a section `fallback` that stands in for it now; says what is
   * answered meanwhile. Only what has not begun, is idempotent or carries an idempotency key is kept, or it could be done
   * twice. Needs `deferredCalls` in the definition. Default: it isn't kept.
   */
  readonly defer?: (receipt: DeferReceipt) => Answer;
}

/** The typed client of one service: a function for each operation. */
export type Client<C extends Contract> = {
  readonly [Name in OperationName<C>]: ClientCall<C, Name>;
};

/**
 * Calls an operation: validates the input before anything is sent, forwards what is left of the deadline, sends the
 * derived idempotency key, and reads the answer tolerantly (new members and enum values don't break it). Never repeats
 * by itself.
 * @throws INVALID_CALL when the input does not fit the contract; nothing was sent
 * @throws MISCONFIGURED for `defer` in a service whose definition has no `deferredCalls`
 * @throws what the operation declares in `errors`, with its code
 * @throws UNAVAILABLE when the service can't be reached; `details.processed` is `'no'` when it provably has not seen the call
 * @throws DEADLINE_EXCEEDED, CANCELLED when the Context ends first; the callee may or may not have done the work
 * @throws INVALID_ANSWER when what came back is not what the contract says
 */
export type ClientCall<C extends Contract, Name extends OperationName<C>> = (
  ctx: Context,
  input: CallInput<C['operations'][Name]>,
  options?: CallOptions<Received<C['operations'][Name]>>,
) => Promise<Received<C['operations'][Name]>>;

/** Clients by alias. */
export type Calls<U extends Uses> = { readonly [Alias in keyof U & string]: Client<U[Alias]> };

/** The transaction of a handler. */
export interface CommitTx<C extends Contract> extends Tx {
  /**
   * Publishes an event of this service's contract: it goes into the log in this transaction, and to the broker after
   * it has committed. Resolves to the event's id.
   * @throws INVALID_EVENT when the data does not fit the contract; the transaction then rolls back
   */
  publish<Type extends EventName<C>>(type: Type, data: EventData<C, Type>): Promise<string>;
  /**
   * Runs a decider's command (`handle` of `@fairlead/events`) in this transaction. Events whose type is in this service's contract
   * are validated by it and published; all others stay in the service. Rejections and, with `expect`, conflicts are values.
   * @throws what `handle` of `@fairlead/events` throws; the transaction then rolls back
   */
  handle<Command, Event extends DomainEvent, State, Reason>(
    decider: Decider<Command, Event, State, Reason>,
    id: string,
    command: Command,
    options?: CommandOptions & { readonly expect?: undefined },
  ): Promise<Handled<State, Reason>>;
  handle<Command, Event extends DomainEvent, State, Reason>(
    decider: Decider<Command, Event, State, Reason>,
    id: string,
    command: Command,
    options: CommandOptions & { readonly expect?: ExpectedStream | undefined },
  ): Promise<Handled<State, Reason> | StreamConflict>;
}

/** How a handler's transaction runs a command. */
export type CommandOptions = Pick<HandleOptions, 'seal'>;

/** What every handler gets besides its Context and its input. */
export interface Kit<
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> {
  /** The service's configuration, read and checked before it started. */
  readonly config: ConfigValues<Config>;
  /** Clients of what the service `uses`. */
  readonly calls: Calls<U>;
  /**
   * The service's own database, for reading, and for writes that need no idempotency record or inbox mark.
   * @throws MISCONFIGURED when the definition has no `database`
   */
  readonly db: Database;
  /**
   * Rights that end by themselves: elections, shards, schedules. Take part in those in `background`, once; a handler asks
   * for a lease of its own with `acquire`. Closed by the service.
   * @throws MISCONFIGURED when the definition has no `database`
   */
  readonly leases: Leases;
  /**
   * The service's own queues.
   * @throws MISCONFIGURED when the definition has no `jobs`
   */
  readonly jobs: Jobs<J>;
  /**
   * The service's own sagas.
   * @throws MISCONFIGURED when the definition has no `sagas`; UNAVAILABLE before the service has started
   */
  readonly sagas: Sagas<S>;
  /**
   * How a projection or replica of the service is read: `kit.view(orderDetails).get(ctx, id)` for documents,
   * `kit.view(orderDays).tables.order_day` for tables.
   * @throws MISCONFIGURED when it is not in the definition
   */
  view<T extends Target>(definition: View<T>): ViewOf<T>;
  /** Lines carry the service and the operation or event type; pass the Context for trace, tenant and request. */
  readonly log: Logger;
  /** A new UUIDv7 from this work's clock and random source. */
  newId(): string;
}

/** The kit of an operation's handler. */
export interface OperationKit<
  C extends Contract,
  Name extends OperationName<C>,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> extends Kit<Config, U, J, S> {
  /**
   * The one transaction of this handler. What `work` resolves to *is* the operation's answer: it is validated, and
   * stored with the idempotency record in the same transaction, so state, events, and the answer that a repeat gets
   * become durable together or not at all. From then on the operation has succeeded: what the handler returns or
   * throws afterwards doesn't change the answer (it is logged).
   *
   * Rejects with whatever `work` throws, after a rollback.
   * @throws COMMIT_TWICE on a second call
   * @throws COMMIT_UNKNOWN when the connection broke during COMMIT: the caller gets 503 and may repeat under its key
   */
  commit(
    work: (tx: CommitTx<C>) => Promise<Output<C['operations'][Name]>>,
    options?: TxOptions,
  ): Promise<Output<C['operations'][Name]>>;
}

/** The kit of an event's handler. */
export interface ConsumerKit<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
  S extends SagaSet = SagaSet,
> extends Kit<Config, U, J, S> {
  /**
   * The one transaction of this handler: the mark that this event has been handled commits with it. A handler that
   * never calls it gets an empty commit when it resolves.
   * @throws COMMIT_TWICE on a second call
   */
  commit<T>(work: (tx: CommitTx<C>) => Promise<T>): Promise<T>;
}
