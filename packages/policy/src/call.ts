import type { Context, FairleadError } from '@fairlead/core';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { CallFacts } from './call-facts.ts';
import type { CallParts } from './call-parts.ts';
import { reasonOf, timeoutError } from './call-ends.ts';
import { Course, type CourseCall } from './course.ts';
import type { Failed, Rejected, Succeeded } from './decision.ts';
import { markRetried } from './pushback.ts';
import { rejectionError } from './rejected-error.ts';
import type { Rejection } from './rejection.ts';

/** The work that a policy guards. `attempt` counts its beginnings, the first being 1. */
export type Work<Value> = (ctx: Context, attempt: number) => Promise<Value> | Value;

/**
 * A call on its way through breaker, concurrency limit and attempts. It makes no promise but the one that it settles.
 * Whatever a call that goes well with its first attempt doesn't need stands in its course. And what is rare stands in methods of its
 * own: the compiler makes one piece of so much of what every call does as is short enough.
 */
export class Call implements AttemptOwner, CourseCall {
  readonly parts: CallParts;
  readonly ctx: Context;
  readonly facts: CallFacts;
  calledAtMs: number;
  attempts = 0;
  first: Attempt | undefined;
  readonly #work: Work<unknown>;
  readonly #resolve: (result: unknown) => void;
  /** `undefined` when the promise is for a decision, whatever that is. */
  readonly #reject: ((error: unknown) => void) | undefined;
  #course: Course | undefined;
  #leaveCaller: (() => void) | undefined;
  #done = false;
  /** Whether `calledAtMs` is the time and not a stamp. */
  #isTimed: boolean;

  /**
   * @param resolve takes a `Decision`, or the work's value when there is a `reject`
   * @param reject takes what the work threw, or a `RejectedError`
   * @param calledAtMs when its total time began: earlier than now, if it has waited for something else
   * @param isTimed whether that is the time, and not a stamp of its turn
   */
  constructor(
    parts: CallParts,
    ctx: Context,
    work: Work<unknown>,
    facts: CallFacts,
    calledAtMs: number,
    isTimed: boolean,
    resolve: (result: unknown) => void,
    reject: ((error: unknown) => void) | undefined,
  ) {
    this.parts = parts;
    this.ctx = ctx;
    this.facts = facts;
    this.calledAtMs = calledAtMs;
    this.#isTimed = isTimed;
    this.#work = work;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Begins an attempt, if breaker and gate let it. */
  begin(nowMs: number): void {
    const { breaker, gate } = this.parts;
    const permit = breaker === undefined ? 0 : breaker.acquire(nowMs);
    const ticket = gate === undefined || permit < 0 ? 0 : gate.tryEnter(this.ctx, nowMs, this.facts.cost ?? 1);
    if (permit >= 0 && ticket >= 0) this.launchNext(permit, ticket, nowMs);
    else if (permit >= 0) this.#queue(permit, nowMs);
    else this.course.refused(this.parts.rejectOpen(nowMs), nowMs);
  }

  launchNext(permit: number, ticket: number, nowMs: number): void {
    const { parts } = this;
    const number = ++this.attempts;
    parts.counters.attempts++;
    const attempt = new Attempt(parts, this, number, permit, ticket, nowMs);
    if (number === 1) {
      this.first = attempt;
      parts.budget?.deposit(nowMs);
    } else this.course.others.push(attempt);
    attempt.launch(this.#work, this.ctx);
    if (parts.hedge !== undefined) this.#planHedge(nowMs);
  }

  #planHedge(nowMs: number): void {
    if (!this.#done) this.course.planHedge(nowMs);
  }

  get isDone(): boolean {
    return this.#done;
  }

  heedCaller(): void {
    if (this.#done) return;
    if (this.#leaveCaller !== undefined) {
      // Asked, a Context notices its end also while the event loop is too busy for its timer.
      reasonOf(this.ctx);
      return;
    }
    // Told at once, the call is done before there is anything to leave.
    this.#leaveCaller = nothing;
    const leave = this.ctx.onEnd((reason) => this.course.callerEnded(reason));
    if (!this.#done) this.#leaveCaller = leave;
  }

  time(attempt: Attempt, nowMs: number): void {
    if (this.#isTimed) return;
    this.#beginsAt(nowMs);
    attempt.beginsAt(nowMs);
  }

  dueMsOf(attempt: Attempt): number {
    return Math.min(attempt.startedAtMs + this.parts.attemptMs, this.calledAtMs + this.parts.totalMs);
  }

  attemptSucceeded(attempt: Attempt, value: unknown, nowMs: number): void {
    if (this.#course !== undefined || this.parts.hedgeDelay !== undefined) this.#won(attempt, nowMs);
    this.succeed(value, nowMs);
  }

  #won(attempt: Attempt, nowMs: number): void {
    this.#course?.won(attempt, nowMs);
    if (attempt.number === 1) this.parts.hedgeDelay?.record(nowMs - attempt.startedAtMs);
  }

  attemptFailed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void {
    if (!this.#done) this.course.failed(attempt, failed, returned, nowMs);
  }

  endOf(attempt: Attempt, nowMs: number): FairleadError {
    const isTotal = attempt.dueMs >= this.calledAtMs + this.parts.totalMs;
    return reasonOf(this.ctx) ?? timeoutError(this.parts, attempt.number, isTotal, nowMs - attempt.startedAtMs);
  }

  succeed(value: unknown, nowMs: number): void {
    this.#finish();
    this.parts.counters.succeeded++;
    if (this.parts.observe !== undefined) this.#observeEnd('ok', undefined, nowMs);
    this.#resolve(this.#reject === undefined ? this.#success(value) : value);
  }

  #success(value: unknown): Succeeded<unknown> {
    return { kind: 'ok', value, attempts: this.attempts, from: 'call' };
  }

  fail(error: unknown, stopped: Rejection | undefined, nowMs: number): void {
    this.#finish();
    this.parts.counters.failed++;
    const rules = this.parts.retry ?? this.parts.hedge;
    // An empty budget too says that there have been repeats enough.
    const repeated = this.attempts > 1 || stopped?.cause === 'budget';
    if (repeated && rules !== undefined) markRetried(error, rules, nowMs);
    if (this.parts.observe !== undefined) this.#observeEnd('failed', error, nowMs);
    if (this.#reject !== undefined) this.#reject(error);
    else this.#resolve({ kind: 'failed', error, attempts: this.attempts, stopped } satisfies Failed);
  }

  reject(rejection: Rejection, nowMs: number): void {
    this.#finish();
    this.parts.reject(rejection, nowMs);
    if (this.#reject === undefined) this.#resolve({ kind: 'rejected', rejection } satisfies Rejected);
    else this.#reject(rejectionError(rejection));
  }

  /** The call counts as begun now, if all that is known of its beginning is a stamp. */
  #beginsAt(nowMs: number): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.calledAtMs = nowMs;
  }

  #queue(permit: number, beganMs: number): void {
    const nowMs = this.#isTimed ? beganMs : this.parts.wakeUps.turn.nowMs();
    this.#beginsAt(nowMs);
    this.course.queue(permit, nowMs);
  }

  /** Made when something happens that most calls don't meet. */
  private get course(): Course {
    return (this.#course ??= new Course(this));
  }

  /** Nothing more begins, and nothing of it stays behind but work that doesn't stop. */
  #finish(): void {
    this.#done = true;
    this.#leaveCaller?.();
    this.#course?.finish();
  }

  #observeEnd(outcome: 'ok' | 'failed', error: unknown, nowMs: number): void {
    this.parts.observe?.({
      kind: 'finished',
      policy: this.parts.name,
      atMs: nowMs,
      outcome,
      attempts: this.attempts,
      durationMs: nowMs - this.calledAtMs,
      error,
    });
  }
}

function nothing(): void {
  // There is nobody to leave.
}
