/** What a breaker remembers of the latest calls. */
export interface OutcomeWindow {
  /** Calls that are remembered, and how many of them failed or were slow; a call may be both. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  add(failed: boolean, slow: boolean, nowMs: number): void;
  /** Forgets what is too old by now. */
  advance(nowMs: number): void;
  /** Forgets everything. */
  clear(): void;
}

/** How far back a breaker looks: so many calls, or so much time in buckets that are forgotten whole. */
export type WindowRule =
  | { readonly kind: 'count'; readonly calls: number }
  | { readonly kind: 'time'; readonly windowMs: number; readonly buckets: number };
