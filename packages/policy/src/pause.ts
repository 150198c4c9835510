import { WakeUp } from './wake-ups.ts';

/** The time before the next attempt, be it a retry or a hedge. */
export class Pause extends WakeUp {
  readonly #over: (nowMs: number) => void;

  constructor(over: (nowMs: number) => void) {
    super();
    this.#over = over;
  }

  override wake(nowMs: number): void {
    this.#over(nowMs);
  }
}
