import type { ResolvedCache } from './cache-options.ts';

/** A kept answer. */
export interface CachedAnswer {
  readonly value: unknown;
  /** When its call began: it is at least as old as that. */
  readonly sinceMs: number;
}

/** A cache, as it is now. */
export interface CacheState {
  readonly entries: number;
  readonly maxEntries: number;
  /** Calls that were given a fresh answer. */
  readonly hits: number;
  /** Calls that were given an older one while it was asked for anew. */
  readonly stale: number;
  /** Failures and rejections that an older answer stood in for. */
  readonly staleIfError: number;
  readonly misses: number;
  /** Answers that made room for others. */
  readonly evicted: number;
}

/** What an answer is good for at its age. */
export type Freshness = 'fresh' | 'stale' | 'only-for-errors' | 'none';

/**
 * Answers by key, as many as it may keep; the one that was longest not asked for goes first.
 *
 * Source: RFC 9111 for ages that count from the request, RFC 5861 for the two uses of stale answers.
 */
export class Cache {
  readonly #options: ResolvedCache;
  /** The one that was longest not asked for comes first. */
  readonly #answers = new Map<string, CachedAnswer>();
  #era = 0;
  #hits = 0;
  #stale = 0;
  #staleIfError = 0;
  #misses = 0;
  #evicted = 0;

  constructor(options: ResolvedCache) {
    this.#options = options;
  }

  get per(): 'tenant' | 'subject' {
    return this.#options.per;
  }

  /** Grows with every `forget`; an answer whose call began in an earlier era is not kept. */
  get era(): number {
    return this.#era;
  }

  /** The answer for a key, at whatever age it is still good for something. */
  find(key: string, nowMs: number): CachedAnswer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    this.#answers.delete(key);
    if (this.freshness(answer, nowMs) === 'none') return undefined;
    this.#answers.set(key, answer);
    return answer;
  }

  freshness({ sinceMs }: CachedAnswer, nowMs: number): Freshness {
    const { freshMs, revalidateMs, errorMs } = this.#options;
    const ageMs = nowMs - sinceMs;
    if (ageMs < freshMs) return 'fresh';
    if (ageMs < revalidateMs) return 'stale';
    return ageMs < errorMs ? 'only-for-errors' : 'none';
  }

  /**
   * Keeps an answer, unless a younger one is there or something was forgotten since its call began.
   * @param sinceMs when its call began
   * @param era of the cache at that time
   */
  keep(key: string, value: unknown, sinceMs: number, era: number): void {
    if (era !== this.#era || (this.#answers.get(key)?.sinceMs ?? -Infinity) > sinceMs) return;
    this.#answers.delete(key);
    this.#answers.set(key, { value, sinceMs });
    if (this.#answers.size <= this.#options.maxEntries) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      this.#evicted++;
      return;
    }
  }

  /** Forgets a key, and whatever calls that are under way now would bring for any. */
  forget(key: string): void {
    this.#era++;
    this.#answers.delete(key);
  }

  /** Counts how a call was answered. */
  count(answered: Freshness): void {
    if (answered === 'fresh') this.#hits++;
    else if (answered === 'stale') this.#stale++;
    else if (answered === 'only-for-errors') this.#staleIfError++;
    else this.#misses++;
  }

  inspect(): CacheState {
    return {
      entries: this.#answers.size,
      maxEntries: this.#options.maxEntries,
      hits: this.#hits,
      stale: this.#stale,
      staleIfError: this.#staleIfError,
      misses: this.#misses,
      evicted: this.#evicted,
    };
  }
}
