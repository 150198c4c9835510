import type { Context, FairleadError, ScopedContext } from '@fairlead/core';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { CallFacts } from './call-facts.ts';
import type { CallParts } from './call-parts.ts';
import { deadlineRejection, endedRejection, reasonOf, timeoutError } from './call-ends.ts';
import type { Failed, Rejected, Succeeded } from './decision.ts';
import { fail } from './errors.ts';
import { FurtherAttempt } from './further-attempt.ts';
import type { GateRefusal } from './gate.ts';
import { IGNORED } from './outcome.ts';
import { Pause } from './pause.ts';
import { markRetried } from './pushback.ts';
import { rejectionError } from './rejected-error.ts';
import type { Rejection } from './rejection.ts';
import { retryDelay } from './retry-delay.ts';
import type { ResolvedHedge } from './hedge-options.ts';
import type { ResolvedRetry } from './retry-options.ts';
import { verdictOf, type RetryVerdict } from './retry-rules.ts';

/** The work that a policy guards. `attempt` counts its beginnings, the first being 1. */
export type Work<Value> = (ctx: Context, attempt: number) => Promise<Value> | Value;

/**
 * A call on its way through retry or hedge, breaker, concurrency limit and attempts. It is its own first attempt, for
 * most calls have no other: one object, and no promise but the work's own.
 */
export class Call extends Attempt implements AttemptOwner {
  readonly #work: Work<unknown>;
  readonly #facts: CallFacts;
  readonly #resolve: (result: unknown) => void;
  /** `undefined` when the promise is for a decision, whatever that is. */
  readonly #reject: ((error: unknown) => void) | undefined;
  readonly #calledAtMs: number;
  /** Monotonic time at which there is no time left for anything. */
  readonly #lastsUntilMs: number;
  #attempts = 0;
  /** Attempts that are waited for: one, or several that hedge each other. */
  #running: Attempt | undefined;
  #hedges: Attempt[] | undefined;
  /** While it waits for a slot. */
  #queueing: ScopedContext | undefined;
  #pause: Pause | undefined;
  #previousPauseMs = 0;
  /** Attempts since the other side said exactly when to come back: the backoff began anew. */
  #backoffFrom = 0;
  #lastFailure: { readonly failed: unknown; readonly returned: boolean } | undefined;
  #stopped: Rejection | undefined;
  #leaveCaller: (() => void) | undefined;
  #done = false;

  /**
   * @param resolve takes a `Decision`, or the work's value when there is a `reject`
   * @param reject takes what the work threw, or a `RejectedError`
   */
  constructor(
    parts: CallParts,
    ctx: Context,
    work: Work<unknown>,
    facts: CallFacts,
    nowMs: number,
    resolve: (result: unknown) => void,
    reject: ((error: unknown) => void) | undefined,
  ) {
    super(parts, ctx, nowMs);
    this.#work = work;
    this.#facts = facts;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#calledAtMs = nowMs;
    this.#lastsUntilMs = nowMs + Math.min(parts.totalMs, ctx.remainingMs());
  }

  /** Begins an attempt, if breaker and gate let it. */
  begin(nowMs: number): void {
    const { breaker, gate } = this.parts;
    const permit = breaker === undefined ? 0 : breaker.acquire(nowMs);
    if (permit < 0) {
      this.#refused(this.parts.rejectOpen(nowMs), nowMs);
      return;
    }
    const ticket = gate === undefined ? 0 : gate.tryEnter(this.parent, nowMs, this.#facts.cost ?? 1);
    if (ticket < 0) this.#queue(permit, nowMs);
    else this.#launch(permit, ticket, nowMs);
  }

  protected get owner(): AttemptOwner {
    return this;
  }

  watchCaller(): void {
    if (this.#done || this.#leaveCaller !== undefined) return;
    // Told at once, it is done before there is anything to leave.
    this.#leaveCaller = nothing;
    const leave = this.parent.onEnd((reason) => this.#callerEnded(reason));
    if (!this.#isDone()) this.#leaveCaller = leave;
  }

  attemptSucceeded(attempt: Attempt, value: unknown, nowMs: number): void {
    const { hedgeDelay, counters } = this.parts;
    if (attempt.number === 1) hedgeDelay?.record(nowMs - attempt.startedAtMs);
    else if (hedgeDelay !== undefined) counters.hedgeWins++;
    this.#finish();
    if (this.#hedges !== undefined || this.#running !== attempt) this.#cancelOthers(attempt, nowMs);
    this.#succeed(value, nowMs);
  }

  attemptFailed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void {
    if (this.#done) return;
    const { retry, hedge, hedgeDelay } = this.parts;
    this.#forget(attempt);
    this.#lastFailure = { failed, returned };
    if (attempt.number === 1) hedgeDelay?.record(nowMs - attempt.startedAtMs);
    const rules = retry ?? hedge;
    if (rules === undefined) {
      this.#fail(nowMs);
      return;
    }
    const verdict = this.#verdict(rules, attempt, failed, returned, nowMs);
    if (verdict.kind === 'stop') {
      // A hedge may still succeed where this one could not be repeated, unless the answer was final for all.
      if (verdict.reason !== 'not-retriable' && this.#othersMay(verdict.reason === 'pushback')) return;
      if (verdict.reason === 'deadline') this.#stopped ??= this.#tooLate(nowMs);
      this.#fail(nowMs);
      return;
    }
    // A failed hedge brings the next one forward; it needs no pause of its own, nor does what is told when to come.
    const pauseMs =
      retry === undefined || verdict.exact
        ? 0
        : retryDelay(retry.backoff, this.#attempts - this.#backoffFrom, this.#previousPauseMs, this.parts.random);
    if (verdict.exact) this.#backoffFrom = this.#attempts;
    this.#previousPauseMs = pauseMs;
    // On top of what was asked for: all those who were told the same would come back together.
    this.#again(attempt, verdict.minDelayMs + pauseMs, nowMs);
  }

  endOf(attempt: Attempt, nowMs: number): FairleadError {
    return (
      reasonOf(this.parent) ??
      timeoutError(this.parts, attempt.number, attempt.endsAtMs >= this.#lastsUntilMs, nowMs - attempt.startedAtMs)
    );
  }

  #verdict(
    rules: ResolvedRetry | ResolvedHedge,
    attempt: Attempt,
    failed: unknown,
    returned: boolean,
    nowMs: number,
  ): RetryVerdict {
    try {
      return verdictOf(rules, {
        failed,
        returned,
        beganMs: attempt.startedAtMs,
        attempts: this.#attempts,
        repeatable: this.#isRepeatable(),
        remainingMs: this.#lastsUntilMs - nowMs,
        wallMs: this.parts.clock.now(),
      });
    } catch (error) {
      // A predicate that throws has no verdict; its fault is what the call fails with, or nobody would ever see it.
      this.#lastFailure = { failed: error, returned: false };
      return { kind: 'stop', reason: 'not-retriable' };
    }
  }

  #isRepeatable(): boolean {
    return this.#facts.idempotent === true || this.#facts.key !== undefined;
  }

  #launch(permit: number, ticket: number, nowMs: number): void {
    const { parts } = this;
    const number = ++this.#attempts;
    parts.counters.attempts++;
    if (number === 1) parts.budget?.deposit(nowMs);
    const attempt = number === 1 ? this : new FurtherAttempt(this, parts, this.parent, nowMs);
    if (this.#running === undefined) this.#running = attempt;
    else (this.#hedges ??= []).push(attempt);
    attempt.launch(this.#work, number, permit, ticket, nowMs, Math.min(nowMs + parts.attemptMs, this.#lastsUntilMs));
    if (parts.hedge !== undefined && !this.#isDone()) this.#planHedge(nowMs);
  }

  #queue(permit: number, nowMs: number): void {
    const { gate, clock } = this.parts;
    if (gate === undefined) return;
    const scope = this.parent.withTimeout(Math.max(0, this.#lastsUntilMs - nowMs));
    this.#queueing = scope;
    const entered = gate.enter(scope, clock, nowMs, this.#facts.cost ?? 1);
    if (entered instanceof Promise) void entered.then((it) => this.#entered(scope, permit, it));
    else this.#entered(scope, permit, entered);
  }

  #entered(scope: ScopedContext, permit: number, entered: number | GateRefusal): void {
    const { parts } = this;
    const nowMs = parts.clock.monotonic();
    this.#queueing = undefined;
    const isIn = typeof entered === 'number';
    const ended = reasonOf(scope);
    scope[Symbol.dispose]();
    if (isIn && ended === undefined && !this.#done) {
      this.#launch(permit, entered, nowMs);
      return;
    }
    // The breaker let it through and nothing came of it: no news of whom was to be called.
    parts.breaker?.record(permit, IGNORED, 0, nowMs);
    if (isIn) parts.gate?.leave(entered, nowMs, IGNORED);
    if (this.#done) return;
    this.#refused(isIn ? endedRejection(ended, this.#tooLate(nowMs)) : parts.rejectGate(entered), nowMs);
  }

  /** Breaker, gate or budget forbid an attempt. */
  #refused(rejection: Rejection, nowMs: number): void {
    if (this.#done) return;
    if (this.#attempts === 0) {
      this.#finish();
      this.parts.reject(rejection, nowMs);
      if (this.#reject === undefined) this.#resolve({ kind: 'rejected', rejection } satisfies Rejected);
      else this.#reject(rejectionError(rejection));
      return;
    }
    this.#stopped = rejection;
    this.parts.counters.stopped[rejection.cause]++;
    this.parts.observe?.({ kind: 'stopped', policy: this.parts.name, atMs: nowMs, rejection });
    // Whoever still runs may win; only the further attempt is not to be had.
    if (this.#running === undefined) this.#fail(nowMs);
  }

  /** Plans a further attempt after a failure, if time and budget allow. */
  #again(failed: Attempt, delayMs: number, nowMs: number): void {
    const { name, budget, counters } = this.parts;
    const inTime = nowMs + delayMs < this.#lastsUntilMs;
    if (this.#queueing !== undefined) return;
    if (this.#running !== undefined && inTime) {
      // The next hedge comes sooner, or as late as was asked for, and is paid when it begins.
      if (delayMs > 0) this.#pauseUntil(nowMs + delayMs);
      else {
        this.#endPause();
        this.#hedge(nowMs);
      }
      return;
    }
    if (!inTime || budget?.tryWithdraw(nowMs) === false) {
      this.#refused(inTime ? this.parts.rejectBudget(nowMs) : this.#tooLate(nowMs), nowMs);
      return;
    }
    if (this.parts.hedge === undefined) counters.retries++;
    else counters.hedges++;
    this.parts.observe?.({
      kind: 'attempt-failed',
      policy: name,
      atMs: nowMs,
      attempt: failed.number,
      durationMs: nowMs - failed.startedAtMs,
      error: this.#lastFailure?.failed,
      next: 'retry',
      delayMs,
    });
    if (delayMs === 0) {
      this.#endPause();
      this.begin(nowMs);
      return;
    }
    this.watchCaller();
    if (!this.#done) this.#pauseUntil(nowMs + delayMs);
  }

  /** Whether other attempts may still succeed after a failure; with `last`, those that have begun. */
  #othersMay(last: boolean): boolean {
    if (last && this.#running !== undefined) {
      this.#endPause();
      this.#queueing?.cancel();
    }
    return this.#running !== undefined || (this.#queueing !== undefined && !last);
  }

  #pauseUntil(dueMs: number): void {
    this.#pause ??= new Pause((nowMs) => {
      if (this.#running === undefined) this.begin(nowMs);
      else this.#hedge(nowMs);
    });
    this.parts.wakeUps.set(this.#pause, dueMs);
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.parts.wakeUps.remove(this.#pause);
  }

  #planHedge(nowMs: number): void {
    const { hedge, hedgeDelay } = this.parts;
    if (hedge === undefined || hedgeDelay === undefined || this.#attempts >= hedge.attempts) return;
    if (!this.#isRepeatable() && !hedge.anyCall) return;
    const dueMs = nowMs + hedgeDelay.delayMs();
    if (dueMs < this.#lastsUntilMs) this.#pauseUntil(dueMs);
  }

  #hedge(nowMs: number): void {
    const { name, budget, counters } = this.parts;
    if (this.#queueing !== undefined) return;
    if (budget?.tryWithdraw(nowMs) === false) {
      this.#refused(this.parts.rejectBudget(nowMs), nowMs);
      return;
    }
    counters.hedges++;
    this.parts.observe?.({ kind: 'hedged', policy: name, atMs: nowMs, attempt: this.#attempts + 1 });
    this.begin(nowMs);
  }

  #callerEnded(reason: FairleadError): void {
    if (this.#done) return;
    // A queue tells its refusal itself, having heard of the same end.
    if (this.#attempts === 0) return;
    const nowMs = this.parts.clock.monotonic();
    this.#finish();
    if (reason.code === 'CANCELLED') this.parts.counters.cancelled++;
    this.#running?.callerEnded(reason, nowMs);
    for (const each of this.#hedges ?? []) each.callerEnded(reason, nowMs);
    this.#failed(reason, nowMs);
  }

  #cancelOthers(winner: Attempt, nowMs: number): void {
    const reason = fail('CANCELLED', `${this.parts.name}: attempt ${winner.number} answered first.`, {
      details: { policy: this.parts.name, limit: 'race', winner: winner.number },
    });
    for (const each of [this.#running, ...(this.#hedges ?? [])]) {
      if (each === undefined || each === winner) continue;
      // What a loser would have taken is at least what it took: see HedgeDelay.
      if (each.number === 1) this.parts.hedgeDelay?.record(nowMs - each.startedAtMs);
      each.abandon(reason, IGNORED, IGNORED, nowMs);
    }
  }

  /** An attempt that failed is no longer waited for. */
  #forget(attempt: Attempt): void {
    const hedges = this.#hedges;
    if (hedges === undefined) this.#running = undefined;
    else {
      const left = [this.#running, ...hedges].filter((each) => each !== undefined && each !== attempt);
      this.#running = left[0];
      this.#hedges = left.length > 1 ? left.slice(1).filter((each) => each !== undefined) : undefined;
    }
  }

  #tooLate(nowMs: number): Rejection {
    return deadlineRejection(this.parts, this.#calledAtMs, this.#lastsUntilMs, nowMs);
  }

  #succeed(value: unknown, nowMs: number): void {
    this.parts.counters.succeeded++;
    if (this.parts.observe !== undefined) this.#observeEnd('ok', undefined, nowMs);
    if (this.#reject !== undefined) this.#resolve(value);
    else this.#resolve({ kind: 'ok', value, attempts: this.#attempts, from: 'call' } satisfies Succeeded<unknown>);
  }

  /** Ends with the last failure. */
  #fail(nowMs: number): void {
    const last = this.#lastFailure;
    this.#finish();
    if (this.#running !== undefined) {
      const reason = fail('CANCELLED', `${this.parts.name}: another attempt's failure was final.`);
      this.#running.abandon(reason, IGNORED, IGNORED, nowMs);
      for (const each of this.#hedges ?? []) each.abandon(reason, IGNORED, IGNORED, nowMs);
    }
    // Attempts have run out; the value is what the work has to say.
    if (last?.returned === true) this.#succeed(last.failed, nowMs);
    else this.#failed(last?.failed, nowMs);
  }

  #failed(error: unknown, nowMs: number): void {
    this.parts.counters.failed++;
    const rules = this.parts.retry ?? this.parts.hedge;
    // An empty budget too says that there have been repeats enough.
    const repeated = this.#attempts > 1 || this.#stopped?.cause === 'budget';
    if (repeated && rules !== undefined) markRetried(error, rules, nowMs);
    if (this.parts.observe !== undefined) this.#observeEnd('failed', error, nowMs);
    if (this.#reject !== undefined) this.#reject(error);
    else {
      const failed: Failed = { kind: 'failed', error, attempts: this.#attempts, stopped: this.#stopped };
      this.#resolve(failed);
    }
  }

  /** Nothing more begins, and nothing of it stays behind but work that doesn't stop. */
  #finish(): void {
    this.#done = true;
    this.#endPause();
    this.#leaveCaller?.();
    this.#leaveCaller = undefined;
    this.#queueing?.cancel();
  }

  /** What `#done` is now: calls in between may have changed it. */
  #isDone(): boolean {
    return this.#done;
  }

  #observeEnd(outcome: 'ok' | 'failed', error: unknown, nowMs: number): void {
    this.parts.observe?.({
      kind: 'finished',
      policy: this.parts.name,
      atMs: nowMs,
      outcome,
      attempts: this.#attempts,
      durationMs: nowMs - this.#calledAtMs,
      error,
    });
  }
}

function nothing(): void {
  // There is nobody to leave.
}
