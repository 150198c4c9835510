import type { Clock, Timer } from '@fairlead/core';
import type { LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import type { RequestFacts } from './request-facts.ts';

/** A request that waits for the answer to another one. */
export interface Waiter {
  readonly passage: Passage;
  readonly facts: RequestFacts;
}

/** What a waiter may be given; `undefined`: it goes by itself. */
export type Shared = (waiter: Waiter) => LocalAnswer | undefined;

interface Waiting extends Waiter {
  readonly resolve: (verdict: Verdict) => void;
  readonly timer: Timer;
}

/**
 * One request that is under way for several: the others wait for its head, at most so long, and are then given what it brings, or go
 * by themselves.
 */
export class Flight {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #waiting = new Map<Passage, Waiting>();
  #shared: Shared | undefined;

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** What it is given: at once, when there is something for whoever comes. */
  join(waiter: Waiter): Verdict | Promise<Verdict> {
    if (this.#shared !== undefined) return this.#shared(waiter);
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const timer = this.#clock.setTimer(this.#waitMs, () => this.#settle(waiter.passage, undefined));
    this.#waiting.set(waiter.passage, { ...waiter, resolve, timer });
    return promise;
  }

  /** It has gone away. */
  leave(passage: Passage): void {
    this.#settle(passage, undefined);
  }

  /** Gives all of them, and whoever comes later, what is there for them. How many were given something. */
  share(shared: Shared): number {
    this.#shared = shared;
    let count = 0;
    for (const waiting of this.#waiting.values()) {
      const answer = shared(waiting);
      if (answer !== undefined) count += 1;
      this.#settle(waiting.passage, answer);
    }
    return count;
  }

  /** Nobody is given anything. */
  disperse(): void {
    this.share(() => undefined);
  }

  /** Its leader is lost: who has waited longest goes on, for the others too. That one; `undefined` when nobody waits. */
  succeed(): Passage | undefined {
    const [next] = this.#waiting.keys();
    return next;
  }

  #settle(passage: Passage, verdict: Verdict): void {
    const waiting = this.#waiting.get(passage);
    if (waiting === undefined) return;
    this.#waiting.delete(passage);
    waiting.timer.cancel();
    waiting.resolve(verdict);
  }
}
