import { FAILURE, IGNORED, type Outcome } from './outcome.ts';

/** The most probes that a half-open breaker may have. */
export const MOST_PROBES = 1_000;

const FREE = 0;
const OUT = 1;
const SETTLED = 2;

/**
 * The calls that a half-open breaker lets through to find out. Each has a lease: one that isn't heard of until its end
 * counts as failed and slow, so that no hung call can keep the question open. Allocates nothing after it is made.
 */
export class Probes {
  /** What has come back, whether by itself or by the end of its lease. */
  settled = 0;
  failures = 0;
  slow = 0;
  /** How many more may be let through. */
  free: number;
  readonly #leaseMs: number;
  readonly #state: Uint8Array;
  readonly #endsAtMs: Float64Array;

  constructor(size: number, leaseMs: number) {
    this.free = size;
    this.#leaseMs = leaseMs;
    this.#state = new Uint8Array(size);
    this.#endsAtMs = new Float64Array(size);
  }

  /** How many there are to decide by. */
  get size(): number {
    return this.#state.length;
  }

  /** The slot of a new probe, or −1 when all are taken. */
  begin(nowMs: number): number {
    if (this.free === 0) return -1;
    const slot = this.#state.indexOf(FREE);
    this.free--;
    this.#state[slot] = OUT;
    this.#endsAtMs[slot] = nowMs + this.#leaseMs;
    return slot;
  }

  /** What became of a probe; false when it had settled before. One that says nothing gives its slot back. */
  settle(slot: number, outcome: Outcome, slow: boolean): boolean {
    if (this.#state[slot] !== OUT) return false;
    if (outcome === IGNORED) {
      this.#state[slot] = FREE;
      this.free++;
      return true;
    }
    this.#state[slot] = SETTLED;
    this.settled++;
    if (outcome === FAILURE) this.failures++;
    if (slow) this.slow++;
    return true;
  }

  /** When the next lease ends, in monotonic milliseconds; `Infinity` while no probe is out. */
  nextLeaseEndMs(): number {
    const slot = this.#nextToEnd();
    return slot < 0 ? Infinity : (this.#endsAtMs[slot] ?? Infinity);
  }

  /** Ends the next lease: its probe has failed. */
  endNextLease(): void {
    const slot = this.#nextToEnd();
    if (slot >= 0) this.settle(slot, FAILURE, true);
  }

  /** All over again. */
  clear(): void {
    this.settled = 0;
    this.failures = 0;
    this.slow = 0;
    this.free = this.#state.length;
    this.#state.fill(FREE);
  }

  #nextToEnd(): number {
    let next = -1;
    for (let slot = 0; slot < this.#state.length; slot++) {
      if (this.#state[slot] !== OUT) continue;
      if (next < 0 || (this.#endsAtMs[slot] ?? 0) < (this.#endsAtMs[next] ?? 0)) next = slot;
    }
    return next;
  }
}
