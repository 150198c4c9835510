import type { Context, FairleadError } from '@fairlead/core';
import { WakeUp } from './wake-ups.ts';

/**
 * The life of one attempt: when it must end, and whether it has. What `Scope` is to a Context, made for the inside of a
 * loop: the AbortController, listeners and everything else that only some work asks for are made when it asks.
 */
export abstract class AttemptLife extends WakeUp {
  /** The caller's. */
  readonly parent: Context;
  #told: Told | undefined;

  constructor(parent: Context) {
    super();
    this.parent = parent;
  }

  /** Monotonic time; `Infinity` for never. */
  get endsAtMs(): number {
    return this.dueMs;
  }

  /**
   * Makes sure that the caller's end is noticed when it comes; the own end is, a few microtasks after the beginning.
   * Idempotent; does nothing once the work has settled.
   */
  protected abstract watchCaller(): void;
  abstract nowMs(): number;

  /** Why the work must stop; `undefined` while it need not. True to the clock while the event loop is too busy for timers. */
  reason(): FairleadError | undefined {
    if (this.#told?.reason === undefined && this.dueMs !== Infinity) {
      const nowMs = this.nowMs();
      if (nowMs >= this.dueMs) this.wake(nowMs);
    }
    return this.#told?.reason;
  }

  get signal(): AbortSignal {
    const told = (this.#told ??= new Told());
    if (told.controller === undefined) {
      this.watchCaller();
      told.controller = new AbortController();
      const reason = this.reason();
      if (reason !== undefined) told.controller.abort(reason);
    }
    return told.controller.signal;
  }

  /** As `Context.onEnd`. */
  onEnd(listener: (reason: FairleadError) => void): () => void {
    this.watchCaller();
    const reason = this.reason();
    if (reason !== undefined) {
      listener(reason);
      return nothing;
    }
    const listeners = ((this.#told ??= new Told()).listeners ??= []);
    listeners.push(listener);
    return () => {
      const at = listeners.indexOf(listener);
      if (at >= 0) listeners.splice(at, 1);
    };
  }

  /** Whether anybody would hear of the end. */
  get isHeard(): boolean {
    return this.#told !== undefined;
  }

  /** Ends it and tells whoever listens. The first reason stays. */
  protected end(reason: FairleadError): void {
    const told = (this.#told ??= new Told());
    if (told.reason !== undefined) return;
    told.reason = reason;
    const { listeners } = told;
    told.listeners = undefined;
    told.controller?.abort(reason);
    // A copy: whoever is told may have others leave.
    if (listeners !== undefined) for (const listener of listeners.slice()) listener(reason);
  }
}

/** How an end is told, and the end itself: what most attempts never need. */
class Told {
  reason: FairleadError | undefined;
  controller: AbortController | undefined;
  listeners: ((reason: FairleadError) => void)[] | undefined;
}

function nothing(): void {
  // There was nobody to leave.
}
