import type { Context, FairleadError } from '@fairlead/core';
import { AttemptContext } from './attempt-context.ts';
import { AttemptLife } from './attempt-life.ts';
import type { CallParts } from './call-parts.ts';
import { fail } from './errors.ts';
import { gateOutcomeOf } from './failure-outcome.ts';
import type { Followed } from './follower.ts';
import { DROPPED, type GateOutcome } from './gate.ts';
import type { LateEntry } from './late-work.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import type { Fresh } from './wake-ups.ts';

/** What an attempt tells the call that it belongs to. */
export interface AttemptOwner {
  /** Notices when the caller gives up. */
  heedCaller(): void;
  attemptSucceeded(attempt: Attempt, value: unknown, nowMs: number): void;
  attemptFailed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void;
  /** The error that says which of its ends the attempt has met. */
  endOf(attempt: Attempt, nowMs: number): FairleadError;
}

/** The share of its own timeout that an attempt must have had for running out of time to be its destination's failure. */
const FAIR_SHARE = 0.5;

/**
 * One beginning of the work, until the work has settled. It can stop being waited for much earlier: then its call goes
 * on without it, while its slot stays taken.
 */
export abstract class Attempt extends AttemptLife implements Fresh, Followed {
  readonly parts: CallParts;
  /** The first is 1; 0 before the beginning. */
  number = 0;
  startedAtMs: number;
  #permit = 0;
  #ticket = 0;
  #state: 'running' | 'abandoned' | 'settled' = 'running';
  /** Once it is no longer waited for: where that is kept, and what its gate will be told in the end. */
  #late: { readonly entry: LateEntry; readonly outcome: GateOutcome } | undefined;

  constructor(parts: CallParts, parent: Context, nowMs: number) {
    super(parent);
    this.parts = parts;
    this.startedAtMs = nowMs;
  }

  /** The call that it belongs to. */
  protected abstract get owner(): AttemptOwner;

  /**
   * Begins the work.
   * @param permit the breaker's
   * @param ticket the gate's
   * @param endsAtMs monotonic time at which it is no longer waited for
   */
  launch(
    work: (ctx: Context, attempt: number) => unknown,
    number: number,
    permit: number,
    ticket: number,
    nowMs: number,
    endsAtMs: number,
  ): void {
    this.number = number;
    this.#permit = permit;
    this.#ticket = ticket;
    this.startedAtMs = nowMs;
    this.dueMs = endsAtMs;
    let begun: unknown;
    try {
      begun = work(new AttemptContext(this.parent, this), number);
    } catch (error) {
      this.failed(error);
      return;
    }
    if (begun instanceof Promise) this.#follow(begun);
    else if (isThenable(begun)) this.#follow(Promise.resolve(begun));
    else this.succeeded(begun);
  }

  get isSettled(): boolean {
    return this.#state !== 'running';
  }

  override nowMs(): number {
    return this.parts.clock.monotonic();
  }

  watch(): void {
    if (this.#state !== 'running') return;
    this.parts.wakeUps.set(this, this.dueMs);
    this.watchCaller();
  }

  protected override watchCaller(): void {
    if (this.#state === 'running') this.owner.heedCaller();
  }

  succeeded(value: unknown): void {
    const { parts } = this;
    const nowMs = parts.clock.monotonic();
    if (this.#state === 'abandoned') {
      this.#settleLate(nowMs);
      return;
    }
    let failed = false;
    try {
      failed = parts.isFailure?.(value) === true;
    } catch (error) {
      this.failed(error);
      return;
    }
    if (failed) this.#settleFailed(value, true, nowMs);
    else this.#settle(SUCCESS, SUCCESS, nowMs);
    if (failed) this.owner.attemptFailed(this, value, true, nowMs);
    else this.owner.attemptSucceeded(this, value, nowMs);
  }

  failed(error: unknown): void {
    const { parts } = this;
    const nowMs = parts.clock.monotonic();
    if (this.#state === 'abandoned') {
      this.#settleLate(nowMs);
      return;
    }
    this.#settleFailed(error, false, nowMs);
    // What it has begun besides what failed has nobody left to wait for it.
    if (this.isHeard) this.end(fail('CANCELLED', `${parts.name}: attempt ${this.number} failed.`, { cause: error }));
    this.owner.attemptFailed(this, error, false, nowMs);
  }

  /** Its time is up. */
  override wake(nowMs: number): void {
    if (this.#state !== 'running') return;
    const reason = this.owner.endOf(this, nowMs);
    // Asked for its end, the caller may have told it.
    if (this.isSettled) return;
    this.#timeUp(reason, nowMs);
    this.owner.attemptFailed(this, reason, false, nowMs);
  }

  /** The caller gave up, or its time is up; the call has ended. */
  callerEnded(reason: FairleadError, nowMs: number): void {
    if (this.#state !== 'running') return;
    if (reason.code === 'DEADLINE_EXCEEDED') this.#timeUp(reason, nowMs);
    else this.abandon(reason, IGNORED, IGNORED, nowMs);
  }

  /** Stops waiting for the work, and tells it why. */
  abandon(reason: FairleadError, outcome: Outcome, lateOutcome: GateOutcome, nowMs: number): void {
    if (this.#state !== 'running') return;
    const { parts } = this;
    this.#state = 'abandoned';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    this.#late = { entry: parts.late.add(nowMs), outcome: lateOutcome };
    this.end(reason);
  }

  #follow(work: Promise<unknown>): void {
    this.parts.followers.follow(work, this);
    this.parts.wakeUps.watchSoon(this);
  }

  #timeUp(reason: FairleadError, nowMs: number): void {
    const { attemptMs, counters } = this.parts;
    const fair = attemptMs === Infinity || nowMs - this.startedAtMs >= FAIR_SHARE * attemptMs;
    counters.timeouts++;
    this.abandon(reason, fair ? FAILURE : IGNORED, DROPPED, nowMs);
  }

  #settleFailed(failed: unknown, returned: boolean, nowMs: number): void {
    const outcome = this.parts.outcomeOf(failed, returned);
    this.#settle(outcome, this.parts.gate === undefined ? outcome : gateOutcomeOf(failed, outcome), nowMs);
  }

  #settle(outcome: Outcome, gateOutcome: GateOutcome, nowMs: number): void {
    const { parts } = this;
    this.#state = 'settled';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, gateOutcome);
  }

  #settleLate(nowMs: number): void {
    const { parts } = this;
    this.#state = 'settled';
    if (this.#late === undefined) return;
    parts.late.remove(this.#late.entry, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, this.#late.outcome);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
