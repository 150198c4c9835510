import type { Context, FairleadError } from '@fairlead/core';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { CallFacts } from './call-facts.ts';
import type { CallParts } from './call-parts.ts';
import { reasonOf, timeoutError } from './call-ends.ts';
import { Course, type CourseCall } from './course.ts';
import type { Failed, Rejected, Succeeded } from './decision.ts';
import { FurtherAttempt } from './further-attempt.ts';
import { markRetried } from './pushback.ts';
import { rejectionError } from './rejected-error.ts';
import type { Rejection } from './rejection.ts';

/** The work that a policy guards. `attempt` counts its beginnings, the first being 1. */
export type Work<Value> = (ctx: Context, attempt: number) => Promise<Value> | Value;

/**
 * A call on its way through breaker, concurrency limit and attempts. It is its own first attempt, for most calls have no
 * other: one object, and no promise but the work's own. Whatever a call that goes well doesn't need stands in its course.
 */
export class Call extends Attempt implements AttemptOwner, CourseCall {
  readonly facts: CallFacts;
  attempts = 0;
  readonly #work: Work<unknown>;
  readonly #resolve: (result: unknown) => void;
  /** `undefined` when the promise is for a decision, whatever that is. */
  readonly #reject: ((error: unknown) => void) | undefined;
  #course: Course | undefined;
  #done = false;

  /**
   * @param resolve takes a `Decision`, or the work's value when there is a `reject`
   * @param reject takes what the work threw, or a `RejectedError`
   * @param sinceMs when its total time began, if it has waited for something else before
   */
  constructor(
    parts: CallParts,
    ctx: Context,
    work: Work<unknown>,
    facts: CallFacts,
    nowMs: number,
    resolve: (result: unknown) => void,
    reject: ((error: unknown) => void) | undefined,
    sinceMs = nowMs,
  ) {
    super(parts, ctx, nowMs);
    this.#work = work;
    this.facts = facts;
    this.#resolve = resolve;
    this.#reject = reject;
    if (sinceMs !== nowMs) this.#course = new Course(this, sinceMs);
  }

  /** Begins an attempt, if breaker and gate let it. */
  begin(nowMs: number): void {
    const { breaker, gate } = this.parts;
    const permit = breaker === undefined ? 0 : breaker.acquire(nowMs);
    if (permit < 0) {
      this.course.refused(this.parts.rejectOpen(nowMs), nowMs);
      return;
    }
    const ticket = gate === undefined ? 0 : gate.tryEnter(this.parent, nowMs, this.facts.cost ?? 1);
    if (ticket < 0) this.course.queue(permit, nowMs);
    else this.launchNext(permit, ticket, nowMs);
  }

  launchNext(permit: number, ticket: number, nowMs: number): void {
    const { parts } = this;
    const number = ++this.attempts;
    parts.counters.attempts++;
    const calledAtMs = this.#course === undefined ? nowMs : this.#course.calledAtMs;
    const endsAtMs = Math.min(nowMs + parts.attemptMs, calledAtMs + parts.totalMs, nowMs + this.parent.remainingMs());
    if (number === 1) {
      parts.budget?.deposit(nowMs);
      this.launch(this.#work, 1, permit, ticket, nowMs, endsAtMs);
    } else {
      const attempt = new FurtherAttempt(this, parts, this.parent, nowMs);
      this.course.others.push(attempt);
      attempt.launch(this.#work, number, permit, ticket, nowMs, endsAtMs);
    }
    if (parts.hedge !== undefined && !this.isDone) this.course.planHedge(nowMs);
  }

  get isDone(): boolean {
    return this.#done;
  }

  protected get owner(): AttemptOwner {
    return this;
  }

  watchCaller(): void {
    this.course.watchCaller();
  }

  attemptSucceeded(attempt: Attempt, value: unknown, nowMs: number): void {
    this.#course?.won(attempt, nowMs);
    if (attempt.number === 1) this.parts.hedgeDelay?.record(nowMs - attempt.startedAtMs);
    this.succeed(value, nowMs);
  }

  attemptFailed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void {
    if (!this.#done) this.course.failed(attempt, failed, returned, nowMs);
  }

  endOf(attempt: Attempt, nowMs: number): FairleadError {
    const isTotal = attempt.endsAtMs >= this.course.calledAtMs + this.parts.totalMs;
    return reasonOf(this.parent) ?? timeoutError(this.parts, attempt.number, isTotal, nowMs - attempt.startedAtMs);
  }

  succeed(value: unknown, nowMs: number): void {
    this.#finish();
    this.parts.counters.succeeded++;
    if (this.parts.observe !== undefined) this.#observeEnd('ok', undefined, nowMs);
    if (this.#reject !== undefined) this.#resolve(value);
    else this.#resolve({ kind: 'ok', value, attempts: this.attempts, from: 'call' } satisfies Succeeded<unknown>);
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

  /** Made when something happens that most calls don't meet. Until then nothing has waited, so the call began with its attempt. */
  private get course(): Course {
    return (this.#course ??= new Course(this, this.startedAtMs));
  }

  /** Nothing more begins, and nothing of it stays behind but work that doesn't stop. */
  #finish(): void {
    this.#done = true;
    this.#course?.finish();
  }

  #observeEnd(outcome: 'ok' | 'failed', error: unknown, nowMs: number): void {
    this.parts.observe?.({
      kind: 'finished',
      policy: this.parts.name,
      atMs: nowMs,
      outcome,
      attempts: this.attempts,
      durationMs: nowMs - (this.#course?.calledAtMs ?? this.startedAtMs),
      error,
    });
  }
}
