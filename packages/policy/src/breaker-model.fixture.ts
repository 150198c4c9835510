import type { Ending, Listener, Subject } from './schedule.fixture.ts';

/** In what breakers differ. The first word of each is what this package does. */
export interface Habits {
  /** It opens when so many calls failed, or only when more did. */
  readonly threshold: 'at-least' | 'more';
  /** Whether the ratio is looked at whenever a call has ended, or only when one has failed. */
  readonly judged: 'by-every-result' | 'by-failures';
  /** Whether a call counts when it has ended, or when it is made, refused or not. */
  readonly counts: 'results' | 'calls';
  /** What becomes of a result from before the last change of state. */
  readonly late: 'dropped' | 'sampled' | 'acted-on';
  /** What the window holds when it closes. */
  readonly closing: 'empty' | 'with-the-probe' | 'as-it-was';
  /** What a failure that is to be ignored counts as. */
  readonly ignored: 'nothing' | 'nothing-or-a-good-probe' | 'success';
  /** Whether it becomes half-open when its time has come, or when it is next called. */
  readonly halfOpens: 'with-time' | 'with-a-call';
  /** What becomes of a call while the probe is out. */
  readonly busy: 'refused' | 'waits';
  /** Whether a bucket is forgotten for each that has passed, or at most one with each result. */
  readonly buckets: 'by-time' | 'by-result';
  /** When a probe that isn't heard of has failed. */
  readonly leaseMs: number;
  /** Whether a slot is free again when its work has ended, or already when its caller no longer waits. */
  readonly slots: 'until-the-work-ends' | 'until-the-timeout';
  /** What a call counts as that found no slot. */
  readonly full: 'nothing' | 'a-failure';
}

/** What all of them are told alike. */
export interface Setup {
  readonly window: { readonly calls: number } | { readonly buckets: number; readonly bucketMs: number };
  readonly minCalls: number;
  readonly ratio: number;
  readonly openMs: number;
  /** After which a call has failed; default never. */
  readonly timeoutMs?: number;
  /** How many calls at a time; default any number. */
  readonly capacity?: number;
}

interface Begun {
  readonly era: number;
  readonly asProbe: boolean;
  readonly timeoutAtMs: number;
}

/** A breaker written down as plainly as can be: lists, filters, and the habits that breakers differ in. */
export class Model implements Subject {
  readonly #habits: Habits;
  readonly #setup: Setup;
  readonly #listener: Listener;
  #nowMs = 0;
  #state: 'closed' | 'open' | 'half-open' = 'closed';
  /** Which state it is, counted. */
  #era = 0;
  #halfOpenAtMs = 0;
  #probe: { readonly call: number; readonly leaseEndMs: number } | undefined;
  #seen: { readonly what: 'call' | 'failure'; readonly bucket: number }[] = [];
  /** Of `by-result`. */
  #turn = { bucket: 0, startedAtMs: -Infinity };
  /** Calls whose result is waited for, in the order in which they began. */
  readonly #begun = new Map<number, Begun>();
  #slotsTaken = 0;
  #waiting: number[] = [];

  constructor(habits: Habits, setup: Setup, listener: Listener) {
    this.#habits = habits;
    this.#setup = setup;
    this.#listener = listener;
  }

  advance(toMs: number): void {
    for (;;) {
      // All have the same timeout, so the first that began is the first to run out of time.
      const [first] = this.#begun;
      const timeoutAtMs = first?.[1].timeoutAtMs ?? Infinity;
      const leaseEndMs = this.#state === 'half-open' ? (this.#probe?.leaseEndMs ?? Infinity) : Infinity;
      const opensHalf = this.#state === 'open' && this.#habits.halfOpens === 'with-time';
      const halfOpenAtMs = opensHalf ? this.#halfOpenAtMs : Infinity;
      const next = Math.min(timeoutAtMs, leaseEndMs, halfOpenAtMs);
      if (next > toMs) break;
      this.#nowMs = next;
      if (next === halfOpenAtMs) this.#tryHalfOpen();
      else if (next === leaseEndMs) this.#open();
      else if (first !== undefined) this.#timeOut(...first);
    }
    this.#nowMs = toMs;
  }

  start(call: number): void {
    if (this.#habits.counts === 'calls') this.#see('call');
    this.#tryHalfOpen();
    const asProbe = this.#state === 'half-open';
    if (this.#state === 'closed' || (asProbe && this.#probe === undefined)) this.#begin(call, asProbe);
    else if (asProbe && this.#habits.busy === 'waits') this.#waiting.push(call);
    else this.#listener.refused(call);
  }

  end(call: number, ending: Exclude<Ending, 'hangs'>): void {
    const begun = this.#begun.get(call);
    if (begun !== undefined) {
      this.#slotsTaken--;
      this.#result(call, begun, ending);
    } else if (this.#habits.slots === 'until-the-work-ends') this.#slotsTaken--;
  }

  #begin(call: number, asProbe: boolean): void {
    const { capacity = Infinity, timeoutMs = Infinity } = this.#setup;
    const begun = { era: this.#era, asProbe, timeoutAtMs: this.#nowMs + timeoutMs };
    if (this.#slotsTaken >= capacity) {
      this.#listener.refused(call);
      if (this.#habits.full === 'a-failure') this.#result(call, begun, 'fails');
      return;
    }
    this.#slotsTaken++;
    if (asProbe) this.#probe = { call, leaseEndMs: this.#nowMs + this.#habits.leaseMs };
    this.#begun.set(call, begun);
    this.#listener.begun(call);
  }

  #timeOut(call: number, begun: Begun): void {
    if (this.#habits.slots === 'until-the-timeout') this.#slotsTaken--;
    this.#result(call, begun, 'fails');
  }

  #result(call: number, { era, asProbe }: Begun, ending: Exclude<Ending, 'hangs'>): void {
    this.#begun.delete(call);
    const { late, ignored, counts, judged } = this.#habits;
    const isLate = era !== this.#era;
    if (isLate && (late === 'dropped' || (late === 'sampled' && asProbe))) return;
    const counted = ending === 'is ignored' && (ignored === 'success' || (ignored !== 'nothing' && asProbe));
    if (ending === 'is ignored' && !counted) {
      if (asProbe) this.#probe = undefined;
      return;
    }
    const failed = ending === 'fails';
    if (counts === 'results') this.#see('call');
    if (failed) this.#see('failure');
    if (this.#state === 'half-open' && !(isLate && late === 'sampled')) {
      if (failed) this.#open();
      else this.#close();
    } else if (this.#state !== 'open' && (failed || judged === 'by-every-result') && this.#isExceeded()) this.#open();
  }

  #tryHalfOpen(): void {
    if (this.#state !== 'open' || this.#nowMs < this.#halfOpenAtMs) return;
    this.#state = 'half-open';
    this.#era++;
    this.#probe = undefined;
  }

  #open(): void {
    this.#state = 'open';
    this.#era++;
    this.#halfOpenAtMs = this.#nowMs + this.#setup.openMs;
    this.#decided();
  }

  #close(): void {
    this.#state = 'closed';
    this.#era++;
    if (this.#habits.closing !== 'as-it-was') {
      this.#seen = [];
      this.#turn.startedAtMs = -Infinity;
    }
    if (this.#habits.closing === 'with-the-probe') this.#see('call');
    this.#decided();
  }

  #decided(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.start(call);
  }

  #see(what: 'call' | 'failure'): void {
    const { window } = this.#setup;
    if ('calls' in window) {
      this.#seen.push({ what, bucket: 0 });
      const calls = this.#seen.filter((each) => each.what === 'call').length;
      if (calls <= window.calls) return;
      // The oldest call goes, and its failure with it.
      this.#seen.shift();
      if (this.#seen[0]?.what === 'failure') this.#seen.shift();
      return;
    }
    const isDue = this.#nowMs - this.#turn.startedAtMs >= window.bucketMs;
    if (what === 'call' && this.#habits.buckets === 'by-result' && isDue) {
      this.#turn = { bucket: this.#turn.bucket + 1, startedAtMs: this.#nowMs };
    }
    this.#seen.push({ what, bucket: this.#bucket(window.bucketMs) });
  }

  #bucket(bucketMs: number): number {
    return this.#habits.buckets === 'by-time' ? Math.floor(this.#nowMs / bucketMs) : this.#turn.bucket;
  }

  #isExceeded(): boolean {
    const { window, minCalls, ratio } = this.#setup;
    const oldest = 'calls' in window ? 0 : this.#bucket(window.bucketMs) - window.buckets + 1;
    const current = this.#seen.filter(({ bucket }) => bucket >= oldest);
    const calls = current.filter(({ what }) => what === 'call').length;
    const failures = current.filter(({ what }) => what === 'failure').length;
    if (calls < minCalls) return false;
    return this.#habits.threshold === 'more' ? failures > ratio * calls : failures >= ratio * calls;
  }
}
