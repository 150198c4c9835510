import type { BreakerState } from './breaker-state.ts';
import type { Counts } from './counters.ts';
import type { GateState } from './gate.ts';
import type { LateWorkState } from './late-work.ts';
import type { RetryBudgetState } from './retry-budget.ts';
import type { ShedState } from './shedder.ts';

/** Everything about a policy, as it is now. What is off is `undefined`. JSON can carry it. */
export interface PolicyState {
  readonly policy: string;
  readonly counts: Counts;
  /** Work that goes on after its end. */
  readonly late: LateWorkState;
  readonly shed: ShedState | undefined;
  readonly budget: RetryBudgetState | undefined;
  readonly breaker: BreakerState | undefined;
  readonly concurrency: GateState | undefined;
  /** How long an attempt has before it is hedged, in milliseconds; `undefined` while too little is known for that. */
  readonly hedgeDelayMs: number | undefined;
}
