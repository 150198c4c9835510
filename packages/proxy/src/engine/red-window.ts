import { DURATION_BUCKETS, durationBucket, type DurationCounts } from './duration-buckets.ts';

/** What has happened lately, as sums that can be added to those of other processes. */
export interface RedCounts {
  /** How long that was, in milliseconds: about a minute, less at the beginning. */
  readonly windowMs: number;
  readonly requests: number;
  /** Those answered with 500 or more, or cut off. */
  readonly failed: number;
  /** Those that the proxy answered itself with 400 to 498. */
  readonly refused: number;
  /** Those whose client went away. */
  readonly cancelled: number;
  /** Causes of all these, by how often. */
  readonly causes: Readonly<Record<string, number>>;
  readonly durations: DurationCounts;
}

/** Twelve whole slots and the one that runs are a minute and up to five seconds. */
const SLOTS = 13;
/** How long a slot is. */
export const SLOT_MS = 5_000;
const FAILED = 0;
const REFUSED = 1;
const CANCELLED = 2;
const SUMS = 3;
const WIDTH = SUMS + DURATION_BUCKETS;
/** Causes that are told apart in a slot; they are codes of ours, so that there are few. */
const MOST_CAUSES = 32;
const OTHER = '_other';
/** Windows whose counts of one slot lie beside each other: of many routes, an array of each one's own is in memory that is far away. */
export const NEIGHBOURS = 16;

/** Room for the counts of so many windows. */
export function neighbouringCounts(): Uint32Array {
  return new Uint32Array(NEIGHBOURS * SLOTS * WIDTH);
}

/**
 * Rate, errors and durations of about the last minute, of one route. Counting writes two numbers of an array that is there from the first request on, and
 * makes nothing; what fails is counted by its cause besides.
 */
export class RedWindow {
  readonly #counts: Uint32Array;
  /** Which of its neighbours it is. */
  readonly #at: number;
  /** The one that the last request ended in. */
  #slot = -1;
  /** Which slot of all time is at a place. */
  readonly #slots = new Float64Array(SLOTS).fill(-1);
  readonly #causes: (Map<string, number> | undefined)[] = [];
  readonly #beganAtMs: number;

  /**
   * @param nowMs as all times here, of the clock's monotonic time
   * @param counts of `neighbouringCounts`, of whom this one is number `at`
   */
  constructor(nowMs: number, counts: Uint32Array, at: number) {
    this.#beganAtMs = nowMs;
    this.#counts = counts;
    this.#at = at;
  }

  /** A request has ended in a slot. */
  ended(slot: number, durationMs: number): void {
    if (slot !== this.#slot) this.#enter(slot);
    this.#add(this.#base(slot % SLOTS) + SUMS + durationBucket(durationMs));
  }

  /** One of those that have ended in a slot did not go well. */
  failed(slot: number, status: number, cause: string | undefined): void {
    const base = this.#base(slot % SLOTS);
    if (status === 499) this.#add(base + CANCELLED);
    else if (status >= 500) this.#add(base + FAILED);
    else if (status >= 400) this.#add(base + REFUSED);
    this.#because(slot % SLOTS, cause ?? String(status));
  }

  read(nowMs: number): RedCounts {
    const now = Math.floor(nowMs / SLOT_MS);
    const first = now - SLOTS + 1;
    const sums = [0, 0, 0];
    const durations = Array.from({ length: DURATION_BUCKETS }, () => 0);
    const causes = new Map<string, number>();
    for (const [place, slot] of this.#slots.entries()) {
      if (slot < first || slot > now) continue;
      const base = this.#base(place);
      for (const at of sums.keys()) sums[at] = (sums[at] ?? 0) + (this.#counts[base + at] ?? 0);
      for (const at of durations.keys()) durations[at] = (durations[at] ?? 0) + (this.#counts[base + SUMS + at] ?? 0);
      for (const [cause, count] of this.#causes[place] ?? []) causes.set(cause, (causes.get(cause) ?? 0) + count);
    }
    return {
      windowMs: nowMs - Math.max(this.#beganAtMs, first * SLOT_MS),
      requests: durations.reduce((sum, count) => sum + count, 0),
      failed: sums[FAILED] ?? 0,
      refused: sums[REFUSED] ?? 0,
      cancelled: sums[CANCELLED] ?? 0,
      causes: Object.fromEntries(causes),
      durations: [...durations.entries()].filter(([, count]) => count > 0),
    };
  }

  #enter(slot: number): void {
    const place = slot % SLOTS;
    this.#slot = slot;
    if (this.#slots[place] === slot) return;
    this.#slots[place] = slot;
    const base = this.#base(place);
    this.#counts.fill(0, base, base + WIDTH);
    this.#causes[place] = undefined;
  }

  /** Where its counts of the slot at a place begin. */
  #base(place: number): number {
    return (place * NEIGHBOURS + this.#at) * WIDTH;
  }

  #add(at: number): void {
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  #because(place: number, cause: string): void {
    const causes = (this.#causes[place] ??= new Map<string, number>());
    const told = causes.size < MOST_CAUSES || causes.has(cause) ? cause : OTHER;
    causes.set(told, (causes.get(told) ?? 0) + 1);
  }
}
