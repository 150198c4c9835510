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
import type { AttemptLife } from './attempt-life.ts';
import { detachedFrom } from './detached-context.ts';

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
    return this.#life.signal;
  }

  get deadline(): number | undefined {
    const leftMs = this.#life.endsAtMs - this.#life.nowMs();
    const inherited = this.#facts.deadline;
    if (leftMs === Infinity) return inherited;
    const own = this.clock.now() + leftMs;
    return inherited === undefined ? own : Math.min(inherited, own);
  }

  remainingMs(): number {
    const life = this.#life;
    return life.endsAtMs === Infinity ? Infinity : Math.max(0, life.endsAtMs - life.nowMs());
  }

  throwIfAborted(): void {
    const reason = this.#life.reason();
    if (reason !== undefined) throw reason;
    this.#facts.throwIfAborted();
  }

  onEnd(listener: (reason: FairleadError) => void): () => void {
    return this.#life.onEnd(listener);
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
