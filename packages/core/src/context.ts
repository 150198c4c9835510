import type { Clock } from './clock.ts';
import type { FairleadError } from './errors.ts';
import type { Random } from './random.ts';
import type { TraceContext } from './trace-context.ts';

/**
 * How much work matters when there is too much of it. `critical` is shed last, `sheddable` first.
 */
export type Criticality = 'critical' | 'default' | 'sheddable';

/**
 * Who is asking. Set once by a trusted edge; the same facts claimed from outside are stripped there.
 */
export interface Caller {
  /** The service that makes this call, `gateway` at the edge, `undefined` for a timer or a test. */
  readonly service: string | undefined;
  /** The person or machine account behind the work (`sub` of the token). */
  readonly subject: string | undefined;
  /** Roles granted to the subject, as the token states them. */
  readonly roles: readonly string[];
}

/**
 * What crosses every boundary with the work: deadline, trace, tenant, caller, idempotency key and criticality.
 * The first argument of every function that can wait. Immutable: `derive` gives a changed copy.
 *
 * Over HTTP it travels as headers (see `contextToHeaders`), over brokers as CloudEvents attributes. A deadline ends at
 * an event or a job (see `continueFrom`); trace, tenant and criticality go on.
 */
export interface Context {
  /** Time as this work sees it; virtual under the simulator. */
  readonly clock: Clock;
  /** The random source that this work's ids are drawn from. */
  readonly random: Random;
  /**
   * Aborts when the deadline passes or the caller goes away. The reason is a `FairleadError` with code
   * `DEADLINE_EXCEEDED` or `CANCELLED`, so a caller's abort is never mistaken for a timeout.
   */
  readonly signal: AbortSignal;
  /**
   * When this work ends, in milliseconds since the epoch, as the wall clock stood when the deadline was set; `undefined`
   * when nobody waits for an answer. For telling others. Setting the wall clock changes neither it nor the time left,
   * which is measured on monotonic time: decide by `remainingMs`.
   */
  readonly deadline: number | undefined;
  readonly trace: TraceContext;
  readonly requestId: string;
  readonly tenant: string | undefined;
  readonly caller: Caller;
  /**
   * The key under which the caller may repeat this work. Never forwarded as it is: a downstream key is derived from it
   * (see `stepKey`).
   */
  readonly idempotencyKey: string | undefined;
  readonly criticality: Criticality;
  /** Id of the event or request that began the whole conversation; CloudEvents `correlationid`. */
  readonly correlationId: string;
  /** Id of the event that directly caused this work; CloudEvents `causationid`. */
  readonly causationId: string | undefined;
  /** W3C baggage, decoded. */
  readonly baggage: Readonly<Record<string, string>>;

  /** Milliseconds left until the deadline, never below 0; `Infinity` when there is none. */
  remainingMs(): number;
  /**
   * Throws the signal's reason when this work has been given up. True to the clock even while the event loop is too busy
   * to run the deadline's timer.
   */
  throwIfAborted(): void;
  /**
   * Calls `listener` once, with the reason, when this work must stop: now, if it must already. Returns how to stop
   * listening. For the inside of hot paths, where a listener on `signal` would cost what the work does; it must not throw.
   */
  onEnd(listener: (reason: FairleadError) => void): () => void;
  /** A copy with some fields changed. The deadline can't be changed here: see `withTimeout`. */
  derive(changes: ContextChanges): Context;
  /**
   * A copy whose deadline is at most `timeoutMs` from now, and which `cancel` can end early. Never lengthens.
   * Dispose it (`using`) as soon as the work has settled: it holds a timer. 0 ends it at once; `Infinity` sets nothing.
   * @throws MISCONFIGURED when `timeoutMs` is negative or not a number
   */
  withTimeout(timeoutMs: number): ScopedContext;
  /** A copy that can be cancelled and has no deadline of its own. Dispose it when the work has settled. */
  withCancel(): ScopedContext;
}

/** The fields that `derive` may change. */
export interface ContextChanges {
  readonly trace?: TraceContext;
  readonly tenant?: string | undefined;
  readonly caller?: Caller;
  readonly idempotencyKey?: string | undefined;
  readonly criticality?: Criticality;
  readonly correlationId?: string;
  readonly causationId?: string | undefined;
  readonly baggage?: Readonly<Record<string, string>>;
}

/**
 * A Context that owns a timer or an abort, to be given back with `using`. Disposing ends it: whatever still waits in it,
 * such as the loser of a race, is cancelled at once, and no timer or listener stays. Work that must outlive it takes a
 * Context of its own (see `continueFrom`).
 */
export interface ScopedContext extends Context, Disposable {
  /**
   * Aborts this scope's work with `CANCELLED`, `reason` being the cause; a `CANCELLED` or `DEADLINE_EXCEEDED` error is
   * the reason itself. Its parent is not touched. The first end stays.
   */
  cancel(reason?: Error): void;
}
