import { type Clock, type Due, DueHeap, NOWHERE, type Timer } from '@fairlead/core';
import { Followers, type Followed } from './follower.ts';
import { TurnClock } from './turn-clock.ts';

/** Due times are sums; what the last binary digit of one says is not worth a timer. */
const ROUNDING_MS = 1e-6;
const SETTLED = Promise.resolve();

/** Something with an end, or a pause, in monotonic time. It is the entry itself: nothing is allocated for it. */
export interface WakeUp extends Due {
  /** Its time has come; it waits no longer. Must not throw. */
  wake(nowMs: number): void;
}

/**
 * The ends and pauses of all calls of a policy behind one timer of the clock, set for the earliest.
 *
 * Most of what costs time about deadlines is setting timers that never run. So there is one look a turn of the event
 * loop, when its microtasks have run dry. Work that has settled by then could not be interrupted by time anyway: it gets
 * no timer, and no listener for its caller's end. And only then does the timer go, if nothing waits any more, so that an
 * idle policy has none and doesn't keep a process alive, and a busy one keeps it from one call to the next.
 */
export class WakeUps {
  /** What its turns end. */
  readonly turn: TurnClock;
  readonly #clock: Clock;
  readonly #heap = new DueHeap<WakeUp>();
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  readonly #followers = new Followers();
  #willLook = false;
  readonly #onLook = (): void => this.#look();
  /** A tick that a microtask asks for comes when no microtask is left; anybody else's would come before them. */
  readonly #onMicrotask = (): void => process.nextTick(this.#onLook);

  constructor(clock: Clock) {
    this.#clock = clock;
    this.turn = new TurnClock(clock);
  }

  /** How many wait. */
  get size(): number {
    return this.#heap.size;
  }

  /** Wakes `entry` at `dueMs`; one that waits already is moved. `Infinity` is never. The time is asked for, if not given. */
  set(entry: WakeUp, dueMs: number, nowMs?: number): void {
    this.remove(entry);
    if (dueMs === Infinity) return;
    entry.dueMs = dueMs;
    this.#heap.add(entry);
    if (dueMs < this.#timerDueMs) this.#arm(dueMs, nowMs);
  }

  /** Idempotent. */
  remove(entry: WakeUp): void {
    if (entry.index === NOWHERE) return;
    this.#heap.remove(entry);
    // A timer for what has gone runs for nothing, once, and is set anew; only the last one takes it along.
    if (this.#heap.size === 0) this.#lookSoon();
  }

  /** Tells `followed` how `work` ends; before that, if it has not settled when the microtasks have run dry, to watch. */
  follow(work: Promise<unknown>, followed: Followed): void {
    this.#followers.follow(work, followed);
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#willLook) return;
    this.#willLook = true;
    this.turn.willEnd();
    void SETTLED.then(this.#onMicrotask);
  }

  #look(): void {
    this.#willLook = false;
    this.turn.renew();
    this.#followers.watch();
    this.turn.end();
    if (this.#heap.size === 0) this.#disarm();
  }

  #arm(dueMs: number, nowMs = this.turn.nowMs()): void {
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - nowMs), () => this.#run());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
  }

  #run(): void {
    this.#timer = undefined;
    let nowMs = this.turn.nowMs();
    let { first } = this.#heap;
    while (first !== undefined && first.dueMs <= nowMs + ROUNDING_MS) {
      this.remove(first);
      // Whoever is set meanwhile needs no timer of its own: the next one is set below.
      this.#timerDueMs = -Infinity;
      first.wake(nowMs);
      // Whatever it has begun may have kept the process busy, and the next begins no earlier.
      nowMs = this.turn.nowMs();
      ({ first } = this.#heap);
    }
    this.#timerDueMs = Infinity;
    if (first !== undefined) this.#arm(first.dueMs);
  }
}
