import type { RejectionCause } from './rejection.ts';

/** What has become of calls and attempts since the policy was made. Numbers of it only grow. */
export interface Counts {
  /** Calls that began to be decided about. */
  readonly calls: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Calls that were never begun, by why. */
  readonly rejected: Readonly<Record<RejectionCause, number>>;
  /** Attempts begun. */
  readonly attempts: number;
  readonly retries: number;
  readonly hedges: number;
  /** Hedges that answered first. */
  readonly hedgeWins: number;
  /** Attempts that were ended because they took too long. */
  readonly timeouts: number;
  /** Calls whose caller gave up while they were under way. */
  readonly cancelled: number;
  /** Further attempts that the rules would have allowed and something forbade, by what. */
  readonly stopped: Readonly<Record<RejectionCause, number>>;
  /** Exceptions of the observer; they reach nobody else. */
  readonly observerErrors: number;
}

/** Counts, while they are counted. */
export class Counters implements Counts {
  calls = 0;
  succeeded = 0;
  failed = 0;
  readonly rejected = noneByCause();
  attempts = 0;
  retries = 0;
  hedges = 0;
  hedgeWins = 0;
  timeouts = 0;
  cancelled = 0;
  readonly stopped = noneByCause();
  observerErrors = 0;

  /** A copy that stays as it is. */
  snapshot(): Counts {
    return Object.assign({}, this, { rejected: { ...this.rejected }, stopped: { ...this.stopped } });
  }
}

function noneByCause(): Record<RejectionCause, number> {
  return {
    deadline: 0,
    'rate-limited': 0,
    quota: 0,
    'limit-unknown': 0,
    shed: 0,
    budget: 0,
    open: 0,
    full: 0,
    'queue-timeout': 0,
    cancelled: 0,
  };
}
