import type { Clock, Random } from '@fairlead/core';

/** What a host is like. */
export interface HostOptions {
  /** Mean of the time that a request takes, which has an exponential distribution. */
  readonly meanMs: number;
  /** Requests that it works on at once; the others wait, first come first served. */
  readonly slots: number;
  /** Whether it answers nothing but an error, and that in a millisecond. */
  readonly isFailing: boolean;
}

const FAILURE_MS = 1;

/** A host that serves requests, some at a time. */
export class Host {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: HostOptions;
  readonly #line: ((isOk: boolean) => void)[] = [];
  #busy = 0;
  #pausedUntilMs = 0;

  constructor(clock: Clock, random: Random, options: HostOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** `done` hears when it has been served. */
  serve(done: (isOk: boolean) => void): void {
    if (this.#options.isFailing) {
      this.#clock.setTimer(FAILURE_MS, () => done(false));
      return;
    }
    this.#line.push(done);
    this.#work();
  }

  /** Nothing begins or ends until then. */
  pause(durationMs: number): void {
    this.#pausedUntilMs = this.#clock.monotonic() + durationMs;
  }

  #work(): void {
    while (this.#busy < this.#options.slots) {
      const done = this.#line.shift();
      if (done === undefined) return;
      this.#busy += 1;
      this.#end(-Math.log(1 - this.#random.next()) * this.#options.meanMs, done);
    }
  }

  #end(delayMs: number, done: (isOk: boolean) => void): void {
    this.#clock.setTimer(delayMs, () => {
      const pausedMs = this.#pausedUntilMs - this.#clock.monotonic();
      if (pausedMs > 0) return this.#end(pausedMs, done);
      this.#busy -= 1;
      done(true);
      this.#work();
    });
  }
}
