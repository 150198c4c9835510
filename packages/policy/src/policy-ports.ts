import type { Clock, Random } from '@fairlead/core';
import type { DeferPort } from './defer-port.ts';
import type { LimitStore } from './limit-store.ts';
import type { PolicyEvent } from './observe.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What a policy needs of the world. */
export interface PolicyPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Told of everything that the policy decides. Default: nobody, and no event is made. */
  readonly observe?: ((event: PolicyEvent) => void) | undefined;
  /** Shared by the policies of one destination. Default: a budget of this policy's own, as its specification says. */
  readonly budget?: RetryBudget | undefined;
  /** Where limits are counted that are `shared`. Default: none, and sharing one is refused. */
  readonly limits?: LimitStore | undefined;
  /** Takes the calls that are to be made later, see `CallFacts.defer`. Default: none is. */
  readonly defer?: DeferPort | undefined;
  /**
   * How late the event loop has been running timers lately, in milliseconds; `shed` looks at it. Default: nobody measures
   * it, and only the queue counts.
   */
  readonly loopDelayMs?: (() => number) | undefined;
}
