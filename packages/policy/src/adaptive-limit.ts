import type { Random } from '@fairlead/core';
import type { ResolvedAdaptive } from './adaptive-options.ts';
import { Aimd } from './aimd.ts';
import { Gradient2 } from './gradient2.ts';
import type { Limit, LimitRule, SlotLimitState } from './limit.ts';
import { Vegas } from './vegas.ts';

/** Durations below this are those of a clock's edge, not of a dependency; and a rule must not divide by 0. */
const SHORTEST_MS = 0.1;

/**
 * A limit that an algorithm moves. Attempts are gathered in windows: a window ends with the first attempt that ends
 * `windowMs` after its beginning, if it has seen enough of them, and hands over their mean duration, the most slots
 * that were in use, and whether anything was dropped (WindowedLimit of Netflix concurrency-limits).
 */
export class AdaptiveLimit implements Limit {
  readonly #options: ResolvedAdaptive;
  readonly #rule: LimitRule;
  #current: number;
  #windowEndsAtMs = 0;
  #count = 0;
  /** How many of them had a duration that counts. */
  #timed = 0;
  #sumMs = 0;
  #peak = 0;
  #dropped = false;

  constructor(options: ResolvedAdaptive, random: Random) {
    this.#options = options;
    this.#rule = ruleOf(options, random);
    this.#current = options.initial;
  }

  get current(): number {
    return this.#current;
  }

  record(durationMs: number, inFlight: number, dropped: boolean, nowMs: number): void {
    const { windowMs, samples } = this.#options;
    const rule = this.#rule;
    // Being turned away takes no time. Taken for an answer it would say that there is room, and raise the limit.
    const tellsTime = !dropped || durationMs >= rule.baseMs;
    if (!tellsTime && !rule.heedsDrops) return;
    // A window begins with what ends first in it, not with the making of the limit or the end of the last one:
    // a pause is no window.
    if (this.#count === 0) this.#windowEndsAtMs = nowMs + windowMs;
    this.#count += 1;
    if (tellsTime) {
      this.#timed += 1;
      this.#sumMs += Math.max(SHORTEST_MS, durationMs);
    }
    this.#peak = Math.max(this.#peak, inFlight);
    this.#dropped ||= dropped;
    if (windowMs === 0 || (nowMs >= this.#windowEndsAtMs && this.#count >= samples)) this.#endWindow();
  }

  #endWindow(): void {
    const rule = this.#rule;
    const meanMs = this.#timed > 0 ? this.#sumMs / this.#timed : rule.baseMs;
    this.#current = Math.max(1, Math.floor(rule.update(meanMs, this.#peak, this.#dropped)));
    this.#count = 0;
    this.#timed = 0;
    this.#sumMs = 0;
    this.#peak = 0;
    this.#dropped = false;
  }

  inspect(): SlotLimitState {
    const { min, max } = this.#options;
    return { algorithm: this.#rule.algorithm, current: this.#current, min, max, baseMs: this.#rule.baseMs };
  }
}

function ruleOf(options: ResolvedAdaptive, random: Random): LimitRule {
  switch (options.algorithm) {
    case 'gradient2':
      return new Gradient2(options);
    case 'aimd':
      return new Aimd(options);
    case 'vegas':
      return new Vegas(options, random);
  }
}
