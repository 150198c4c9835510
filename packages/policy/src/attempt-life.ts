import type { Context, FairleadError } from '@fairlead/core';
import { WakeUp } from './wake-ups.ts';

/**
 * The life of one attempt: when it must end, and whether it has. What `Scope` is to a Context, made for the inside of a
 * loop: the AbortController, listeners and everything else that only some work asks for are made when it asks.
 */
export abstract class AttemptLife extends WakeUp {
  /** The caller's. */
  readonly parent: Context;
  #reason: FairleadError | undefined;
  #controller: AbortController | undefined;
  #listeners: ((reason: FairleadError) => void)[] | undefined;

  constructor(parent: Context) {
    super();
    this.parent = parent;
  }

  /** Monotonic time; `Infinity` for never. */
  get endsAtMs(): number {
    return this.dueMs;
  }

  /** Makes sure that the end is noticed when it comes. Idempotent; does nothing once the work has settled. */
  abstract watch(): void;
  abstract nowMs(): number;

  /** Why the work must stop; `undefined` while it need not. True to the clock while the event loop is too busy for timers. */
  reason(): FairleadError | undefined {
    if (this.#reason === undefined && this.endsAtMs !== Infinity) {
      const nowMs = this.nowMs();
      if (nowMs >= this.endsAtMs) this.wake(nowMs);
    }
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.watch();
      this.#controller = new AbortController();
      const reason = this.reason();
      if (reason !== undefined) this.#controller.abort(reason);
    }
    return this.#controller.signal;
  }

  /** As `Context.onEnd`. */
  onEnd(listener: (reason: FairleadError) => void): () => void {
    this.watch();
    const reason = this.reason();
    if (reason !== undefined) {
      listener(reason);
      return nothing;
    }
    const listeners = (this.#listeners ??= []);
    listeners.push(listener);
    return () => {
      const at = listeners.indexOf(listener);
      if (at >= 0) listeners.splice(at, 1);
    };
  }

  /** Whether anybody would hear of the end. */
  get isHeard(): boolean {
    return this.#controller !== undefined || this.#listeners !== undefined;
  }

  /** Ends it and tells whoever listens. The first reason stays. */
  protected end(reason: FairleadError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    this.#controller?.abort(reason);
    if (listeners !== undefined) for (const listener of [...listeners]) listener(reason);
  }
}

function nothing(): void {
  // There was nobody to leave.
}
