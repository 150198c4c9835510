import type { Clock, Timer } from './clock.ts';
import { CORE_ERRORS, FairleadError, isError } from './errors.ts';
import { checkDelay } from './real-clock.ts';

/** What a scope is made of. */
export interface ScopeOptions {
  readonly clock: Clock;
  readonly parent?: Scope | undefined;
  /** An abort from outside that ends this scope. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it ends by itself; `undefined` or `Infinity` for never, 0 for at once. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The life of a piece of work: when it must end, and whether it has. Several Contexts share one.
 *
 * The end is fixed on monotonic time, so a wall clock that is set neither lengthens nor shortens work. Nothing is
 * allocated and no timer runs until somebody asks for the signal; asked directly, a scope tells the truth even when the
 * event loop was too busy for the timer.
 */
export class Scope {
  readonly clock: Clock;
  /** Wall time of the end, as the wall clock stood when it was set. */
  readonly deadline: number | undefined;
  readonly #parent: Scope | undefined;
  readonly #outer: AbortSignal | undefined;
  /** Monotonic time of the end, the parent's if that is nearer. */
  readonly #endsAtMs: number;
  /** Whether the end is this scope's own, so that it needs a timer. */
  readonly #ownEnd: boolean;
  #reason: FairleadError | undefined;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #children: Set<Scope> | undefined;
  readonly #onOuterAbort = () => this.end(asReason(this.#outer?.reason));

  constructor(options: ScopeOptions) {
    const timeoutMs = options.timeoutMs ?? Infinity;
    checkDelay(timeoutMs);
    this.clock = options.clock;
    this.#parent = options.parent;
    this.#outer = options.signal;
    const parentEndsAtMs = options.parent === undefined ? Infinity : options.parent.#endsAtMs;
    const endsAtMs = timeoutMs === Infinity ? Infinity : options.clock.monotonic() + timeoutMs;
    this.#ownEnd = endsAtMs < parentEndsAtMs;
    this.#endsAtMs = this.#ownEnd ? endsAtMs : parentEndsAtMs;
    this.deadline = this.#ownEnd ? options.clock.now() + timeoutMs : options.parent?.deadline;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const reason = this.reason();
      if (reason === undefined) this.#watch();
      else if (!this.#controller.signal.aborted) this.#controller.abort(reason);
    }
    return this.#controller.signal;
  }

  remainingMs(): number {
    if (this.#endsAtMs === Infinity) return Infinity;
    return Math.max(0, this.#endsAtMs - this.clock.monotonic());
  }

  /** Why this scope has ended; `undefined` while it lives. */
  reason(): FairleadError | undefined {
    if (this.#reason !== undefined) return this.#reason;
    const inherited = this.#parent?.reason();
    if (inherited !== undefined) this.end(inherited);
    else if (this.#outer?.aborted) this.end(asReason(this.#outer.reason));
    else if (this.#ownEnd && this.remainingMs() === 0) this.end(deadlineExceeded());
    return this.#reason;
  }

  /** Ends this scope and everything below it. Idempotent: the first reason stays. */
  end(reason: FairleadError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#parent !== undefined) this.#parent.#children?.delete(this);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
    const children = this.#children;
    this.#children = undefined;
    this.#controller?.abort(reason);
    if (children !== undefined) for (const child of children) child.end(reason);
  }

  #watch(): void {
    if (this.#parent !== undefined) {
      // The parent must notice its own end for us to hear of it.
      void this.#parent.signal;
      this.#parent.#children ??= new Set();
      this.#parent.#children.add(this);
    }
    this.#outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
    if (this.#ownEnd) {
      this.#timer = this.clock.setTimer(this.remainingMs(), () => this.end(deadlineExceeded()));
    }
  }
}

/** The reason for an abort from outside: ours as it is, anything else as the cause of `CANCELLED`. */
export function asReason(reason: unknown): FairleadError {
  if (isError(reason, 'CANCELLED') || isError(reason, 'DEADLINE_EXCEEDED')) return reason;
  const because = reason instanceof Error && reason.message !== '' ? `: ${reason.message}` : '.';
  return new FairleadError(CORE_ERRORS.CANCELLED, 'CANCELLED', `The work was cancelled${because}`, { cause: reason });
}

function deadlineExceeded(): FairleadError {
  return new FairleadError(CORE_ERRORS.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'The deadline of this work passed.');
}
