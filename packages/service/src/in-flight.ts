import type { Clock } from '@fairlead/core';

/** Counts work that has not settled, and waits for it. */
export interface InFlight {
  readonly count: number;
  /** Counts `work` until it settles; returns it. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Counts one more until the function that it returns is called, once. */
  begin(): () => void;
  /** Resolves to whether everything settled within `timeoutMs`; 0 doesn't wait. */
  settled(timeoutMs: number): Promise<boolean>;
}

/** Nothing under way. */
export function inFlight(clock: Clock): InFlight {
  let count = 0;
  const waiting = new Set<() => void>();

  function begin(): () => void {
    count++;
    return done;
  }

  function done(): void {
    count--;
    if (count === 0) for (const wake of waiting) wake();
  }

  return {
    get count() {
      return count;
    },
    track(work) {
      const done = begin();
      work.then(done, done);
      return work;
    },
    begin,
    settled(timeoutMs) {
      if (count === 0 || timeoutMs <= 0) return Promise.resolve(count === 0);
      return new Promise((resolve) => {
        const end = (quiet: boolean) => {
          timer.cancel();
          waiting.delete(wake);
          resolve(quiet);
        };
        const wake = () => end(true);
        const timer = clock.setTimer(timeoutMs, () => end(false));
        waiting.add(wake);
      });
    },
  };
}
