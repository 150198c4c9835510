import type { FairleadError } from '@fairlead/core';

/** How an attempt's work is told that it must stop, and why: what most attempts never need. */
export class AttemptEnd {
  #reason: FairleadError | undefined;
  #controller: AbortController | undefined;
  #listeners: ((reason: FairleadError) => void)[] | undefined;

  /** `undefined` while the work need not stop. */
  get reason(): FairleadError | undefined {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** As `Context.onEnd`. */
  onEnd(listener: (reason: FairleadError) => void): () => void {
    if (this.#reason !== undefined) {
      listener(this.#reason);
      return nothing;
    }
    const listeners = (this.#listeners ??= []);
    listeners.push(listener);
    return () => {
      const at = listeners.indexOf(listener);
      if (at >= 0) listeners.splice(at, 1);
    };
  }

  /** Tells whoever listens. The first reason stays. */
  tell(reason: FairleadError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    this.#controller?.abort(reason);
    // A copy: whoever is told may have others leave.
    if (listeners !== undefined) for (const listener of listeners.slice()) listener(reason);
  }
}

function nothing(): void {
  // There was nobody to leave.
}
