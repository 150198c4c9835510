import type { Clock } from '@fairlead/core';

/** A bell that a loop sleeps by: rung while nobody sleeps, it ends the next sleep at once. */
export class Wakeup {
  #rung = false;
  #wake: (() => void) | undefined;

  /** Ends the sleep, or the next one. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, or after `delayMs`; `Infinity` waits for the ring alone. One sleeper at a time. */
  async sleep(clock: Clock, delayMs: number): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = delayMs === Infinity ? undefined : clock.setTimer(delayMs, resolve);
      await promise;
      timer?.cancel();
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
