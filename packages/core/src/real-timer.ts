import { performance } from 'node:perf_hooks';
import type { Timer } from './clock.ts';
import { Slots } from './slots.ts';

/** The longest delay that a Node timer takes; longer ones run at once, so they are waited in parts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Delays from here on share Node's timers. */
const SHARED_FROM_MS = 250;
const SHARE_MS = 100;

/**
 * Sets timers on Node's. Deadlines are set by every request and nearly all of them are cancelled, so long delays first
 * wait in a share with others that are due in the same tenth of a second; only those that are still there when it
 * begins get a timer of their own, to the millisecond.
 */
export function realTimers(): (delayMs: number, fn: () => void) => Timer {
  const shares = new Map<number, Share>();

  function shareOf(dueMs: number): Share {
    const tick = Math.floor(dueMs / SHARE_MS);
    const known = shares.get(tick);
    if (known !== undefined) return known;
    const share = new Share(tick * SHARE_MS, () => shares.delete(tick));
    shares.set(tick, share);
    return share;
  }

  return (delayMs, fn) => {
    const dueMs = performance.now() + delayMs;
    if (delayMs < SHARED_FROM_MS || delayMs > LONGEST_TIMER_MS) return new RealTimer(dueMs, delayMs, fn);
    return new RealTimer(dueMs, shareOf(dueMs), fn);
  };
}

/** Timers that wait for the same time to come. Keeps the process alive as long as it has one. */
class Share {
  readonly #timers = new Slots<RealTimer>();
  readonly #handle: NodeJS.Timeout;

  constructor(beginsAtMs: number, onBegin: () => void) {
    this.#handle = setTimeout(
      () => {
        onBegin();
        for (const timer of this.#timers) timer.waitAlone();
      },
      Math.max(1, Math.floor(beginsAtMs - performance.now())),
    );
  }

  add(timer: RealTimer): number {
    if (this.#timers.size === 0) this.#handle.ref();
    return this.#timers.add(timer);
  }

  remove(slot: number): void {
    this.#timers.remove(slot);
    if (this.#timers.size === 0) this.#handle.unref();
  }
}

class RealTimer implements Timer {
  readonly #dueMs: number;
  readonly #fn: () => void;
  #handle: NodeJS.Timeout | undefined;
  /** Where it still waits with others, and in which slot. */
  #share: Share | undefined;
  #slot = 0;

  constructor(dueMs: number, where: Share | number, fn: () => void) {
    this.#dueMs = dueMs;
    this.#fn = fn;
    if (typeof where === 'number') this.#set(where);
    else {
      this.#share = where;
      this.#slot = where.add(this);
    }
  }

  cancel(): void {
    this.#share?.remove(this.#slot);
    this.#share = undefined;
    clearTimeout(this.#handle);
  }

  waitAlone(): void {
    this.#share = undefined;
    this.#set(this.#dueMs - performance.now());
  }

  #set(leftMs: number): void {
    this.#handle = setTimeout(RealTimer.#look, Math.min(Math.max(0, Math.ceil(leftMs)), LONGEST_TIMER_MS), this);
  }

  static #look(timer: RealTimer): void {
    if (timer.#dueMs > performance.now()) timer.waitAlone();
    else timer.#fn();
  }
}
