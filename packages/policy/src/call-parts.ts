import type { Clock, Context, Random } from '@fairlead/core';
import type { CallFacts } from './call-facts.ts';
import type { Counters } from './counters.ts';
import type { Gate, GateRefusal } from './gate.ts';
import type { HedgeDelay } from './hedge-delay.ts';
import type { ResolvedHedge } from './hedge-options.ts';
import type { LateWork } from './late-work.ts';
import type { PolicyEvent } from './observe.ts';
import type { Outcome } from './outcome.ts';
import type { Rejection } from './rejection.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { ResolvedRetry } from './retry-options.ts';
import type { WakeUps } from './wake-ups.ts';

/** What a call needs of a breaker. */
export interface Permits {
  acquire(nowMs: number): number;
  record(permit: number, outcome: Outcome, durationMs: number, nowMs: number): void;
}

/** The parts of one policy, as its calls use them. A part that is off is `undefined`. */
export interface CallParts {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly wakeUps: WakeUps;
  readonly late: LateWork;
  readonly counters: Counters;
  /** How a call learns when it begins; `unknown` when only a breaker that may refuse it needs to know. */
  readonly start: 'time' | 'stamp' | 'unknown';
  /** Whether anything may answer or refuse a call before it comes to breaker and gate. */
  readonly isGuarded: boolean;
  readonly totalMs: number;
  readonly attemptMs: number;
  /** Whether one of the two is not `Infinity`. */
  readonly hasTimeout: boolean;
  /** Rates and quotas that can be asked at once: why the call must not begin. */
  readonly admit: ((ctx: Context, facts: CallFacts, nowMs: number) => Rejection | undefined) | undefined;
  /** Load shedding: why the call must not begin. */
  readonly shed: ((ctx: Context, nowMs: number) => Rejection | undefined) | undefined;
  readonly retry: ResolvedRetry | undefined;
  readonly hedge: ResolvedHedge | undefined;
  readonly hedgeDelay: HedgeDelay | undefined;
  readonly budget: RetryBudget | undefined;
  readonly breaker: Permits | undefined;
  readonly gate: Gate | undefined;
  /** Whether a value that the work returned is a failure. */
  readonly isFailure: ((value: unknown) => boolean) | undefined;
  /** What a failure says about whom was called. */
  readonly outcomeOf: (failed: unknown, returned: boolean) => Outcome;
  readonly observe: ((event: PolicyEvent) => void) | undefined;
  /** Counts and tells a rejection of a call that was never begun. */
  readonly reject: (rejection: Rejection, nowMs: number) => void;
  readonly rejectOpen: (nowMs: number) => Rejection;
  readonly rejectBudget: (nowMs: number) => Rejection;
  readonly rejectGate: (refusal: GateRefusal) => Rejection;
}
