import type { Context, FairleadError } from '@fairlead/core';
import { AttemptLife } from './attempt-life.ts';
import type { CallParts } from './call-parts.ts';
import { fail } from './errors.ts';
import { DROPPED, type GateOutcome } from './gate.ts';
import type { LateEntry } from './late-work.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import type { Fresh } from './wake-ups.ts';

/** What an attempt tells the call that it belongs to. */
export interface AttemptOwner {
  readonly parts: CallParts;
  readonly ctx: Context;
  /** Notices when the caller gives up. */
  watch(): void;
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
export class Attempt extends AttemptLife implements Fresh {
  /** The first is 1. */
  readonly number: number;
  readonly startedAtMs: number;
  readonly #owner: AttemptOwner;
  readonly #permit: number;
  readonly #ticket: number;
  #state: 'running' | 'abandoned' | 'settled' = 'running';
  /** Once it is no longer waited for: where that is kept, and what its gate will be told in the end. */
  #late: { readonly entry: LateEntry; readonly outcome: GateOutcome } | undefined;

  constructor(
    owner: AttemptOwner,
    number: number,
    permit: number,
    ticket: number,
    startedAtMs: number,
    endsAtMs: number,
  ) {
    super(owner.ctx, endsAtMs);
    this.#owner = owner;
    this.number = number;
    this.#permit = permit;
    this.#ticket = ticket;
    this.startedAtMs = startedAtMs;
  }

  get isSettled(): boolean {
    return this.#state !== 'running';
  }

  override nowMs(): number {
    return this.#owner.parts.clock.monotonic();
  }

  /** Notices how the work ends, and when it must. */
  follow(work: Promise<unknown>): void {
    work.then(
      (value) => this.succeeded(value),
      (error: unknown) => this.failed(error),
    );
    this.#owner.parts.wakeUps.watchSoon(this);
  }

  override watch(): void {
    if (this.#state !== 'running' || this.index >= 0) return;
    this.#owner.parts.wakeUps.set(this, this.endsAtMs);
    this.#owner.watch();
  }

  succeeded(value: unknown): void {
    const { parts } = this.#owner;
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
    this.#settle(failed ? parts.outcomeOf(value, true) : SUCCESS, nowMs);
    if (failed) this.#owner.attemptFailed(this, value, true, nowMs);
    else this.#owner.attemptSucceeded(this, value, nowMs);
  }

  failed(error: unknown): void {
    const { parts } = this.#owner;
    const nowMs = parts.clock.monotonic();
    if (this.#state === 'abandoned') {
      this.#settleLate(nowMs);
      return;
    }
    this.#settle(parts.outcomeOf(error, false), nowMs);
    // What it has begun besides what failed has nobody left to wait for it.
    if (this.isHeard) this.end(fail('CANCELLED', `${parts.name}: attempt ${this.number} failed.`, { cause: error }));
    this.#owner.attemptFailed(this, error, false, nowMs);
  }

  /** Its time is up. */
  override wake(nowMs: number): void {
    if (this.#state !== 'running') return;
    const { parts } = this.#owner;
    const reason = this.#owner.endOf(this, nowMs);
    this.#timeUp(reason, nowMs);
    this.#owner.attemptFailed(this, reason, false, nowMs);
  }

  /** The caller gave up, or its time is up; the call has ended. */
  callerEnded(reason: FairleadError, nowMs: number): void {
    if (reason.code === 'DEADLINE_EXCEEDED') this.#timeUp(reason, nowMs);
    else this.abandon(reason, IGNORED, IGNORED, nowMs);
  }

  /** Stops waiting for the work, and tells it why. */
  abandon(reason: FairleadError, outcome: Outcome, lateOutcome: GateOutcome, nowMs: number): void {
    if (this.#state !== 'running') return;
    const { parts } = this.#owner;
    this.#state = 'abandoned';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    this.#late = { entry: parts.late.add(nowMs), outcome: lateOutcome };
    this.end(reason);
  }

  #timeUp(reason: FairleadError, nowMs: number): void {
    const { attemptMs, counters } = this.#owner.parts;
    const fair = attemptMs === Infinity || nowMs - this.startedAtMs >= FAIR_SHARE * attemptMs;
    counters.timeouts++;
    this.abandon(reason, fair ? FAILURE : IGNORED, DROPPED, nowMs);
  }

  #settle(outcome: Outcome, nowMs: number): void {
    const { parts } = this.#owner;
    this.#state = 'settled';
    parts.wakeUps.remove(this);
    parts.breaker?.record(this.#permit, outcome, nowMs - this.startedAtMs, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, outcome);
  }

  #settleLate(nowMs: number): void {
    const { parts } = this.#owner;
    this.#state = 'settled';
    if (this.#late === undefined) return;
    parts.late.remove(this.#late.entry, nowMs);
    parts.gate?.leave(this.#ticket, nowMs, this.#late.outcome);
  }
}
