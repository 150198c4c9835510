import type { Clock, Random } from '@fairlead/core';

/**
 * One life of a simulated process. When it is killed nothing of it runs on: its timers never fire, and what it waits
 * for never settles, as nothing does in a process that is gone.
 */
export interface SimulatedProcess {
  readonly name: string;
  /** Which life this is, from 1. */
  readonly life: number;
  readonly alive: boolean;
  /** The platform's clock, deaf to timers of the dead. */
  readonly clock: Clock;
  /** A stream of its own, so that one process drawing more does not change another's luck. */
  readonly random: Random;
  /** Passes `promise` on while the process lives; never settles afterwards. */
  whileAlive<T>(promise: Promise<T>): Promise<T>;
  /** Runs `fn` at the kill, for what the world must clean up in the place of the dead. */
  onKill(fn: () => void): void;
  /** Idempotent. */
  kill(): void;
}

/** Starts a life of `name` under `clock`. */
export function simulatedProcess(name: string, life: number, clock: Clock, random: Random): SimulatedProcess {
  const killed: (() => void)[] = [];
  let alive = true;

  const setTimer: Clock['setTimer'] = (delayMs, fn) => clock.setTimer(delayMs, () => void (alive && fn()));

  const own: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer,
    sleep: (delayMs, signal) => process.whileAlive(clock.sleep(delayMs, signal)),
  };

  const process: SimulatedProcess = {
    name,
    life,
    clock: own,
    random,
    get alive() {
      return alive;
    },
    whileAlive: (promise) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => void (alive && resolve(value)),
          (error: unknown) => void (alive && reject(error)),
        );
      }),
    onKill: (fn) => void killed.push(fn),
    kill() {
      if (!alive) return;
      alive = false;
      for (const fn of killed) fn();
    },
  };
  return process;
}
