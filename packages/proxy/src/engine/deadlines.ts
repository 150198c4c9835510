import type { Clock, Timer } from '@fairlead/core';

/** Something that may take too long; holds its own place in the line. */
export interface Due {
  /** On monotonic time. */
  dueAtMs: number;
  dueBefore: Due | undefined;
  dueAfter: Due | undefined;
  /** The line that it stands in; `undefined` for none. */
  dueIn: DeadlineLine | undefined;
  /** Its time is up; it stands in the line no more. */
  overdue(line: DeadlineLine): void;
}

/**
 * All that has the same time to be done in. Who began first is due first, so that one timer, that of the first, is enough;
 * joining and leaving touch two neighbours and make nothing.
 */
export class DeadlineLine {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #first: Due | undefined;
  #last: Due | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** `due` began at `sinceMs`, not before those who stand here. */
  join(due: Due, sinceMs: number): void {
    due.dueAtMs = sinceMs + this.#timeoutMs;
    due.dueIn = this;
    due.dueBefore = this.#last;
    due.dueAfter = undefined;
    if (this.#last === undefined) this.#first = due;
    else this.#last.dueAfter = due;
    this.#last = due;
    // The timer outlives who it was set for: an early look is cheaper than a timer for each.
    this.#timer ??= this.#clock.setTimer(this.#timeoutMs, this.#look);
  }

  leave(due: Due): void {
    const { dueBefore, dueAfter } = due;
    if (dueBefore === undefined) this.#first = dueAfter;
    else dueBefore.dueAfter = dueAfter;
    if (dueAfter === undefined) this.#last = dueBefore;
    else dueAfter.dueBefore = dueBefore;
    due.dueBefore = undefined;
    due.dueAfter = undefined;
    due.dueIn = undefined;
  }

  /** No timer stays. Nobody may stand in it. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let due = this.#first; due !== undefined && due.dueAtMs <= nowMs; due = this.#first) {
      this.leave(due);
      due.overdue(this);
    }
    const next = this.#first;
    if (next !== undefined) this.#timer ??= this.#clock.setTimer(Math.max(0, next.dueAtMs - nowMs), this.#look);
  };
}

/** The line of one who has brought its own time; its timer goes with it. */
export class OwnDeadline extends DeadlineLine {
  override leave(due: Due): void {
    super.leave(due);
    this.close();
  }
}

/** The lines of a proxy, one for each time that some route has. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lines = new Map<number, DeadlineLine>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The line of those who have `timeoutMs`; `undefined` for 0, which is any time. */
  line(timeoutMs: number): DeadlineLine | undefined {
    if (timeoutMs === 0) return undefined;
    const known = this.#lines.get(timeoutMs) ?? new DeadlineLine(this.#clock, timeoutMs);
    this.#lines.set(timeoutMs, known);
    return known;
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }
}
