import { Gcra } from './gcra.ts';
import type { ResolvedQuota } from './quota-options.ts';
import type { ResolvedRate } from './rate-limit-options.ts';

/** The quotas of this process, as they are now. */
export interface QuotaState {
  readonly by: string;
  /** Who is counted at the moment, apart from tenants with a rate of their own. */
  readonly keys: number;
  readonly maxKeys: number;
  /** Calls of those who came when all places were taken, and who share one quota. */
  readonly overflowed: number;
  readonly admitted: number;
  readonly refused: number;
}

/** How one of many stands with its limit. */
export interface NearLimit {
  readonly key: string;
  /** Share of the burst that is used, from 0 to 1. */
  readonly used: number;
  /** What could be let through at once. */
  readonly available: number;
}

/** How many of the oldest are looked at for one to forget. */
const LOOKS = 8;

/**
 * A limit for each of many, of which only so many are kept. One that has leaked empty is as good as new and can be
 * forgotten; one that hasn't is never forgotten, or its owner would get more than its share by waiting for others to
 * push it out. When no place can be made, newcomers share one limit; who then gets a place of its own brings along what
 * has been let through there, as it may all have been its own.
 */
export class QuotaTable {
  readonly #options: ResolvedQuota;
  /** Tenants with rates of their own are few, as somebody wrote them down; they are never forgotten. */
  readonly #named = new Map<string, Gcra>();
  readonly #limits = new Map<string, Gcra>();
  readonly #overflow: Gcra;
  #overflowed = 0;
  #admitted = 0;
  #refused = 0;

  constructor(options: ResolvedQuota) {
    this.#options = options;
    this.#overflow = new Gcra(options.rate);
  }

  /**
   * The limit of one of them.
   * @param rate from `rateOf`
   */
  limitOf(key: string, rate: ResolvedRate, nowMs: number): Gcra {
    if (rate !== this.#options.rate && this.#options.by === 'tenant') {
      const named = this.#named.get(key) ?? new Gcra(rate);
      this.#named.set(key, named);
      return named;
    }
    const known = this.#limits.get(key);
    if (known !== undefined) return known;
    if (this.#limits.size >= this.#options.maxKeys && !this.#forgetOne(nowMs)) {
      this.#overflowed++;
      return this.#overflow;
    }
    const limit = new Gcra(rate, this.#overflow.debt(nowMs), nowMs);
    this.#limits.set(key, limit);
    return limit;
  }

  /** The rate of who is so called. */
  rateOf(name: string | undefined): ResolvedRate {
    return (name === undefined ? undefined : this.#options.rates.get(name)) ?? this.#options.rate;
  }

  /** Whether a limit is the one that newcomers share. */
  isOverflow(limit: Gcra): boolean {
    return limit === this.#overflow;
  }

  /** Counts a decision. */
  count(isAdmitted: boolean): void {
    if (isAdmitted) this.#admitted++;
    else this.#refused++;
  }

  inspect(): QuotaState {
    return {
      by: this.#options.by,
      keys: this.#limits.size,
      maxKeys: this.#options.maxKeys,
      overflowed: this.#overflowed,
      admitted: this.#admitted,
      refused: this.#refused,
    };
  }

  /**
   * Those who have used at least `share` of their burst, at most `most` of them, the nearest first. Looks at all that are counted: some
   * tens of milliseconds for a million.
   */
  near(nowMs: number, share: number, most: number): readonly NearLimit[] {
    const found: NearLimit[] = [];
    for (const [key, limit] of this.#limits) {
      const { burst, available } = limit.inspect(nowMs);
      const used = (burst - available) / burst;
      if (used < share || used === 0) continue;
      if (found.length >= most && used <= (found.at(-1)?.used ?? Infinity)) continue;
      let at = found.length;
      while (at > 0 && used > (found[at - 1]?.used ?? Infinity)) at -= 1;
      found.splice(at, 0, { key, used, available: Math.floor(available) });
      if (found.length > most) found.pop();
    }
    return found;
  }

  /** Looks at those that were longest not looked at. */
  #forgetOne(nowMs: number): boolean {
    let looks = 0;
    for (const [key, limit] of this.#limits) {
      this.#limits.delete(key);
      if (limit.debt(nowMs) === 0) return true;
      this.#limits.set(key, limit);
      if (++looks === LOOKS) return false;
    }
    return false;
  }
}
