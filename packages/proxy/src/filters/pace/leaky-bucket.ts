/** What is asked of a bucket. */
export interface BucketRules {
  /** What runs out of it, in requests a millisecond. */
  readonly perMs: number;
  /** What it holds beyond the one that is under way, in requests. */
  readonly burst: number;
  /** So many of these go on at once; who comes after them waits for its turn. */
  readonly delayAfter: number;
  /** Of how many keys count is kept. */
  readonly maxKeys: number;
}

interface Level {
  /** In requests. */
  readonly excess: number;
  readonly atMs: number;
}

/**
 * Leaky buckets, one for each key (Turner, "New directions in communications", 1986), as nginx's `limit_req` keeps them: what is
 * in a bucket runs out at the rate, each request that is let in adds one, and one for which there is no room is turned
 * away and adds nothing.
 */
export class LeakyBuckets {
  readonly #rules: BucketRules;
  /** The one that was asked longest ago comes first. */
  readonly #levels = new Map<string, Level>();

  constructor(rules: BucketRules) {
    this.#rules = rules;
  }

  /**
   * Whether a request may go on, and when.
   * @returns how long it waits for its turn, in milliseconds; `undefined` when there is no room for it
   */
  admit(key: string, nowMs: number): number | undefined {
    const { perMs, burst, delayAfter, maxKeys } = this.#rules;
    const before = this.#levels.get(key);
    const excess = before === undefined ? 0 : Math.max(0, before.excess - (nowMs - before.atMs) * perMs + 1);
    if (excess > burst) return undefined;
    this.#levels.delete(key);
    this.#levels.set(key, { excess, atMs: nowMs });
    if (this.#levels.size > maxKeys) {
      const [oldest] = this.#levels.keys();
      if (oldest !== undefined) this.#levels.delete(oldest);
    }
    return excess <= delayAfter ? 0 : (excess - delayAfter) / perMs;
  }
}
