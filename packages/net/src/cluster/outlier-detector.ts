import type { Clock, Random } from '@fairlead/core';
import type { ClusterEvent } from './cluster-event.ts';
import type { AttemptOutcome } from './cluster-types.ts';
import type { Member } from './member.ts';

/** What a detector stands in. */
export interface OutlierWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** Everybody in the cluster now. */
  readonly members: () => readonly Member[];
  /** Somebody's standing has changed. `isBack` when it is no longer left out. */
  readonly onChange: (member: Member, isBack: boolean) => void;
  readonly observe: (event: ClusterEvent) => void;
}

/** Finds those that fail, and leaves them out for a while. */
export interface OutlierDetector {
  /** An attempt goes to a member. */
  began(member: Member): void;
  ended(member: Member, outcome: AttemptOutcome): void;
  /** Its active check has succeeded, or somebody says so: it is back at once. */
  absolve(member: Member, because: 'active-check' | 'operator'): void;
  /** It has left the cluster. */
  forget(member: Member): void;
  /** Leaves no timer behind. */
  close(): void;
}

/** Whether an outcome is the endpoint's failure, and of which kind; what is neither says nothing. */
export function judge(outcome: AttemptOutcome): 'success' | 'server-error' | 'gateway-error' | 'nothing' {
  switch (outcome) {
    case 'ok':
      return 'success';
    case 'server-error':
      return 'server-error';
    case 'gateway-error':
    case 'connect-failed':
    case 'reset':
    case 'timeout':
      return 'gateway-error';
    case 'turned-away':
    case 'cancelled':
      return 'nothing';
  }
}
