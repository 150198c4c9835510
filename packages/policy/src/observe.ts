import type { BreakerTransition } from './breaker-state.ts';
import type { Rejection } from './rejection.ts';

/**
 * What a policy tells its observer, at the moment it happens. `policy` is its name, `atMs` monotonic time, in milliseconds.
 * The observer must neither wait nor keep the event's `error` for long.
 *
 * Where calls share a turn of the event loop, `atMs` of a success may be behind by as much as the process was busy in that
 * turn, and `durationMs` wrong by as much as it was busy in the turns of the beginning and the end; never below 0.
 */
export type PolicyEvent =
  | {
      readonly kind: 'finished';
      readonly policy: string;
      readonly atMs: number;
      readonly outcome: 'ok' | 'failed';
      readonly attempts: number;
      readonly durationMs: number;
      readonly error: unknown;
    }
  | { readonly kind: 'rejected'; readonly policy: string; readonly atMs: number; readonly rejection: Rejection }
  | {
      readonly kind: 'attempt-failed';
      readonly policy: string;
      readonly atMs: number;
      readonly attempt: number;
      readonly durationMs: number;
      readonly error: unknown;
      /** What comes next after `delayMs`: a retry, or the next hedge; or none, while others may still win. */
      readonly next: 'retry' | 'hedge' | 'none';
      /** Milliseconds; 0 for none. */
      readonly delayMs: number;
    }
  | {
      /** The breaker changed its state, or in `metrics-only` would have opened. `atMs` is the transition's. */
      readonly kind: 'breaker';
      readonly policy: string;
      readonly atMs: number;
      readonly transition: BreakerTransition;
    }
  | {
      /** Something answered instead of the call's own work. */
      readonly kind: 'answered';
      readonly policy: string;
      readonly atMs: number;
      readonly from: 'cache' | 'shared' | 'stale' | 'fallback' | 'deferred';
      /** Of a stored answer: how long ago its call began, in milliseconds. */
      readonly ageMs: number | undefined;
    }
  | {
      /** A store of shared limits failed to decide; what then happens to calls is `onFailure`. */
      readonly kind: 'limit-unknown';
      readonly policy: string;
      readonly atMs: number;
      readonly rule: 'rateLimit' | 'quota';
      readonly onFailure: 'local' | 'open' | 'closed';
      readonly failure: string;
    }
  | { readonly kind: 'hedged'; readonly policy: string; readonly atMs: number; readonly attempt: number }
  | { readonly kind: 'stopped'; readonly policy: string; readonly atMs: number; readonly rejection: Rejection };
