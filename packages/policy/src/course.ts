import type { Context, FairleadError, ScopedContext } from '@fairlead/core';
import type { Attempt } from './attempt.ts';
import type { CallFacts } from './call-facts.ts';
import type { CallParts } from './call-parts.ts';
import { deadlineRejection, endedRejection, reasonOf } from './call-ends.ts';
import { fail } from './errors.ts';
import type { GateRefusal } from './gate.ts';
import type { ResolvedHedge } from './hedge-options.ts';
import { IGNORED } from './outcome.ts';
import { Pause } from './pause.ts';
import type { Rejection } from './rejection.ts';
import { retryDelay } from './retry-delay.ts';
import type { ResolvedRetry } from './retry-options.ts';
import { verdictOf, type RetryVerdict } from './retry-rules.ts';

/** The call that a course belongs to, and what it can be told to do. */
export interface CourseCall {
  readonly parts: CallParts;
  readonly ctx: Context;
  readonly facts: CallFacts;
  /** When it began, on the monotonic clock. */
  readonly calledAtMs: number;
  readonly first: Attempt | undefined;
  /** Attempts begun so far. */
  readonly attempts: number;
  readonly isDone: boolean;
  /** Begins an attempt, if breaker and gate let it. */
  begin(nowMs: number): void;
  /** Begins an attempt that breaker and gate have let through. */
  launchNext(permit: number, ticket: number, nowMs: number): void;
  /** Notices when the caller gives up. */
  heedCaller(): void;
  /** Each ends the call. */
  succeed(value: unknown, nowMs: number): void;
  fail(error: unknown, stopped: Rejection | undefined, nowMs: number): void;
  reject(rejection: Rejection, nowMs: number): void;
}

/** What happens to a call besides going well: queues, failures, retries, hedges, and callers who give up. */
export class Course {
  /** Retries and hedges, in the order of their beginning. */
  readonly others: Attempt[] = [];
  readonly #call: CourseCall;
  readonly #parts: CallParts;
  /** While it waits for a slot. */
  #queueing: ScopedContext | undefined;
  #pause: Pause | undefined;
  #previousPauseMs = 0;
  /** Attempts since the other side said exactly when to come back: the backoff began anew. */
  #backoffFrom = 0;
  #lastFailure: { readonly failed: unknown; readonly returned: boolean } | undefined;
  #stopped: Rejection | undefined;

  constructor(call: CourseCall) {
    this.#call = call;
    this.#parts = call.parts;
  }

  /** Waits for a slot, with the breaker's permit. */
  queue(permit: number, nowMs: number): void {
    const { gate, clock } = this.#parts;
    if (gate === undefined) return;
    const scope = this.#call.ctx.withTimeout(this.#remainingMs(nowMs));
    this.#queueing = scope;
    const entered = gate.enter(scope, clock, nowMs, this.#call.facts.cost ?? 1);
    if (entered instanceof Promise) void entered.then((it) => this.#entered(scope, permit, it));
    else this.#entered(scope, permit, entered);
  }

  /** Breaker, gate, budget or time forbid an attempt. */
  refused(rejection: Rejection, nowMs: number): void {
    const { counters, observe, name } = this.#parts;
    if (this.#call.isDone) return;
    if (this.#call.attempts === 0) {
      this.#call.reject(rejection, nowMs);
      return;
    }
    this.#stopped = rejection;
    counters.stopped[rejection.cause]++;
    observe?.({ kind: 'stopped', policy: name, atMs: nowMs, rejection });
    // Whoever still runs may win; only the further attempt is not to be had.
    if (!this.#isRunning()) this.#fail(nowMs);
  }

  /** One attempt of several succeeded: the others have lost. */
  won(winner: Attempt, nowMs: number): void {
    const { name, hedge, counters } = this.#parts;
    if (winner.number > 1 && hedge !== undefined) counters.hedgeWins++;
    if (!this.#isRunning()) return;
    this.#recordFirst(nowMs);
    const details = { policy: name, limit: 'race', winner: winner.number };
    this.#abandonAll(fail('CANCELLED', `${name}: attempt ${winner.number} answered first.`, { details }), nowMs);
  }

  /** An attempt failed, which may be the end of the call or the beginning of another attempt. */
  failed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void {
    const { retry, hedge, hedgeDelay, random } = this.#parts;
    this.#lastFailure = { failed, returned };
    if (attempt.number === 1) hedgeDelay?.recordAtLeast(nowMs - attempt.startedAtMs);
    const rules = retry ?? hedge;
    if (rules === undefined) {
      this.#fail(nowMs);
      return;
    }
    const verdict = this.#verdict(rules, attempt, failed, returned, nowMs);
    if (verdict.kind === 'stop') {
      // A hedge may still succeed where this one could not be repeated, unless the answer was final for all.
      if (verdict.reason !== 'not-retriable' && this.#othersMay(verdict.reason === 'pushback')) {
        this.#observeFailed(attempt, 'none', 0, nowMs);
        return;
      }
      if (verdict.reason === 'deadline') this.#stopped ??= this.#tooLate(nowMs);
      this.#fail(nowMs);
      return;
    }
    // A failed hedge brings the next one forward; it needs no pause of its own, nor does what is told when to come.
    const pauseMs =
      retry === undefined || verdict.exact
        ? 0
        : retryDelay(retry.backoff, this.#call.attempts - this.#backoffFrom, this.#previousPauseMs, random);
    if (verdict.exact) this.#backoffFrom = this.#call.attempts;
    this.#previousPauseMs = pauseMs;
    // On top of what was asked for: all those who were told the same would come back together.
    this.#again(attempt, verdict.minDelayMs + pauseMs, nowMs);
  }

  /** Plans the next hedge, after an attempt has begun. */
  planHedge(nowMs: number): void {
    const { hedge, hedgeDelay } = this.#parts;
    if (hedge === undefined || hedgeDelay === undefined || this.#call.attempts >= hedge.attempts) return;
    if (!this.#isRepeatable() && !hedge.anyCall) return;
    const delayMs = hedgeDelay.delayMs();
    if (delayMs < this.#remainingMs(nowMs)) this.#pauseUntil(nowMs + delayMs);
  }

  /** The caller gave up, or has no time left. */
  callerEnded(reason: FairleadError): void {
    // A queue tells its refusal itself, having heard of the same end.
    if (this.#call.isDone || this.#call.attempts === 0) return;
    const nowMs = this.#parts.wakeUps.turn.nowMs();
    if (reason.code === 'CANCELLED') this.#parts.counters.cancelled++;
    this.#recordFirst(nowMs);
    this.#call.fail(reason, this.#stopped, nowMs);
    this.#call.first?.callerEnded(reason, nowMs);
    for (const each of this.others) each.callerEnded(reason, nowMs);
  }

  /** The call is done: no pause and no place in a queue stays. */
  finish(): void {
    this.#endPause();
    this.#queueing?.cancel();
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
        attempts: this.#call.attempts,
        repeatable: this.#isRepeatable(),
        remainingMs: this.#remainingMs(nowMs),
        wallMs: this.#parts.clock.now(),
      });
    } catch (error) {
      // A predicate that throws has no verdict; its fault is what the call fails with, or nobody would ever see it.
      this.#lastFailure = { failed: error, returned: false };
      return { kind: 'stop', reason: 'not-retriable' };
    }
  }

  #isRepeatable(): boolean {
    return this.#call.facts.idempotent === true || this.#call.facts.key !== undefined;
  }

  /** Left of the whole call. */
  #remainingMs(nowMs: number): number {
    const ownMs = this.#call.calledAtMs + this.#parts.totalMs - nowMs;
    return Math.max(0, Math.min(ownMs, this.#call.ctx.remainingMs()));
  }

  #entered(scope: ScopedContext, permit: number, entered: number | GateRefusal): void {
    const { wakeUps, breaker, gate, rejectGate } = this.#parts;
    const nowMs = wakeUps.turn.nowMs();
    this.#queueing = undefined;
    const isIn = typeof entered === 'number';
    const ended = reasonOf(scope);
    scope[Symbol.dispose]();
    if (isIn && ended === undefined && !this.#call.isDone) {
      this.#call.launchNext(permit, entered, nowMs);
      return;
    }
    // The breaker let it through and nothing came of it: no news of whom was to be called.
    breaker?.record(permit, IGNORED, 0, nowMs);
    if (isIn) gate?.leave(entered, nowMs, IGNORED);
    this.refused(isIn ? endedRejection(ended, this.#tooLate(nowMs)) : rejectGate(entered), nowMs);
  }

  /** Plans a further attempt after a failure, if time and budget allow. */
  #again(failed: Attempt, delayMs: number, nowMs: number): void {
    const { budget, counters, hedge, rejectBudget } = this.#parts;
    const inTime = delayMs < this.#remainingMs(nowMs);
    if (this.#queueing !== undefined) return;
    if (this.#isRunning() && inTime) {
      // The next hedge comes sooner, or as late as was asked for, and is paid when it begins.
      this.#observeFailed(failed, 'hedge', delayMs, nowMs);
      if (delayMs > 0) this.#pauseUntil(nowMs + delayMs);
      else {
        this.#endPause();
        this.#hedge(nowMs);
      }
      return;
    }
    if (!inTime || budget?.tryWithdraw(nowMs) === false) {
      this.refused(inTime ? rejectBudget(nowMs) : this.#tooLate(nowMs), nowMs);
      return;
    }
    this.#observeFailed(failed, hedge === undefined ? 'retry' : 'hedge', delayMs, nowMs);
    if (hedge === undefined) counters.retries++;
    else this.#countHedge(nowMs);
    if (delayMs === 0) {
      this.#endPause();
      this.#call.begin(nowMs);
      return;
    }
    this.#call.heedCaller();
    if (!this.#call.isDone) this.#pauseUntil(nowMs + delayMs);
  }

  #observeFailed(failed: Attempt, next: 'retry' | 'hedge' | 'none', delayMs: number, nowMs: number): void {
    const { observe, name } = this.#parts;
    if (observe === undefined) return;
    const durationMs = nowMs - failed.startedAtMs;
    const error = this.#lastFailure?.failed;
    const attempt = failed.number;
    observe({ kind: 'attempt-failed', policy: name, atMs: nowMs, attempt, durationMs, error, next, delayMs });
  }

  /** Whether other attempts may still succeed after a failure; with `last`, those that have begun. */
  #othersMay(last: boolean): boolean {
    const isRunning = this.#isRunning();
    if (last && isRunning) {
      this.#endPause();
      this.#queueing?.cancel();
    }
    return isRunning || (this.#queueing !== undefined && !last);
  }

  #isRunning(): boolean {
    return this.#call.first?.isSettled === false || this.others.some((each) => !each.isSettled);
  }

  /** The first attempt will not be waited for: all that is known is that it would have taken longer. */
  #recordFirst(nowMs: number): void {
    const { first } = this.#call;
    if (first?.isSettled === false) this.#parts.hedgeDelay?.recordAtLeast(nowMs - first.startedAtMs);
  }

  #hedge(nowMs: number): void {
    const { budget, rejectBudget } = this.#parts;
    if (this.#queueing !== undefined) return;
    if (budget?.tryWithdraw(nowMs) === false) {
      this.refused(rejectBudget(nowMs), nowMs);
      return;
    }
    this.#countHedge(nowMs);
    this.#call.begin(nowMs);
  }

  #countHedge(nowMs: number): void {
    const { name, counters, observe } = this.#parts;
    counters.hedges++;
    observe?.({ kind: 'hedged', policy: name, atMs: nowMs, attempt: this.#call.attempts + 1 });
  }

  #pauseUntil(dueMs: number): void {
    this.#pause ??= new Pause((nowMs) => {
      if (this.#isRunning()) this.#hedge(nowMs);
      else this.#call.begin(nowMs);
    });
    this.#parts.wakeUps.set(this.#pause, dueMs);
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.#parts.wakeUps.remove(this.#pause);
  }

  /** Ends with the last failure. */
  #fail(nowMs: number): void {
    const last = this.#lastFailure;
    // Attempts have run out; the value is what the work has to say.
    if (last?.returned === true) this.#call.succeed(last.failed, nowMs);
    else this.#call.fail(last?.failed, this.#stopped, nowMs);
    if (!this.#isRunning()) return;
    this.#abandonAll(fail('CANCELLED', `${this.#parts.name}: another attempt's failure was final.`), nowMs);
  }

  #abandonAll(reason: FairleadError, nowMs: number): void {
    this.#call.first?.abandon(reason, IGNORED, IGNORED, nowMs);
    for (const each of this.others) each.abandon(reason, IGNORED, IGNORED, nowMs);
  }

  #tooLate(nowMs: number): Rejection {
    return deadlineRejection(this.#parts, this.#call.calledAtMs, nowMs + this.#remainingMs(nowMs), nowMs);
  }
}
