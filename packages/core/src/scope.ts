import type { Clock, Timer } from './clock.ts';
import { CORE_ERRORS, FairleadError, isError } from './errors.ts';
import { checkDelay } from './real-clock.ts';
import { Slots } from './slots.ts';

/** The end of work that has settled, before anybody has asked for its reason. */
const SETTLED = Symbol('settled');
const nothing = (): void => undefined;

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
 * allocated and no timer runs until somebody asks for the signal or for news of the end; asked directly, a scope tells the truth even when the
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
  #reason: FairleadError | typeof SETTLED | undefined;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #children: Slots<Scope> | undefined;
  /** Of the parent, with its own slot among them. */
  #siblings: Slots<Scope> | undefined;
  #slot = 0;
  #listeners: ((reason: FairleadError) => void)[] | undefined;
  #watching = false;
  readonly #onOuterAbort: (() => void) | undefined;

  constructor(options: ScopeOptions) {
    const timeoutMs = options.timeoutMs ?? Infinity;
    checkDelay(timeoutMs);
    this.clock = options.clock;
    this.#parent = options.parent;
    this.#outer = options.signal;
    this.#onOuterAbort = options.signal === undefined ? undefined : () => this.end(asReason(this.#outer?.reason));
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

  /** Tells `listener` of the end, once, with its reason: now if it has come. Returns how to stop listening. */
  onEnd(listener: (reason: FairleadError) => void): () => void {
    const reason = this.reason();
    if (reason !== undefined) {
      listener(reason);
      return nothing;
    }
    this.#watch();
    this.#listeners ??= [];
    this.#listeners.push(listener);
    return () => {
      const listeners = this.#listeners ?? [];
      // Mostly who came last leaves first.
      if (listeners.at(-1) === listener) {
        listeners.pop();
        return;
      }
      const at = listeners.indexOf(listener);
      if (at >= 0) listeners.splice(at, 1);
    };
  }

  /** Why this scope has ended; `undefined` while it lives. */
  reason(): FairleadError | undefined {
    // Work that settles is the rule, and nobody asks for its reason: it is made for who does.
    if (this.#reason === SETTLED) this.#reason = settled();
    if (this.#reason !== undefined) return this.#reason;
    const inherited = this.#parent?.reason();
    if (inherited !== undefined) this.end(inherited);
    else if (this.#outer?.aborted) this.end(asReason(this.#outer.reason));
    else if (this.#ownEnd && this.remainingMs() === 0) this.end(deadlineExceeded());
    else return undefined;
    return this.reason();
  }

  /** Ends it because its work has settled. Idempotent. */
  settle(): void {
    if (this.#reason === undefined) this.#finish(SETTLED);
  }

  /** Ends this scope and everything below it. Idempotent: the first reason stays. */
  end(reason: FairleadError): void {
    if (this.#reason === undefined) this.#finish(reason);
  }

  #finish(end: FairleadError | typeof SETTLED): void {
    this.#reason = end;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#siblings?.remove(this.#slot);
    if (this.#onOuterAbort !== undefined) this.#outer?.removeEventListener('abort', this.#onOuterAbort);
    const children = this.#children;
    const listeners = this.#listeners;
    this.#children = undefined;
    this.#listeners = undefined;
    // Nobody is there to be told: no reason is made.
    if (this.#controller === undefined && !children?.size && !listeners?.length) return;
    const reason = this.reason();
    // It has just been given one.
    if (reason === undefined) return;
    this.#controller?.abort(reason);
    if (listeners !== undefined) for (const listener of listeners) listener(reason);
    if (children !== undefined) for (const child of children) child.end(reason);
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    if (this.#parent !== undefined) {
      // The parent must notice its own end for us to hear of it.
      this.#parent.#watch();
      this.#parent.#children ??= new Slots();
      this.#siblings = this.#parent.#children;
      this.#slot = this.#siblings.add(this);
    }
    if (this.#onOuterAbort !== undefined) this.#outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
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

function settled(): FairleadError {
  return new FairleadError(
    CORE_ERRORS.CANCELLED,
    'CANCELLED',
    'The work that this belonged to has settled; what must outlive it needs a Context of its own (see continueFrom).',
  );
}

function deadlineExceeded(): FairleadError {
  return new FairleadError(CORE_ERRORS.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', 'The deadline of this work passed.');
}
