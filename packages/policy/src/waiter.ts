import type { Timer } from '@fairlead/core';
import type { GateRefusal } from './gate.ts';

/** Somebody in a queue, and its place there. */
export class Waiter<Claim> {
  readonly claim: Claim;
  /** How many slots it wants. */
  readonly width: number;
  readonly sinceMs: number;
  /** When it gives up. */
  readonly untilMs: number;
  /** Counts the waiters of a gate: who came first. */
  readonly order: number;
  /** The line's note about when it came; see FairLine. */
  mark = 0;
  /** Its neighbours, kept by the list that it stands in. */
  before: Waiter<Claim> | undefined;
  after: Waiter<Claim> | undefined;
  /** Whether it stands in a list. */
  listed = false;
  timer: Timer | undefined;
  stopListening: (() => void) | undefined;
  readonly #resolve: (answer: number | GateRefusal) => void;

  constructor(
    facts: {
      readonly claim: Claim;
      readonly width: number;
      readonly sinceMs: number;
      readonly untilMs: number;
      readonly order: number;
    },
    resolve: (answer: number | GateRefusal) => void,
  ) {
    this.claim = facts.claim;
    this.width = facts.width;
    this.sinceMs = facts.sinceMs;
    this.untilMs = facts.untilMs;
    this.order = facts.order;
    this.#resolve = resolve;
  }

  /** Ends the waiting, leaving neither timer nor listener. */
  settle(answer: number | GateRefusal): void {
    this.timer?.cancel();
    this.stopListening?.();
    this.#resolve(answer);
  }
}

/** Waiters in the order of their coming; anybody may leave, at the same price. */
export class WaitList<Claim> {
  first: Waiter<Claim> | undefined;
  last: Waiter<Claim> | undefined;
  size = 0;

  push(waiter: Waiter<Claim>): void {
    waiter.before = this.last;
    waiter.listed = true;
    if (this.last === undefined) this.first = waiter;
    else this.last.after = waiter;
    this.last = waiter;
    this.size += 1;
  }

  /** The waiter must be in this list. */
  remove(waiter: Waiter<Claim>): void {
    const { before, after } = waiter;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    waiter.before = undefined;
    waiter.after = undefined;
    waiter.listed = false;
    this.size -= 1;
  }
}
