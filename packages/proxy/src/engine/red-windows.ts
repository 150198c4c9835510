import type { Clock } from '@fairlead/core';
import { NEIGHBOURS, neighbouringCounts, RedWindow, SLOT_MS, type RedCounts } from './red-window.ts';

/**
 * So many requests are counted at once. Of many routes each one's counts are in memory that is far away, and a processor waits for
 * several of them together.
 */
const TOGETHER = 64;

/** What has happened lately to the requests of each route. */
export class RedWindows {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #windows = new Map<string, RedWindow>();
  /** Of the last windows. */
  #counts = neighbouringCounts();
  #made = 0;
  /** Requests that are still to be counted, all of one slot. */
  readonly #pendingWindows: RedWindow[] = [];
  readonly #pendingMs = new Float64Array(TOGETHER);
  #pending = 0;
  #slot = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** That of a route, made once. */
  of(route: string): RedWindow {
    const window = this.#windows.get(route) ?? this.#open();
    this.#windows.set(route, window);
    return window;
  }

  /** A request is over, at `atMs` of monotonic time. */
  ended(window: RedWindow, atMs: number, durationMs: number, status: number, cause: string | undefined): void {
    const slot = Math.floor(atMs / SLOT_MS);
    if (slot !== this.#slot || this.#pending === TOGETHER) this.#countPending();
    this.#slot = slot;
    this.#pendingWindows[this.#pending] = window;
    this.#pendingMs[this.#pending] = durationMs;
    this.#pending += 1;
    if (cause === undefined && status < 500) return;
    this.#countPending();
    window.failed(slot, status, cause);
  }

  /** What happened lately to requests of a route, if there were any. */
  read(route: string): RedCounts | undefined {
    this.#countPending();
    return this.#windows.get(route)?.read(this.#clock.monotonic());
  }

  /** Forgets all but some routes. */
  keepOnly(isKept: (route: string) => boolean): void {
    for (const route of this.#windows.keys()) if (!isKept(route)) this.#windows.delete(route);
  }

  #open(): RedWindow {
    const at = this.#made % NEIGHBOURS;
    if (at === 0 && this.#made > 0) this.#counts = neighbouringCounts();
    this.#made += 1;
    return new RedWindow(this.#clock.monotonic(), this.#counts, at);
  }

  #countPending(): void {
    for (let at = 0; at < this.#pending; at += 1) {
      this.#pendingWindows[at]?.ended(this.#slot, this.#pendingMs[at] ?? 0);
    }
    this.#pending = 0;
  }
}
