/** How many slots there are, and how that is decided. */
export interface Limit {
  /** Whole slots, at least 1. */
  readonly current: number;
  /**
   * An attempt has ended.
   * @param durationMs how long it held its slot
   * @param inFlight how many slots were taken when it began, its own included
   * @param dropped whether it ended because of too much load
   */
  record(durationMs: number, inFlight: number, dropped: boolean, nowMs: number): void;
  inspect(): SlotLimitState;
}

/** A limit, as it is now. */
export interface SlotLimitState {
  readonly algorithm: 'fixed' | 'gradient2' | 'aimd' | 'vegas';
  readonly current: number;
  readonly min: number;
  readonly max: number;
  /** What a slot is held for without queueing, as the algorithm believes, in milliseconds; 0 for fixed and AIMD. */
  readonly baseMs: number;
}

/** An algorithm that finds the limit: a pure step from one measurement to the next limit. */
export interface LimitRule {
  readonly algorithm: SlotLimitState['algorithm'];
  readonly baseMs: number;
  /** Whether `dropped` alone moves the limit, without a duration that says anything. */
  readonly heedsDrops: boolean;
  /** The limit after a measurement, with its fraction; the whole slots are what is below. */
  update(durationMs: number, inFlight: number, dropped: boolean): number;
}

/** A limit that nothing changes. */
export class FixedLimit implements Limit {
  readonly current: number;

  constructor(slots: number) {
    this.current = slots;
  }

  record(): void {
    // Nothing that happens changes it.
  }

  inspect(): SlotLimitState {
    return { algorithm: 'fixed', current: this.current, min: this.current, max: this.current, baseMs: 0 };
  }
}
