import type { Clock } from '@fairlead/core';

/** Counts work that has not settled, and waits for it. */
export interface InFlight {
  readonly count: number;
  /** Counts `work` until it settles; returns it. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Resolves to whether everything settled within `timeoutMs`; 0 doesn't wait. */
  settled(timeoutMs: number): Promise<boolean>;
}

/** Nothing under way. */
export function inFlight(clock: Clock): InFlight {
  let count = 0;
  const waiting = new Set<() => void>();

  return {
    get count() {
      return count;
    },
    track(work) {
      count++;
      const done = () => {
        count--;
        if (count === 0) for (const wake of waiting) wake();
      };
      work.then(done, done);
      return work;
    },
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
