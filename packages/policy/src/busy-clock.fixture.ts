import { virtualClock, type Clock, type VirtualClock } from '@fairlead/core';

/** A clock of which time passes by itself, as far as a test sees: while nothing else runs, by being busy. */
export interface BusyClock {
  readonly clock: Clock;
  /** Moves time between turns, and with it timers. */
  readonly virtual: VirtualClock;
  /** The process does something for so long, within a turn; timers don't run meanwhile. */
  busyFor(ms: number): void;
  /** How often the time was asked for. */
  readonly looks: number;
}

export function busyClock(): BusyClock {
  const virtual = virtualClock();
  let busyMs = 0;
  let looks = 0;
  const clock: Clock = {
    ...virtual,
    isStepped: false,
    now: () => virtual.now() + busyMs,
    monotonic: () => (looks++, virtual.monotonic() + busyMs),
  };
  return {
    clock,
    virtual,
    busyFor(ms) {
      busyMs += ms;
    },
    get looks() {
      return looks;
    },
  };
}
