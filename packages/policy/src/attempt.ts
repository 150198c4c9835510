import { type Context, type FairleadError, NOWHERE } from '@fairlead/core';
import { AttemptContext, type AttemptLife } from './attempt-context.ts';
import { AttemptEnd } from './attempt-end.ts';
import type { CallParts } from './call-parts.ts';
import { fail } from './errors.ts';
import { gateOutcomeOf } from './failure-outcome.ts';
import type { Followed } from './follower.ts';
import { DROPPED, type GateOutcome } from './gate.ts';
import type { LateEntry } from './late-work.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import type { WakeUp } from './wake-ups.ts';

/** What an attempt tells the call that it belongs to. */
export interface AttemptOwner {
  /** Notices when the caller gives up; at once, if it has. */
  heedCaller(): void;
  attemptSucceeded(attempt: Attempt, value: unknown, nowMs: number): void;
  attemptFailed(attempt: Attempt, failed: unknown, returned: boolean, nowMs: number): void;
  /** The error that says which of its ends the attempt has met. */
  endOf(attempt: Attempt, nowMs: number): FairleadError;
  /** When the attempt's time is up; too early, if all that is known of its beginning is a stamp. */
  dueMsOf(attempt: Attempt): number;
  /** If all that is known of its beginning is a stamp, it counts as begun now, and so does its call. */
  time(attempt: Attempt, nowMs: number): void;
}

/** When an attempt is due of which nobody has had to know that yet. */
const NOT_TIMED = -1;

/** The share of its own timeout that an attempt must have had for running out of time to be its destination's failure. */
const FAIR_SHARE = 0.5;

/**
 * One beginning of the work, until the work has settled. It can stop being waited for much earlier: then its call goes
 * on without it, while its slot stays taken.
 *
 * Made for the inside of a loop: one class without a base, for a chain of constructors costs more than the object.
 */
export class Attempt implements AttemptLife, WakeUp, Followed {
  dueMs = NOT_TIMED;
  index = NOWHERE;
  /** The first is 1. */
  readonly number: number;
  /** At first perhaps a stamp, see `#time`. */
  startedAtMs: number;
  readonly #parts: CallParts;
  readonly #owner: AttemptOwner;
  readonly #permit: number;
  readonly #ticket: number;
  #state: 'running' | 'abandoned' | 'settled' = 'running';
  #end: AttemptEnd | undefined;
  /** Once it is no longer waited for: where that is kept, and what its gate will be told in the end. */
  #late: { readonly entry: LateEntry; readonly outcome: GateOutcome } | undefined;

  /**
   * @param permit the breaker's
   * @param ticket the gate's
   * @param nowMs when it begins, or a stamp of that turn
   */
  constructor(parts: CallParts, owner: AttemptOwner, number: number, permit: number, ticket: number, nowMs: number) {
    this.number = number;
    this.startedAtMs = nowMs;
    this.#parts = parts;
    this.#owner = owner;
    this.#permit = permit;
    this.#ticket = ticket;
  }

  /** Begins the work. */
  launch(work: (ctx: Context, attempt: number) => unknown, facts: Context): void {
    let begun: unknown;
    try {
      begun = work(new AttemptContext(facts, this), this.number);
    } catch (error) {
      this.failed(error);
      return;
    }
    const { wakeUps } = this.#parts;
    if (begun instanceof Promise) wakeUps.follow(begun, this);
    else if (isThenable(begun)) wakeUps.follow(Promise.resolve(begun), this);
    else this.succeeded(begun);
  }

  get isSettled(): boolean {
    return this.#state !== 'running';
  }

  leftMs(): number {
    if (!this.#parts.hasTimeout) return Infinity;
    const nowMs = this.#parts.wakeUps.turn.nowMs();
    this.#time(nowMs);
    return this.dueMs - nowMs;
  }

  reason(): FairleadError | undefined {
    if (this.#end?.reason === undefined && this.#parts.hasTimeout) {
      const nowMs = this.#parts.wakeUps.turn.nowMs();
      this.#time(nowMs);
      if (nowMs >= this.dueMs) this.wake(nowMs);
    }
    return this.#end?.reason;
  }

  /** Its caller's end is noticed from now on; its own is, when the microtasks after its beginning have run dry. */
  heed(): AttemptEnd {
    return this.#end === undefined ? this.#heedFirst() : this.#heedAgain(this.#end);
  }

  /** Who asks once is content with a stamp. */
  #heedFirst(): AttemptEnd {
    const end = (this.#end = new AttemptEnd());
    if (this.#state === 'running') this.#owner.heedCaller();
    if (this.#parts.hasTimeout && this.#mayBeDue()) this.reason();
    return end;
  }

  /** Who asks again may be keeping the event loop too busy for timers. */
  #heedAgain(end: AttemptEnd): AttemptEnd {
    if (this.#state === 'running') this.#owner.heedCaller();
    this.reason();
    return end;
  }

  #mayBeDue(): boolean {
    return this.#parts.wakeUps.turn.stampMs() >= this.#owner.dueMsOf(this);
  }

  watch(): void {
    if (this.#state !== 'running') return;
    const { start, wakeUps } = this.#parts;
    if (start !== 'unknown') {
      const nowMs = wakeUps.turn.stampMs();
      this.#time(nowMs);
      wakeUps.set(this, this.dueMs, nowMs);
    }
    this.#owner.heedCaller();
  }

  succeeded(value: unknown): void {
    if (this.#state === 'abandoned') this.#settleLate();
    else if (this.#parts.isFailure === undefined || !this.#hasFailed(this.#parts.isFailure, value)) {
      const nowMs = this.#parts.wakeUps.turn.stampMs();
      this.#settle(SUCCESS, SUCCESS, nowMs);
      this.#owner.attemptSucceeded(this, value, nowMs);
    }
  }

  failed(error: unknown): void {
    if (this.#state === 'abandoned') this.#settleLate();
    else this.#ended(error, false);
  }

  /** Its time is up. */
  wake(nowMs: number): void {
    if (this.#state !== 'running') return;
    const reason = this.#owner.endOf(this, nowMs);
    // Asked for its end, the caller may have told it.
    if (this.isSettled) return;
    this.#timeUp(reason, nowMs);
    this.#owner.attemptFailed(this, reason, false, nowMs);
  }

  /** The caller gave up, or its time is up; the call has ended. */
  callerEnded(reason: FairleadError, nowMs: number): void {
    if (this.#state !== 'running') return;
    this.#time(nowMs);
    if (reason.code === 'DEADLINE_EXCEEDED') this.#timeUp(reason, nowMs);
    else this.abandon(reason, IGNORED, IGNORED, nowMs);
  }

  /** Stops waiting for the work, and tells it why. */
  abandon(reason: FairleadError, outcome: Outcome, lateOutcome: GateOutcome, nowMs: number): void {
    if (this.#state !== 'running') return;
    const parts = this.#parts;
    this.#state = 'abandoned';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    this.#late = { entry: parts.late.add(nowMs), outcome: lateOutcome };
    (this.#end ??= new AttemptEnd()).tell(reason);
  }

  #timeUp(reason: FairleadError, nowMs: number): void {
    const { attemptMs, counters } = this.#parts;
    const fair = attemptMs === Infinity || nowMs - this.startedAtMs >= FAIR_SHARE * attemptMs;
    counters.timeouts++;
    this.abandon(reason, fair ? FAILURE : IGNORED, DROPPED, nowMs);
  }

  /** Somebody must know when it is due: its work, its failure, or the end of the turn that it began in. */
  #time(nowMs: number): void {
    if (this.dueMs !== NOT_TIMED) return;
    this.#owner.time(this, nowMs);
    this.dueMs = this.#owner.dueMsOf(this);
  }

  /** It counts as begun now. */
  beginsAt(nowMs: number): void {
    this.startedAtMs = nowMs;
    this.#parts.gate?.beganAt(this.#ticket, nowMs);
  }

  /** Failures are told by the time itself, for pauses and what is left of the call begin with them. */
  #ended(failed: unknown, returned: boolean): void {
    const { wakeUps, outcomeOf, gate, name } = this.#parts;
    const nowMs = wakeUps.turn.nowMs();
    this.#time(nowMs);
    const outcome = outcomeOf(failed, returned);
    this.#settle(outcome, gate === undefined ? outcome : gateOutcomeOf(failed, outcome), nowMs);
    // What it has begun besides what failed has nobody left to wait for it.
    if (!returned) this.#end?.tell(fail('CANCELLED', `${name}: attempt ${this.number} failed.`, { cause: failed }));
    this.#owner.attemptFailed(this, failed, returned, nowMs);
  }

  /** Whether the value that it returned is a failure, or nobody can tell; then it has ended. */
  #hasFailed(isFailure: (value: unknown) => boolean, value: unknown): boolean {
    try {
      if (!isFailure(value)) return false;
    } catch (error) {
      this.#ended(error, false);
      return true;
    }
    this.#ended(value, true);
    return true;
  }

  #settle(outcome: Outcome, gateOutcome: GateOutcome, nowMs: number): void {
    const parts = this.#parts;
    this.#state = 'settled';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, gateOutcome);
  }

  #settleLate(): void {
    const parts = this.#parts;
    const nowMs = parts.wakeUps.turn.nowMs();
    this.#state = 'settled';
    if (this.#late === undefined) return;
    parts.late.remove(this.#late.entry, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, this.#late.outcome);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
