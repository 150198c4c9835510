import {
  type Caller,
  type Clock,
  type Context,
  type ContextChanges,
  type Criticality,
  type FairleadError,
  type Random,
  type ScopedContext,
  type TraceContext,
} from '@fairlead/core';
import type { AttemptEnd } from './attempt-end.ts';
import { detachedFrom } from './detached-context.ts';

/** The part of an attempt that its work sees. */
export interface AttemptLife {
  /** Milliseconds until the attempt's own time is up; `Infinity` for never. The caller's may be up earlier. */
  leftMs(): number;
  /** Why the work must stop; `undefined` while it need not. True to the clock while the event loop is too busy for timers. */
  reason(): FairleadError | undefined;
  /** What tells the work of its end, from when it is asked for. */
  heed(): AttemptEnd;
}

/** The Context that an attempt's work is given: its caller's facts, and a life that ends with the attempt. */
export class AttemptContext implements Context {
  readonly #facts: Context;
  readonly #life: AttemptLife;

  constructor(facts: Context, life: AttemptLife) {
    this.#facts = facts;
    this.#life = life;
  }

  get clock(): Clock {
    return this.#facts.clock;
  }

  get random(): Random {
    return this.#facts.random;
  }

  get trace(): TraceContext {
    return this.#facts.trace;
  }

  get requestId(): string {
    return this.#facts.requestId;
  }

  get tenant(): string | undefined {
    return this.#facts.tenant;
  }

  get caller(): Caller {
    return this.#facts.caller;
  }

  get idempotencyKey(): string | undefined {
    return this.#facts.idempotencyKey;
  }

  get criticality(): Criticality {
    return this.#facts.criticality;
  }

  get correlationId(): string {
    return this.#facts.correlationId;
  }

  get causationId(): string | undefined {
    return this.#facts.causationId;
  }

  get baggage(): Readonly<Record<string, string>> {
    return this.#facts.baggage;
  }

  get signal(): AbortSignal {
    return this.#life.heed().signal;
  }

  get deadline(): number | undefined {
    const inherited = this.#facts.deadline;
    const leftMs = this.#life.leftMs();
    if (leftMs === Infinity) return inherited;
    const own = this.clock.now() + leftMs;
    return inherited === undefined ? own : Math.min(inherited, own);
  }

  remainingMs(): number {
    return Math.max(0, Math.min(this.#life.leftMs(), this.#facts.remainingMs()));
  }

  throwIfAborted(): void {
    const reason = this.#life.reason();
    if (reason !== undefined) throw reason;
    this.#facts.throwIfAborted();
  }

  onEnd(listener: (reason: FairleadError) => void): () => void {
    return this.#life.heed().onEnd(listener);
  }

  derive(changes: ContextChanges): Context {
    return new AttemptContext(this.#facts.derive(changes), this.#life);
  }

  withTimeout(timeoutMs: number): ScopedContext {
    return this.#scope(timeoutMs);
  }

  withCancel(): ScopedContext {
    return this.#scope(Infinity);
  }

  /** A scope of core's own below this life, so that a deadline within an attempt means what it means elsewhere. */
  #scope(timeoutMs: number): ScopedContext {
    return detachedFrom(this.#facts, {
      signal: this.signal,
      // A wrong one goes on to be refused.
      timeoutMs: timeoutMs >= 0 ? Math.min(timeoutMs, this.remainingMs()) : timeoutMs,
    });
  }
}
