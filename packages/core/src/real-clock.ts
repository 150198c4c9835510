// The global of this name is a getter that checks itself at each reading, for some 20 ns.
import { performance } from 'node:perf_hooks';
import { FairleadError, CORE_ERRORS } from './errors.ts';
import type { Clock } from './clock.ts';
import { realTimers } from './real-timer.ts';
import { sleepOn } from './sleep.ts';

/**
 * The machine's clock. For process entry points; everything else is given a Clock.
 *
 * A timer never runs early: Node's may fire up to a millisecond before its time, and then the rest is waited. It may
 * run late, as late as the event loop is busy. Timers keep the process alive until they have run or are cancelled.
 */
export function realClock(): Clock {
  const setTimer = realTimers();
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer(delayMs, fn) {
      checkDelay(delayMs);
      return setTimer(delayMs, fn);
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
  };
  return clock;
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
