import type { CircuitLimits, ClusterRefusal } from './circuit-limits.ts';
import type { Member } from './member.ts';

/** Counts what a cluster has under way, and says when that is enough. */
export class Circuit {
  readonly limits: CircuitLimits;
  readonly refused: Record<ClusterRefusal, number> = {
    'no-endpoints': 0,
    'no-healthy-endpoints': 0,
    'max-requests': 0,
    'max-pending': 0,
    'max-retries': 0,
    closed: 0,
  };
  requests = 0;
  /** Those beyond the connections of their endpoint. */
  pending = 0;
  retries = 0;
  /** Picks after an attempt that failed, ever. */
  repeats = 0;

  constructor(limits: CircuitLimits) {
    this.limits = limits;
  }

  began(member: Member): void {
    this.requests += 1;
    if (member.inFlight > this.limits.maxConnections) this.pending += 1;
  }

  ended(member: Member): void {
    this.requests -= 1;
    if (member.inFlight >= this.limits.maxConnections) this.pending -= 1;
  }

  /** Whether one more at this member would have to wait, and nobody may. */
  isPendingFull(member: Member): boolean {
    return member.inFlight >= this.limits.maxConnections && this.pending >= this.limits.maxPending;
  }
}
