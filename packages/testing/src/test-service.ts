import type { CallInput, Contract, EventData, EventName, OperationName, Received } from '@fairlead/contract';
import type { Context } from '@fairlead/core';
import type { PublishedEvent } from '@fairlead/messaging';
import type { ServiceInstance, Uses } from '@fairlead/service';
import type { Database } from '@fairlead/store';
import type { RecordingTelemetry } from '@fairlead/telemetry';

/** Who calls, as the gateway would have learnt it from a token. */
export interface TestCaller {
  /** Default `acme`. */
  readonly tenant?: string;
  /** Default `ada`. */
  readonly subject?: string;
  /** Default none. */
  readonly roles?: readonly string[];
  /** Default: a new one for each call of an operation that takes one. */
  readonly idempotencyKey?: string;
  /**
   * Name of the calling service. Default `gateway` for public operations, which is what customers come through, and
   * `test` for internal ones.
   */
  readonly service?: string;
  /** How long the call may take, in milliseconds. Default 10 000; 0 is no time at all. */
  readonly timeoutMs?: number;
}

/** The operations of a service, each a function. */
export type TestCalls<C extends Contract> = {
  readonly [Name in OperationName<C>]: (
    input: CallInput<C['operations'][Name]>,
    caller?: TestCaller,
  ) => Promise<Received<C['operations'][Name]>>;
};

/** An event that the service has published. */
export interface TestEvent<C extends Contract, Type extends EventName<C>> extends Omit<
  PublishedEvent,
  'data' | 'type'
> {
  readonly type: Type;
  readonly data: EventData<C, Type>;
}

/** One running service of a test. */
export interface TestService<C extends Contract = Contract, U extends Uses = Uses> {
  /**
   * Calls an operation the way a caller does: as JSON, through validation, roles and idempotency.
   * Rejects with what a caller would get; a failure that callers are told nothing of has the handler's own as `cause`,
   * and its text in the message.
   */
  readonly call: TestCalls<C>;
  /** What it has published with its commits so far, in order. */
  published<Type extends EventName<C>>(type: Type): Promise<readonly TestEvent<C, Type>[]>;
  /**
   * Hands it an event of a service that it `uses`, and waits until it has been handled: its commit has happened.
   * @throws EVENT_FAILED when the handler failed; the event is parked, as it would be in production
   * @throws EVENT_NOT_CONSUMED when there is no handler for it
   */
  deliver<Alias extends keyof U & string, Type extends EventName<U[Alias]>>(
    alias: Alias,
    type: Type,
    data: EventData<U[Alias], Type>,
    caller?: Pick<TestCaller, 'tenant'>,
  ): Promise<void>;
  /** Its database, to look into. @throws NO_DATABASE when it has none */
  readonly database: Database;
  /** A Context to look with: tenant `acme`, no deadline. */
  readonly ctx: Context;
  /** Spans and log lines of it. */
  readonly telemetry: RecordingTelemetry;
  /** What runs. */
  readonly instance: ServiceInstance;
}
