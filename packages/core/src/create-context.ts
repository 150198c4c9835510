import type { Clock } from './clock.ts';
import type { Caller, Context, ContextChanges, Criticality, ScopedContext } from './context.ts';
import type { FairleadError } from './errors.ts';
import { newSpanId, newTraceId } from './id.ts';
import type { Random } from './random.ts';
import { asReason, Scope } from './scope.ts';
import type { TraceContext } from './trace-context.ts';
import { parseTraceparent } from './traceparent.ts';

/** A root Context's beginning. */
export interface CreateContextOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until the deadline. Default: none. 0 means it has passed. */
  readonly timeoutMs?: number | undefined;
  /** Ends the work when it aborts, such as that of a connection. Its reason becomes the cause of `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** Default: a new trace, of which the first span decides whether it is recorded. */
  readonly trace?: TraceContext | undefined;
  /** Default: the trace id. */
  readonly requestId?: string | undefined;
  readonly tenant?: string | undefined;
  /** Default: nobody. */
  readonly caller?: Caller | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Default `default`. */
  readonly criticality?: Criticality | undefined;
  /** Default: the request id. */
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
}

/** What of a Context outlives it, as an event or a job keeps it. Every Context is one. */
export interface ContextOrigin {
  readonly trace?: TraceContext | undefined;
  /** The header's form of `trace`, for what was kept as text; counts when `trace` is not given. Malformed: a new trace. */
  readonly traceparent?: string | undefined;
  readonly requestId?: string | undefined;
  readonly tenant?: string | undefined;
  readonly criticality?: Criticality | undefined;
  readonly correlationId?: string | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
}

/** What a Context that goes on from an event or job begins with anew. */
export interface ContinueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that this work may take. Default: no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Ends the work, such as that of a consumer that is being closed. */
  readonly signal?: AbortSignal | undefined;
  /** Default: nobody. The subject and roles of a request don't follow its events. */
  readonly caller?: Caller | undefined;
  /** Usually derived from the event's or job's id, so that its repeats are recognised downstream. */
  readonly idempotencyKey?: string | undefined;
  /** Id of the event or job that causes this work. */
  readonly causationId?: string | undefined;
}

const NOBODY: Caller = Object.freeze({ service: undefined, subject: undefined, roles: Object.freeze([]) });
const NO_BAGGAGE: Readonly<Record<string, string>> = Object.freeze({});

/**
 * A root Context. Dispose it (`using`) when its work has settled; see `ScopedContext`.
 * @throws MISCONFIGURED when `timeoutMs` is negative or not a number
 */
export function createContext(options: CreateContextOptions): ScopedContext {
  const trace = options.trace ?? newTrace(options.random);
  const requestId = options.requestId ?? trace.traceId;
  const scope = new Scope({ clock: options.clock, signal: options.signal, timeoutMs: options.timeoutMs });
  return new OwnedScope(scope, {
    random: options.random,
    trace,
    requestId,
    tenant: options.tenant,
    caller: options.caller ?? NOBODY,
    idempotencyKey: options.idempotencyKey,
    criticality: options.criticality ?? 'default',
    correlationId: options.correlationId ?? requestId,
    causationId: options.causationId,
    baggage: options.baggage ?? NO_BAGGAGE,
  });
}

/**
 * A new root for an event or job: trace, request id, tenant, criticality, correlation and baggage go on; deadline,
 * abort, caller and idempotency key end, for nobody waits any more. `origin` may be a Context or what was kept of one.
 * @throws MISCONFIGURED when `timeoutMs` is negative or not a number
 */
export function continueFrom(origin: ContextOrigin, options: ContinueOptions): ScopedContext {
  return createContext({
    ...options,
    trace: origin.trace ?? parseTraceparent(origin.traceparent),
    requestId: origin.requestId,
    tenant: origin.tenant,
    criticality: origin.criticality,
    correlationId: origin.correlationId,
    baggage: origin.baggage,
  });
}

function newTrace(random: Random): TraceContext {
  const ids = { traceId: newTraceId(random), spanId: newSpanId(random) };
  return { ...ids, sampled: true, state: undefined, root: true, undecided: true };
}

/** The fields that travel; everything but time and life. */
interface Facts {
  readonly random: Random;
  readonly trace: TraceContext;
  readonly requestId: string;
  readonly tenant: string | undefined;
  readonly caller: Caller;
  readonly idempotencyKey: string | undefined;
  readonly criticality: Criticality;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly baggage: Readonly<Record<string, string>>;
}

/** A Context: facts, and a scope that it may share with others. */
class ContextValue implements Context {
  readonly random: Random;
  readonly trace: TraceContext;
  readonly requestId: string;
  readonly tenant: string | undefined;
  readonly caller: Caller;
  readonly idempotencyKey: string | undefined;
  readonly criticality: Criticality;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly baggage: Readonly<Record<string, string>>;
  readonly #scope: Scope;

  constructor(scope: Scope, facts: Facts) {
    this.#scope = scope;
    this.random = facts.random;
    this.trace = facts.trace;
    this.requestId = facts.requestId;
    this.tenant = facts.tenant;
    this.caller = facts.caller;
    this.idempotencyKey = facts.idempotencyKey;
    this.criticality = facts.criticality;
    this.correlationId = facts.correlationId;
    this.causationId = facts.causationId;
    this.baggage = facts.baggage;
  }

  get clock(): Clock {
    return this.#scope.clock;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get deadline(): number | undefined {
    return this.#scope.deadline;
  }

  remainingMs(): number {
    return this.#scope.remainingMs();
  }

  throwIfAborted(): void {
    const reason = this.#scope.reason();
    if (reason !== undefined) throw reason;
  }

  onEnd(listener: (reason: FairleadError) => void): () => void {
    return this.#scope.onEnd(listener);
  }

  derive(changes: ContextChanges): Context {
    return new ContextValue(this.#scope, {
      random: this.random,
      requestId: this.requestId,
      trace: changes.trace ?? this.trace,
      tenant: 'tenant' in changes ? changes.tenant : this.tenant,
      caller: changes.caller ?? this.caller,
      idempotencyKey: 'idempotencyKey' in changes ? changes.idempotencyKey : this.idempotencyKey,
      criticality: changes.criticality ?? this.criticality,
      correlationId: changes.correlationId ?? this.correlationId,
      causationId: 'causationId' in changes ? changes.causationId : this.causationId,
      baggage: changes.baggage ?? this.baggage,
    });
  }

  withTimeout(timeoutMs: number): ScopedContext {
    return new OwnedScope(new Scope({ clock: this.clock, parent: this.#scope, timeoutMs }), this);
  }

  withCancel(): ScopedContext {
    return new OwnedScope(new Scope({ clock: this.clock, parent: this.#scope }), this);
  }
}

/** A Context that may end its scope. */
class OwnedScope extends ContextValue implements ScopedContext {
  readonly #own: Scope;

  constructor(scope: Scope, facts: Facts) {
    super(scope, facts);
    this.#own = scope;
  }

  cancel(reason?: Error): void {
    this.#own.end(asReason(reason));
  }

  [Symbol.dispose](): void {
    this.#own.settle();
  }
}
