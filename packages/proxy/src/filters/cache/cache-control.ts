import type { StoreReport } from './cache-store.ts';

/** What the keys begin with under which caches outlive a configuration. */
export const CACHE_KEY = 'cache ';

/** What can be asked of a cache, and done to it, besides answering requests. */
export interface CacheControl {
  /** As the configuration names it; without a name, the route's. */
  readonly zone: string;
  report(): CacheReport;
  /** Some of the stored answers, at most `most`, for people to look at. */
  entries(most: number): Promise<readonly CacheEntryReport[]>;
  /**
   * Forgets answers, and those that are on their way are not stored. Resolves to how many stored ones there were.
   * @throws UNAVAILABLE when the store can't be reached
   */
  purge(purge: CachePurge): Promise<number>;
}

/** What is to be forgotten. */
export type CachePurge =
  | { readonly kind: 'all' }
  /** Whatever names this group in `Cache-Tag` or `Surrogate-Key`. */
  | { readonly kind: 'tag'; readonly tag: string }
  /** One absolute URL: all its variants, of all tenants. */
  | { readonly kind: 'url'; readonly url: string };

/** What a cache has done since it began. */
export interface CacheCounts {
  hits: number;
  /** Of those, given although they were stale. */
  staleHits: number;
  misses: number;
  /** Confirmed by a 304. */
  validated: number;
  stored: number;
  /** Answered together with another request. */
  collapsed: number;
  /** Passed through without a look at what is stored. */
  bypassed: number;
  /** Asked for anew behind a client's back. */
  refreshed: number;
}

/** How full a cache is, and what it has done. */
export type CacheReport = Readonly<CacheCounts> &
  StoreReport & {
    readonly zone: string;
    /** Requests on their way whose answers may be stored. */
    readonly underWay: number;
  };

/** A stored answer, for people. */
export interface CacheEntryReport {
  readonly url: string;
  /** Whose it is and which cluster it came from, as the key has them. */
  readonly partition: string;
  readonly status: number;
  readonly bytes: number;
  readonly ageS: number;
  /** Below 0: it is stale. */
  readonly ttlS: number;
  readonly tags: readonly string[];
  /** Fields of requests that it depends on. */
  readonly vary: readonly string[];
}
