import type { TenantState } from './gate.ts';
import { RunningMean } from './running-mean.ts';
import { WaitList } from './waiter.ts';

/** Over how many calls a tenant's mean hold runs. */
const ESTIMATE_WINDOW = 20;
const WARM_UP = 1;

/** On whose behalf somebody comes, and the queue that they came to. */
export interface FairClaim {
  readonly tenant: FairTenant;
  readonly queue: FairQueue;
}

/** Whether a tenant does nothing, holds slots and wants no more, or wants more than it has. */
export type Activity = 'idle' | 'served' | 'waiting';

/** A tenant: what it holds, waits for and has used. */
export class FairTenant {
  readonly name: string;
  readonly weight: number;
  /** One for each queue that it may join. */
  readonly claims: readonly FairClaim[];
  readonly estimateMs = new RunningMean(ESTIMATE_WINDOW, WARM_UP);
  held = 0;
  waiting = 0;
  slotMs = 0;
  refused = 0;

  constructor(name: string, weight: number, queues: readonly FairQueue[]) {
    this.name = name;
    this.weight = weight;
    this.claims = queues.map((queue) => ({ tenant: this, queue }));
  }

  /** What it was when the line last counted. */
  counted: Activity = 'idle';

  get activity(): Activity {
    if (this.waiting > 0) return 'waiting';
    return this.held > 0 ? 'served' : 'idle';
  }

  inspect(): TenantState {
    const { name, weight, held, waiting, slotMs, refused } = this;
    return { tenant: name, weight, inUse: held, waiting, slotMs, estimateMs: this.estimateMs.value, refused };
  }
}

/**
 * A queue and its account, in slots times milliseconds by weight: what the calls that it sent were expected to take, or
 * took when that is known, and for those under way that take longer than expected, what they have taken by now.
 */
export class FairQueue {
  readonly list = new WaitList<FairClaim>();
  /** Everything that was charged, on the line's virtual time. */
  finish = 0;
  held = 0;
  /** Position among the queues with waiters; −1 without. */
  index = -1;
  /** Calls under way beyond their estimate: how many, their shares, and their shares times when each was due. */
  #overdue = 0;
  #overdueShare = 0;
  #overdueShareDueMs = 0;

  /** What calls under way have taken beyond what was charged for them. */
  overrun(nowMs: number): number {
    return this.#overdue === 0 ? 0 : this.#overdueShare * nowMs - this.#overdueShareDueMs;
  }

  /** A call's estimate is over; from now on it is charged as it goes. */
  beginOverrun(share: number, dueMs: number): void {
    this.#overdue += 1;
    this.#overdueShare += share;
    this.#overdueShareDueMs += share * dueMs;
  }

  endOverrun(share: number, dueMs: number): void {
    this.#overdue -= 1;
    // Sums of fractions, begun anew whenever they can be.
    this.#overdueShare = this.#overdue === 0 ? 0 : this.#overdueShare - share;
    this.#overdueShareDueMs = this.#overdue === 0 ? 0 : this.#overdueShareDueMs - share * dueMs;
  }
}
