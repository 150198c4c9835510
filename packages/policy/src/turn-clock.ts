import type { Clock } from '@fairlead/core';

/** How often one stamp is given: awaits of what has settled follow each other for ever without the turn ending. */
const MOST_GIVEN = 32;

/**
 * The monotonic clock of one policy, of which a look costs more than most of what a call does. So besides the time there
 * is a stamp: what the clock said at a look that was taken earlier in the same turn of the event loop, for at most
 * `MOST_GIVEN` askers. A stamp is never later than the time, never from before the turn, and never before a time that was
 * given earlier; how much it is behind is how long this process has been busy since the look.
 *
 * Good for telling in which part of a window something happened, and whether work took long. Not for what must not be early
 * (timers, deadlines, pauses) nor for rates: a stamp at the beginning of a stretch makes it longer than it was.
 *
 * On a clock that is stepped the two are the same.
 */
export class TurnClock {
  /** Whether what was given last was read from the clock for that. */
  isExact = true;
  readonly #clock: Clock;
  readonly #mostGiven: number;
  #stampMs = 0;
  /** How often the stamp may still be given. */
  #left = 0;
  #willEnd = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#mostGiven = clock.isStepped === true ? 0 : MOST_GIVEN;
  }

  /** The time. */
  nowMs(): number {
    const nowMs = this.#clock.monotonic();
    this.#stampMs = nowMs;
    this.#left = this.#willEnd ? this.#mostGiven : 0;
    this.isExact = true;
    return nowMs;
  }

  /** A stamp, if there is one that may be given; the time otherwise. */
  stampMs(): number {
    if (this.#left === 0) return this.nowMs();
    this.#left--;
    this.isExact = false;
    return this.#stampMs;
  }

  /** Somebody will say when this turn ends: from now on a look is good for more than one. */
  willEnd(): void {
    this.#willEnd = true;
  }

  /** Whoever asks next is given the time. */
  renew(): void {
    this.#left = 0;
  }

  /** The turn has ended. */
  end(): void {
    this.#willEnd = false;
    this.#left = 0;
  }
}
