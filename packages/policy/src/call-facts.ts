/** What a caller says about one call. */
export interface CallFacts {
  /** Whether doing it twice is the same as doing it once, as for a read. Default false. */
  readonly idempotent?: boolean | undefined;
  /**
   * What identifies the call: two calls of a tenant with one key mean the same. Its destination recognises a repeat by it,
   * so a call with a key may be repeated; caches and coalescing answer by it. Default: none.
   */
  readonly key?: string | undefined;
  /** How many usual calls this one weighs on rates and limits; above 0. Default 1. */
  readonly cost?: number | undefined;
}
