import { NOWHERE } from '@fairlead/core';
import type { WakeUp } from './wake-ups.ts';

/** The time before the next attempt, be it a retry or a hedge. */
export class Pause implements WakeUp {
  dueMs = Infinity;
  index = NOWHERE;
  readonly #over: (nowMs: number) => void;

  constructor(over: (nowMs: number) => void) {
    this.#over = over;
  }

  wake(nowMs: number): void {
    this.#over(nowMs);
  }
}
