import { performance } from 'node:perf_hooks';
import type { Timer } from './clock.ts';

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
    const share = shareOf(dueMs);
    return share.add(new RealTimer(dueMs, share, fn));
  };
}

/** Timers that wait for the same time to come. Keeps the process alive as long as it has one. */
class Share {
  readonly #timers = new Set<RealTimer>();
  readonly #handle: NodeJS.Timeout;

  constructor(beginsAtMs: number, onBegin: () => void) {
    this.#handle = setTimeout(
      () => {
        onBegin();
        for (const timer of this.#timers) timer.waitAlone();
        this.#timers.clear();
      },
      Math.max(1, Math.floor(beginsAtMs - performance.now())),
    );
  }

  add(timer: RealTimer): RealTimer {
    if (this.#timers.size === 0) this.#handle.ref();
    this.#timers.add(timer);
    return timer;
  }

  remove(timer: RealTimer): void {
    if (this.#timers.delete(timer) && this.#timers.size === 0) this.#handle.unref();
  }
}

class RealTimer implements Timer {
  readonly #dueMs: number;
  readonly #fn: () => void;
  #waiting: { readonly share: Share } | { readonly handle: NodeJS.Timeout };

  constructor(dueMs: number, where: Share | number, fn: () => void) {
    this.#dueMs = dueMs;
    this.#fn = fn;
    this.#waiting = typeof where === 'number' ? { handle: this.#set(where) } : { share: where };
  }

  cancel(): void {
    if ('share' in this.#waiting) this.#waiting.share.remove(this);
    else clearTimeout(this.#waiting.handle);
  }

  waitAlone(): void {
    this.#waiting = { handle: this.#set(this.#dueMs - performance.now()) };
  }

  #set(leftMs: number): NodeJS.Timeout {
    return setTimeout(RealTimer.#look, Math.min(Math.max(0, Math.ceil(leftMs)), LONGEST_TIMER_MS), this);
  }

  static #look(timer: RealTimer): void {
    if (timer.#dueMs > performance.now()) timer.waitAlone();
    else timer.#fn();
  }
}
