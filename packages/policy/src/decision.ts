import type { Rejection } from './rejection.ts';

/** The work succeeded, or something stood in for it. */
export interface Succeeded<Value> {
  readonly kind: 'ok';
  readonly value: Value;
  /** How often the work was begun for this caller. */
  readonly attempts: number;
  /** Where the value comes from: the work itself, a stored answer, another caller's call, or a fallback. */
  readonly from: 'call' | 'cache' | 'shared' | 'stale' | 'fallback' | 'deferred';
  /** Of a stored answer: how long ago its call began, in milliseconds. */
  readonly ageMs?: number;
}

/** The work was begun and failed, ran out of time or was cancelled. */
export interface Failed {
  readonly kind: 'failed';
  /** What the last attempt threw, or why it was ended. */
  readonly error: unknown;
  /** How often the work was begun, at least 1. */
  readonly attempts: number;
  /** What forbade a further attempt that the retry rules would have allowed. */
  readonly stopped: Rejection | undefined;
}

/** The policy did not let the call through: the work was never begun, so a repeat elsewhere does nothing twice. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly rejection: Rejection;
}

/** What became of a call, as a value. */
export type Decision<Value> = Succeeded<Value> | Failed | Rejected;
