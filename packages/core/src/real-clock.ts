import { FairleadError, CORE_ERRORS } from './errors.ts';
import type { Clock, Timer } from './clock.ts';
import { sleepOn } from './sleep.ts';

/** The longest delay that a Node timer takes; longer ones run at once, so they are waited in parts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The machine's clock. For process entry points; everything else is given a Clock.
 *
 * A timer never runs early: Node's may fire up to a millisecond before its time, and then the rest is waited. It may
 * run late, as late as the event loop is busy. Timers keep the process alive until they have run or are cancelled.
 */
export function realClock(): Clock {
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer: (delayMs, fn) => setRealTimer(delayMs, fn),
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
  };
  return clock;
}

function setRealTimer(delayMs: number, fn: () => void): Timer {
  checkDelay(delayMs);
  return new RealTimer(delayMs, fn);
}

class RealTimer implements Timer {
  readonly #dueMs: number;
  readonly #fn: () => void;
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, fn: () => void) {
    this.#dueMs = performance.now() + delayMs;
    this.#fn = fn;
    this.#handle = this.#wait(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #wait(leftMs: number): NodeJS.Timeout {
    return setTimeout(RealTimer.#look, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS), this);
  }

  static #look(timer: RealTimer): void {
    const leftMs = timer.#dueMs - performance.now();
    if (leftMs > 0) timer.#handle = timer.#wait(leftMs);
    else timer.#fn();
  }
}

/**
 * Refuses a delay that is not a number ≥ 0. `Infinity` is allowed: such a timer never runs.
 * @throws MISCONFIGURED
 */
export function checkDelay(delayMs: number): void {
  if (!(delayMs >= 0)) {
    throw new FairleadError(
      CORE_ERRORS.MISCONFIGURED,
      'MISCONFIGURED',
      `A timer can't wait ${delayMs} ms; give a number of milliseconds that is 0 or more.`,
    );
  }
}
