// breaker.ts           when calls are let through; breaker-state.ts is what it says of itself
// breaker-options.ts   how it is written; breaker-outcome.ts tells from a failure what it says
// outcome-window.ts    what it remembers, as count-window.ts or time-window.ts; create-window.ts makes it
// probes.ts            the calls that it lets through to find out
import type { Random } from '@fairlead/core';
import type { ResolvedBreaker } from './breaker-options.ts';
import type {
  BreakerCause,
  BreakerCounts,
  BreakerMeasure,
  BreakerMode,
  BreakerState,
  BreakerStateName,
  BreakerTransition,
} from './breaker-state.ts';
import { createWindow } from './create-window.ts';
import { FAILURE, IGNORED, type Outcome } from './outcome.ts';
import type { OutcomeWindow } from './outcome-window.ts';
import { MOST_PROBES, Probes } from './probes.ts';

/** What a breaker needs of the world. */
export interface BreakerPorts {
  /** Spreads the open time, so that many processes don't come back at one moment. */
  readonly random: Pick<Random, 'next'>;
  /** Told of every change of state, after it. Must not throw. */
  readonly onTransition?: ((transition: BreakerTransition) => void) | undefined;
}

/** A permit is its generation times this, plus the slot of its probe. */
const SLOTS = 1_024;
const NONE = -2;
/** Ratios are quotients of whole numbers: 7 of 100 are 7 %, whatever 0.07 × 100 is. */
const EPSILON = 1e-9;

const FORCED: Readonly<Record<Exclude<BreakerMode, 'auto'>, BreakerStateName>> = {
  open: 'forced-open',
  closed: 'forced-closed',
  disabled: 'disabled',
  'metrics-only': 'metrics-only',
};

/**
 * Stops calls to what is failing or slow, and finds out by a few calls when it has recovered. A state machine on
 * numbers: it has no timer, and what time alone changes is changed when anybody next asks, as of when it was due.
 *
 * Every permit carries the generation of the state that it was issued in. Results of an older generation are counted
 * and change nothing, so that a call that began before the breaker opened can neither close nor reopen it later.
 * States and rules are resilience4j's, generations gobreaker's; leases are new.
 */
export class Breaker {
  readonly #options: ResolvedBreaker;
  readonly #ports: BreakerPorts;
  readonly #window: OutcomeWindow;
  readonly #probes: Probes;
  #state: BreakerStateName;
  #cause: BreakerCause | undefined;
  #sinceMs = -Infinity;
  #generation = 0;
  /** What every call gets in a state that lets all pass; `NONE` in the others. */
  #passPermit = NONE;
  #openUntilMs = 0;
  #openings = 0;
  /** What it was opened by. */
  #measured: BreakerMeasure = measureOf(0, 0, 0);
  /** `why()` of this state, once somebody asked. */
  #why: Readonly<Record<string, number | string>> | undefined;
  /** In `metrics-only`, whether a rule was met when last judged. */
  #isExceeded = false;
  #opened = 0;
  #wouldHaveOpened = 0;
  #refused = 0;
  #late = 0;
  #ignored = 0;
  #leasesEnded = 0;

  constructor(options: ResolvedBreaker, ports: BreakerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#window = createWindow(options.window);
    this.#probes = new Probes(Math.min(options.probes, MOST_PROBES), options.probeLeaseMs);
    this.#state = options.mode === 'auto' ? 'closed' : FORCED[options.mode];
    this.#become(this.#state);
  }

  /** Whether it lets every call pass, whatever the time. */
  get passesAll(): boolean {
    return this.#passPermit >= 0;
  }

  /** A permit, to be given back by `record` exactly once; or −1: the call must not be made. */
  acquire(nowMs: number): number {
    return this.#passPermit >= 0 ? this.#passPermit : this.#acquireGuarded(nowMs);
  }

  /**
   * What became of a call.
   * @param permit of `acquire`
   * @param durationMs of the call, in milliseconds
   */
  record(permit: number, outcome: Outcome, durationMs: number, nowMs: number): void {
    if (permit !== this.#passPermit) {
      this.#recordProbe(permit, outcome, durationMs, nowMs);
      return;
    }
    if (outcome === IGNORED) {
      this.#ignored++;
      return;
    }
    if (this.#state === 'disabled') return;
    this.#window.add(outcome === FAILURE, durationMs > this.#options.slowAfterMs, nowMs);
    this.#judgeWindow(nowMs);
  }

  /** When calls may pass again, in milliseconds: 0 when they do, `Infinity` when nobody can tell. */
  retryAfterMs(nowMs: number): number {
    this.#advance(nowMs);
    switch (this.#state) {
      case 'open':
        return this.#openUntilMs - nowMs;
      case 'half-open':
        return this.#probes.free > 0 ? 0 : this.#probes.nextLeaseEndMs() - nowMs;
      case 'forced-open':
        return Infinity;
      default:
        return 0;
    }
  }

  /**
   * Orders a state, until `auto`. After `open` that begins with probes, after anything else closed; either with nothing
   * remembered. The same order again does nothing; `closed` and then `auto` starts all over.
   */
  force(mode: BreakerMode, nowMs: number): void {
    this.#advance(nowMs);
    const isForced = this.#state !== 'closed' && this.#state !== 'open' && this.#state !== 'half-open';
    if (mode === 'auto') {
      if (!isForced) return;
      this.#change(this.#state === 'forced-open' ? 'half-open' : 'closed', 'forced', nowMs);
    } else if (this.#state !== FORCED[mode]) this.#change(FORCED[mode], 'forced', nowMs);
  }

  /** What a rejection shows: by what the state came about, and while it is half-open what the probes have shown. */
  why(): Readonly<Record<string, number | string>> {
    return this.#state === 'half-open' ? this.#whyNow() : (this.#why ??= this.#whyNow());
  }

  inspect(nowMs: number): BreakerState {
    const retryAfterMs = this.retryAfterMs(nowMs);
    const { free } = this.#probes;
    return {
      state: this.#state,
      cause: this.#cause,
      forMs: this.#sinceMs === -Infinity ? undefined : nowMs - this.#sinceMs,
      generation: this.#generation,
      measured: this.#measureNow(nowMs),
      retryAfterMs: retryAfterMs === Infinity ? undefined : retryAfterMs,
      openings: this.#openings,
      probes: this.#state === 'half-open' ? { out: this.#probes.size - free - this.#probes.settled, free } : undefined,
      counts: this.#counts(),
    };
  }

  #counts(): BreakerCounts {
    return {
      opened: this.#opened,
      wouldHaveOpened: this.#wouldHaveOpened,
      refused: this.#refused,
      late: this.#late,
      ignored: this.#ignored,
      leasesEnded: this.#leasesEnded,
    };
  }

  #whyNow(): Readonly<Record<string, number | string>> {
    const { calls, failureRatio, slowRatio } = this.#state === 'half-open' ? this.#measureProbes() : this.#measured;
    return { state: this.#state, because: this.#cause ?? 'configured', calls, failureRatio, slowRatio };
  }

  #acquireGuarded(nowMs: number): number {
    this.#advance(nowMs);
    // Whoever listens to changes may have ordered another state.
    if (this.#passPermit >= 0) return this.#passPermit;
    const slot = this.#state === 'half-open' ? this.#probes.begin(nowMs) : -1;
    if (slot >= 0) return this.#generation * SLOTS + slot;
    this.#refused++;
    return -1;
  }

  #recordProbe(permit: number, outcome: Outcome, durationMs: number, nowMs: number): void {
    this.#advance(nowMs);
    const isCurrent = this.#state === 'half-open' && Math.floor(permit / SLOTS) === this.#generation;
    if (!isCurrent || !this.#probes.settle(permit % SLOTS, outcome, durationMs > this.#options.slowAfterMs)) {
      this.#late++;
      return;
    }
    if (outcome === IGNORED) this.#ignored++;
    else this.#judgeProbes(false, nowMs);
  }

  /** Does what time alone does: ends the open time and leases, each as of its end. */
  #advance(nowMs: number): void {
    while (this.#state === 'half-open') {
      const endMs = this.#probes.nextLeaseEndMs();
      if (endMs > nowMs) break;
      this.#probes.endNextLease();
      this.#leasesEnded++;
      this.#judgeProbes(true, endMs);
    }
    if (this.#state === 'open' && nowMs >= this.#openUntilMs) this.#change('half-open', 'waited', this.#openUntilMs);
  }

  #judgeWindow(nowMs: number): void {
    const { calls, failures, slow } = this.#window;
    const { minCalls, failureRatio, slowRatio } = this.#options;
    const isFailing = calls >= minCalls && failures + EPSILON >= failureRatio * calls;
    const isSlow = calls >= minCalls && slow + EPSILON >= slowRatio * calls;
    if (isFailing || isSlow) this.#exceeded(isFailing ? 'failure-ratio' : 'slow-ratio', nowMs);
    else this.#isExceeded = false;
  }

  /** The window has met a rule. */
  #exceeded(cause: BreakerCause, nowMs: number): void {
    if (this.#state === 'closed') this.#open(cause, nowMs);
    else if (this.#state === 'metrics-only' && !this.#isExceeded) {
      this.#isExceeded = true;
      this.#wouldHaveOpened++;
      this.#tell('metrics-only', cause, this.#measureNow(nowMs), nowMs);
    }
  }

  /** Opens or closes as soon as the probes that are missing can't change it any more. */
  #judgeProbes(byLease: boolean, nowMs: number): void {
    const { size, settled, failures, slow } = this.#probes;
    const { failureRatio, slowRatio } = this.#options;
    const isFailing = failures + EPSILON >= failureRatio * size;
    const isSlow = slow + EPSILON >= slowRatio * size;
    if (isFailing || isSlow) this.#open(byLease ? 'lease' : isFailing ? 'failure-ratio' : 'slow-ratio', nowMs);
    else {
      const missing = size - settled;
      const canFail = failures + missing + EPSILON >= failureRatio * size;
      const canBeSlow = slow + missing + EPSILON >= slowRatio * size;
      if (!canFail && !canBeSlow) this.#change('closed', 'recovered', nowMs);
    }
  }

  #open(cause: BreakerCause, nowMs: number): void {
    const { openForMs, openGrowth, openMaxMs, openJitter } = this.#options;
    const grownMs = Math.min(openMaxMs, openForMs * openGrowth ** this.#openings);
    const jitteredMs = grownMs * (1 + openJitter * (2 * this.#ports.random.next() - 1));
    this.#openings++;
    this.#opened++;
    this.#openUntilMs = nowMs + jitteredMs;
    this.#change('open', cause, nowMs);
  }

  #change(to: BreakerStateName, cause: BreakerCause, atMs: number): void {
    const from = this.#state;
    const measured = this.#measureNow(atMs);
    if (to === 'open') this.#measured = measured;
    else if (to !== 'half-open' && to !== 'forced-open') this.#openings = 0;
    this.#cause = cause;
    this.#sinceMs = atMs;
    this.#become(to);
    this.#tell(from, cause, measured, atMs);
  }

  #become(state: BreakerStateName): void {
    this.#state = state;
    this.#generation++;
    const passes = state !== 'open' && state !== 'half-open' && state !== 'forced-open';
    this.#passPermit = passes ? this.#generation * SLOTS : NONE;
    this.#window.clear();
    this.#probes.clear();
    this.#isExceeded = false;
    this.#why = undefined;
  }

  #tell(from: BreakerStateName, cause: BreakerCause, measured: BreakerMeasure, atMs: number): void {
    const { onTransition } = this.#ports;
    if (onTransition === undefined) return;
    const openForMs = this.#state === 'open' ? this.#openUntilMs - atMs : 0;
    onTransition({ from, to: this.#state, cause, atMs, measured, openForMs });
  }

  #measureProbes(): BreakerMeasure {
    return measureOf(this.#probes.settled, this.#probes.failures, this.#probes.slow);
  }

  #measureNow(nowMs: number): BreakerMeasure {
    if (this.#state === 'open') return this.#measured;
    if (this.#state === 'half-open') return this.#measureProbes();
    this.#window.advance(nowMs);
    return measureOf(this.#window.calls, this.#window.failures, this.#window.slow);
  }
}

function measureOf(calls: number, failures: number, slow: number): BreakerMeasure {
  const of = Math.max(1, calls);
  return { calls, failures, slow, failureRatio: failures / of, slowRatio: slow / of };
}
