import type { ResolvedBudget } from './budget-options.ts';

/** What a budget says of itself. */
export interface RetryBudgetState {
  /** Further attempts that could be paid now. */
  readonly balance: number;
  /** Calls that still count. */
  readonly deposits: number;
  /** Further attempts that were paid and still count. */
  readonly withdrawals: number;
  /** Further attempts refused since the beginning. */
  readonly refused: number;
}

const SLICES = 10;
/** Sums of tenths are not exact: ten deposits of 0.1 must pay for one attempt. */
const EPSILON = 1e-9;

/**
 * Bounds what retries and hedges add to the load of one destination. A call deposits a share of an attempt, a further
 * attempt takes a whole one, both are forgotten after `ttlMs`; a reserve is always there besides. So at every withdrawal
 * the withdrawals of the last `ttlMs` are at most `reserve + ratio × deposits` of that time, which no number of failing
 * calls changes. The model is Finagle's `RetryBudget`, with counts kept in ten slices of time.
 *
 * Policies that call the same destination share one.
 */
export class RetryBudget {
  readonly #options: ResolvedBudget;
  readonly #sliceMs: number;
  readonly #deposits = new Float64Array(SLICES);
  readonly #withdrawals = new Float64Array(SLICES);
  #deposited = 0;
  #withdrawn = 0;
  #refused = 0;
  /** Number of the current slice since the origin of time. */
  #slice = -Infinity;
  #sliceEndMs = -Infinity;
  /** The current slice's place in the arrays. */
  #at = 0;

  constructor(options: ResolvedBudget) {
    this.#options = options;
    this.#sliceMs = options.ttlMs / SLICES;
  }

  /** A call begins: its first attempt pays in. */
  deposit(nowMs: number): void {
    if (nowMs >= this.#sliceEndMs) this.#turnTo(nowMs);
    this.#deposits[this.#at] = (this.#deposits[this.#at] ?? 0) + 1;
    this.#deposited++;
  }

  /** Whether a further attempt can be paid; then it is. */
  tryWithdraw(nowMs: number): boolean {
    if (this.#balance(nowMs) < 1 - EPSILON) {
      this.#refused++;
      return false;
    }
    this.#withdrawals[this.#at] = (this.#withdrawals[this.#at] ?? 0) + 1;
    this.#withdrawn++;
    return true;
  }

  /**
   * Milliseconds until the oldest of what has been paid is forgotten; 0 when a further attempt can be paid now, and the
   * whole ttl when there is nothing to wait for but new calls. An estimate: deposits are forgotten too, and new ones come.
   */
  retryAfterMs(nowMs: number): number {
    if (this.#balance(nowMs) >= 1 - EPSILON) return 0;
    for (let age = SLICES - 1; age >= 0; age--) {
      const at = (this.#at + SLICES - age) % SLICES;
      if ((this.#withdrawals[at] ?? 0) > 0) return this.#sliceEndMs + (SLICES - 1 - age) * this.#sliceMs - nowMs;
    }
    return this.#options.ttlMs;
  }

  inspect(nowMs: number): RetryBudgetState {
    return {
      balance: Math.max(0, Math.floor(this.#balance(nowMs) + EPSILON)),
      deposits: this.#deposited,
      withdrawals: this.#withdrawn,
      refused: this.#refused,
    };
  }

  #balance(nowMs: number): number {
    if (nowMs >= this.#sliceEndMs) this.#turnTo(nowMs);
    return this.#options.reserve + this.#options.ratio * this.#deposited - this.#withdrawn;
  }

  /** Forgets the slices that have passed. */
  #turnTo(nowMs: number): void {
    const slice = Math.floor(nowMs / this.#sliceMs);
    for (let left = Math.min(SLICES, slice - this.#slice); left > 0; left--) {
      this.#at = (this.#at + 1) % SLICES;
      this.#deposited -= this.#deposits[this.#at] ?? 0;
      this.#withdrawn -= this.#withdrawals[this.#at] ?? 0;
      this.#deposits[this.#at] = 0;
      this.#withdrawals[this.#at] = 0;
    }
    this.#slice = slice;
    this.#sliceEndMs = (slice + 1) * this.#sliceMs;
  }
}
