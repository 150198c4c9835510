import type { Clock, Timer } from '@fairlead/core';

/** Due times are sums; what the last binary digit of one says is not worth a timer. */
const ROUNDING_MS = 1e-6;
/** Microtasks that fresh work gets to settle before it is watched: one for its own promise, others for what it awaited. */
const GRACE_TURNS = 3;
const SOON = Promise.resolve();

/** Something with an end, or a pause, in time. A base class, so that the thing itself is the entry: nothing is allocated. */
export abstract class WakeUp {
  /** Monotonic time at which it is to wake, also while it doesn't wait. */
  dueMs = Infinity;
  /** Position among the waiting; −1 while it doesn't wait. */
  index = -1;

  /** Its time has come; it waits no longer. Must not throw. */
  abstract wake(nowMs: number): void;
}

/** Work that has just begun, and needs watching only if it doesn't settle at once. */
export interface Fresh {
  readonly isSettled: boolean;
  /** Called when it hasn't settled within a few microtasks. */
  watch(): void;
}

/**
 * The ends and pauses of all calls of a policy behind one timer of the clock, set for the earliest. The timer goes as
 * soon as nothing waits, so an idle policy has none and doesn't keep a process alive.
 *
 * Most of what costs time about deadlines is setting timers that never run. Work that settles within the microtasks
 * that follow its beginning can't be interrupted by time anyway: it gets no timer, and no listener for its caller's end.
 */
export class WakeUps {
  readonly #clock: Clock;
  readonly #heap: WakeUp[] = [];
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #fresh: Fresh[] = [];
  #spare: Fresh[] = [];
  #turnsLeft = 0;
  readonly #onTurn = (): void => this.#turn();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** Wakes `entry` at `dueMs`; one that waits already is moved. `Infinity` is never. */
  set(entry: WakeUp, dueMs: number): void {
    this.remove(entry);
    if (dueMs === Infinity) return;
    entry.dueMs = dueMs;
    this.#up(entry, this.#heap.length);
    if (dueMs < this.#timerDueMs) this.#arm(dueMs);
  }

  /** Idempotent. */
  remove(entry: WakeUp): void {
    const index = entry.index;
    if (index < 0) return;
    entry.index = -1;
    const last = this.#heap.pop();
    if (last !== undefined && last !== entry) {
      this.#down(last, index);
      if (last.index === index) this.#up(last, index);
    }
    // A timer for what has gone runs for nothing, once, and is set anew; only the last one takes it along.
    if (this.#heap.length === 0) this.#disarm();
  }

  /** Has `fresh.watch` called unless it settles within a few microtasks. */
  watchSoon(fresh: Fresh): void {
    this.#fresh.push(fresh);
    if (this.#turnsLeft > 0) return;
    this.#turnsLeft = GRACE_TURNS;
    void SOON.then(this.#onTurn);
  }

  #turn(): void {
    const fresh = this.#fresh;
    let left = 0;
    for (const each of fresh) if (!each.isSettled) fresh[left++] = each;
    fresh.length = left;
    this.#turnsLeft = left === 0 ? 0 : this.#turnsLeft - 1;
    if (left === 0) return;
    if (this.#turnsLeft > 0) {
      void SOON.then(this.#onTurn);
      return;
    }
    // What is watched may hear of its end at once, and whoever hears of that may begin something new.
    this.#fresh = this.#spare;
    this.#spare = fresh;
    for (const each of fresh) each.watch();
    fresh.length = 0;
  }

  #arm(dueMs: number): void {
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.monotonic()), () => this.#run());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
  }

  #run(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    let first = this.#heap[0];
    while (first !== undefined && first.dueMs <= nowMs + ROUNDING_MS) {
      this.remove(first);
      // Whoever is set meanwhile needs no timer of its own: the next one is set below.
      this.#timerDueMs = -Infinity;
      first.wake(nowMs);
      first = this.#heap[0];
    }
    this.#timerDueMs = Infinity;
    if (first !== undefined) this.#arm(first.dueMs);
  }

  #up(entry: WakeUp, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      this.#heap[index] = parent;
      parent.index = index;
      index = above;
    }
    this.#heap[index] = entry;
    entry.index = index;
  }

  #down(entry: WakeUp, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      if (left === undefined) break;
      const child = right !== undefined && right.dueMs < left.dueMs ? right : left;
      if (entry.dueMs <= child.dueMs) break;
      const below = child.index;
      this.#heap[index] = child;
      child.index = index;
      index = below;
    }
    this.#heap[index] = entry;
    entry.index = index;
  }
}
