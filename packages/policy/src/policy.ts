import type { Clock, Context, Random } from '@fairlead/core';
import { DecidingEnd, ThrowingEnd } from './call-end.ts';
import { deadlineRejection, endedRejection, reasonOf } from './call-ends.ts';
import type { CallFacts } from './call-facts.ts';
import { createParts, type PolicyParts } from './create-parts.ts';
import { Call, type CallEnd, type Work } from './call.ts';
import type { Decision } from './decision.ts';
import type { PolicyEvent } from './observe.ts';
import type { PolicyState } from './policy-state.ts';
import type { RetryBudget } from './retry-budget.ts';
import { resolveSpec, type PolicyCode, type PolicySpec } from './spec.ts';

/** What a policy needs of the world. */
export interface PolicyPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Told of everything that the policy decides. Default: nobody, and no event is made. */
  readonly observe?: ((event: PolicyEvent) => void) | undefined;
  /** Shared by the policies of one destination. Default: a budget of this policy's own, as its specification says. */
  readonly budget?: RetryBudget | undefined;
}

/** How calls to one destination behave under stress. Holds no timer while it has no call, and nothing to be closed. */
export interface Policy {
  readonly name: string;
  /**
   * Does the work under this policy, and gives or throws what it gives or throws.
   * @throws REJECTED or RATE_LIMITED, as a `RejectedError`, when the work was not begun
   * @throws DEADLINE_EXCEEDED when its time was up; `details.limit` says which time
   * @throws CANCELLED when its caller gave up
   */
  run<Value>(ctx: Context, work: Work<Value>, call?: CallFacts): Promise<Value>;
  /** The same, and never throws: what became of it is a value. */
  attempt<Value>(ctx: Context, work: Work<Value>, call?: CallFacts): Promise<Decision<Value>>;
  inspect(): PolicyState;
}

const NO_FACTS: CallFacts = Object.freeze({});

/**
 * A policy from its specification. It shares nothing with other policies but the ports it is given.
 * @param name of the destination or operation; part of every message, event and rejection
 * @param code what JSON can't say
 * @throws POLICY_INVALID with every fault of the specification
 */
export function policy(name: string, spec: PolicySpec, ports: PolicyPorts, code: PolicyCode = {}): Policy {
  return new CompiledPolicy(createParts(name, resolveSpec(name, spec, code), ports));
}

class CompiledPolicy implements Policy {
  readonly name: string;
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  run<Value>(ctx: Context, work: Work<Value>, call: CallFacts = NO_FACTS): Promise<Value> {
    return new Promise((resolve, reject) => this.#begin(ctx, work, call, new ThrowingEnd(resolve, reject)));
  }

  attempt<Value>(ctx: Context, work: Work<Value>, call: CallFacts = NO_FACTS): Promise<Decision<Value>> {
    return new Promise((resolve) => this.#begin(ctx, work, call, new DecidingEnd(resolve)));
  }

  inspect(): PolicyState {
    return this.#parts.inspect(this.#parts.clock.monotonic());
  }

  #begin(ctx: Context, work: Work<unknown>, facts: CallFacts, end: CallEnd): void {
    const parts = this.#parts;
    const nowMs = parts.clock.monotonic();
    parts.counters.calls++;
    const ended = reasonOf(ctx);
    const rejection =
      ended === undefined
        ? parts.admit?.(ctx, facts, nowMs)
        : endedRejection(ended, deadlineRejection(parts, nowMs, nowMs, nowMs));
    if (rejection !== undefined) {
      parts.reject(rejection, nowMs);
      end.rejected(rejection);
      return;
    }
    new Call(parts, ctx, work, facts, nowMs, end).begin(nowMs);
  }
}
