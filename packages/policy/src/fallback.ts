import type { Context } from '@fairlead/core';
import type { CallFacts } from './call-facts.ts';
import type { CallParts } from './call-parts.ts';
import type { Settle } from './call-request.ts';
import { reasonOf } from './call-ends.ts';
import type { Decision, Failed, Rejected, Succeeded } from './decision.ts';
import type { DeferPort } from './defer-port.ts';
import type { ResolvedFallback } from './fallback-options.ts';
import { FAILURE } from './outcome.ts';
import { RejectedError } from './rejected-error.ts';

/** A fallback, as it is now. */
export interface FallbackState {
  /** Calls that something stood in for. */
  readonly answered: number;
  /** Of those, the ones that will be made later. */
  readonly deferred: number;
  /** Alternatives, deferrals and functions that failed themselves. */
  readonly failed: number;
}

/** Something that may stand in for the work. */
interface Step {
  readonly from: 'fallback' | 'deferred';
  answer(): unknown;
}

/** Answers calls that failed or were not let through. */
export class Fallback {
  readonly #parts: CallParts;
  readonly #options: ResolvedFallback;
  readonly #deferPort: DeferPort | undefined;
  #answered = 0;
  #deferred = 0;
  #failed = 0;

  constructor(parts: CallParts, options: ResolvedFallback, deferPort: DeferPort | undefined) {
    this.#parts = parts;
    this.#options = options;
    this.#deferPort = deferPort;
  }

  /** Settles with `decision`, or with what stands in for it. */
  settle(ctx: Context, facts: CallFacts, decision: Decision<unknown>, settle: Settle): void {
    const why = failureIn(this.#parts, decision);
    // Nobody waits for an answer when the caller has left.
    if (why === undefined || !this.#standsInFor(why, decision) || reasonOf(ctx) !== undefined) settle(decision);
    else new FallbackRun(ctx, why, settle, decision).next(this.#steps(ctx, facts, why), this);
  }

  /** Counts how a step ended. */
  count(step: Step, succeeded: boolean): void {
    if (!succeeded) this.#failed++;
    else {
      this.#answered++;
      if (step.from === 'deferred') this.#deferred++;
    }
  }

  inspect(): FallbackState {
    return { answered: this.#answered, deferred: this.#deferred, failed: this.#failed };
  }

  #standsInFor(why: Failed | Rejected, decision: Decision<unknown>): boolean {
    const { on } = this.#options;
    if (why.kind === 'rejected') return on.has(why.rejection.cause);
    // A policy further in didn't let it through.
    if (why.error instanceof RejectedError) return on.has(why.error.rejection.cause) || on.has('error');
    if (on.has('error')) return true;
    return on.has('failure') && this.#parts.outcomeOf(why.error, decision.kind === 'ok') === FAILURE;
  }

  #steps(ctx: Context, facts: CallFacts, why: Failed | Rejected): Step[] {
    const { alternative, defer, key, idempotent } = facts;
    const { answer, value } = this.#options;
    const port = this.#deferPort;
    const steps: Step[] = [];
    if (alternative !== undefined) steps.push({ from: 'fallback', answer: () => alternative(ctx, why) });
    const harmless = why.kind === 'rejected' || idempotent === true || key !== undefined;
    if (defer !== undefined && port !== undefined && harmless) {
      const call = { policy: this.#parts.name, key, job: defer.job };
      steps.push({ from: 'deferred', answer: async () => defer.answer(await port.defer(ctx, call)) });
    }
    if (answer !== undefined) steps.push({ from: 'fallback', answer: () => answer(ctx, why) });
    if (value !== undefined) steps.push({ from: 'fallback', answer: () => structuredClone(value.value) });
    return steps;
  }
}

/** What failed in a decision: a value that the work returned can be a failure too. */
export function failureIn(parts: CallParts, decision: Decision<unknown>): Failed | Rejected | undefined {
  if (decision.kind !== 'ok') return decision;
  if (!returnedFailure(parts, decision)) return undefined;
  return { kind: 'failed', error: decision.value, attempts: decision.attempts, stopped: undefined };
}

function returnedFailure({ isFailure }: CallParts, { value }: Succeeded<unknown>): boolean {
  try {
    return isFailure?.(value) === true;
  } catch {
    return true;
  }
}

/** One call's way through what may stand in for it. */
class FallbackRun {
  readonly #why: Failed | Rejected;
  readonly #settle: Settle;
  readonly #decision: Decision<unknown>;
  #leaveCaller: (() => void) | undefined;
  #done = false;

  constructor(ctx: Context, why: Failed | Rejected, settle: Settle, decision: Decision<unknown>) {
    this.#why = why;
    this.#settle = settle;
    this.#decision = decision;
    // Whoever leaves does not wait for what stands in either.
    const leave = ctx.onEnd((error) => {
      this.#end({ kind: 'failed', error, attempts: Math.max(1, this.#attempts), stopped: undefined });
    });
    if (!this.#done) this.#leaveCaller = leave;
  }

  /** Tries the first of `steps`, then the others. When all have failed, it is what it was: their errors hide no cause. */
  next(steps: readonly Step[], fallback: Fallback): void {
    const [step, ...others] = steps;
    if (this.#done) return;
    if (step === undefined) {
      this.#end(this.#decision);
      return;
    }
    const failed = (): void => {
      fallback.count(step, false);
      this.next(others, fallback);
    };
    const answered = (value: unknown): void => {
      fallback.count(step, true);
      this.#end({ kind: 'ok', value, attempts: this.#attempts, from: step.from });
    };
    let answer: unknown;
    try {
      answer = step.answer();
    } catch {
      failed();
      return;
    }
    if (answer instanceof Promise) answer.then(answered, failed);
    else answered(answer);
  }

  get #attempts(): number {
    return this.#why.kind === 'failed' ? this.#why.attempts : 0;
  }

  #end(decision: Decision<unknown>): void {
    if (this.#done) return;
    this.#done = true;
    this.#leaveCaller?.();
    this.#settle(decision);
  }
}
