import type { OutcomeWindow } from './outcome-window.ts';

const FAILED = 1;
const SLOW = 2;

/** The latest so many calls, however long ago they were. One byte a call. */
export class CountWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #ring: Uint8Array;
  /** Where the next call goes, and where the oldest stands once the ring is full. */
  #next = 0;

  /** @param size how many calls, at least 1 */
  constructor(size: number) {
    this.#ring = new Uint8Array(size);
  }

  add(failed: boolean, slow: boolean): void {
    const ring = this.#ring;
    const at = this.#next;
    if (this.calls < ring.length) this.calls++;
    else {
      const oldest = ring[at] ?? 0;
      if ((oldest & FAILED) !== 0) this.failures--;
      if ((oldest & SLOW) !== 0) this.slow--;
    }
    ring[at] = (failed ? FAILED : 0) | (slow ? SLOW : 0);
    if (failed) this.failures++;
    if (slow) this.slow++;
    this.#next = at + 1 === ring.length ? 0 : at + 1;
  }

  advance(): void {
    // Calls are forgotten by calls, not by time.
  }

  clear(): void {
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }
}
