import type { Context, FairleadError } from '@fairlead/core';
import { deadlineRejection, endedRejection, reasonOf } from './call-ends.ts';
import type { BreakerMode } from './breaker-state.ts';
import type { CallFacts } from './call-facts.ts';
import type { Settle } from './call-request.ts';
import { createParts, type PolicyParts } from './create-parts.ts';
import { Call, type Work } from './call.ts';
import type { Decision, Rejected } from './decision.ts';
import { fail } from './errors.ts';
import type { PolicyPorts } from './policy-ports.ts';
import type { PolicyState } from './policy-state.ts';
import { rejectionError } from './rejected-error.ts';
import { resolveSpec, type PolicyCode, type PolicySpec } from './spec.ts';

/** How calls to one destination behave under stress. Holds no timer while it has no call, and nothing to be closed. */
export interface Policy {
  readonly name: string;
  /**
   * Does the work under this policy, and gives or throws what it gives or throws.
   * @throws REJECTED or RATE_LIMITED, as a `RejectedError`, when the work was not begun
   * @throws DEADLINE_EXCEEDED when its time was up; `details.limit` says which time
   * @throws CANCELLED when its caller gave up
   */
  run<Value>(ctx: Context, work: Work<Value>, call?: CallFacts<Value>): Promise<Value>;
  /** The same, and never throws: what became of it is a value. */
  attempt<Value>(ctx: Context, work: Work<Value>, call?: CallFacts<Value>): Promise<Decision<Value>>;
  inspect(): PolicyState;
  /**
   * Forgets the answer that is kept for a key of this Context's tenant (and subject, if the cache is `per` subject), as
   * after a write. What is under way goes on for those who wait for it; its answer is neither kept nor shared further.
   */
  forget(ctx: Context, key: string): void;
  /**
   * Orders the breaker's state until `auto`: `open` lets nothing pass, `closed` everything, `disabled` the same without
   * measuring, and `metrics-only` tells what the breaker would do and does nothing. `closed` and then `auto` begins anew.
   * @throws POLICY_INVALID without a breaker
   */
  force(mode: BreakerMode): void;
}

const NO_FACTS: CallFacts<never> = Object.freeze({});

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

  run<Value>(ctx: Context, work: Work<Value>, call: CallFacts<Value> = NO_FACTS): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      // What settles is the work's own value, or another that its caller has named in its place.
      this.#begin(ctx, work, call, resolve as (result: unknown) => void, reject);
    });
  }

  attempt<Value>(ctx: Context, work: Work<Value>, call: CallFacts<Value> = NO_FACTS): Promise<Decision<Value>> {
    return new Promise<Decision<Value>>((resolve) => {
      // As above, in a decision.
      this.#begin(ctx, work, call, resolve as (result: unknown) => void, undefined);
    });
  }

  inspect(): PolicyState {
    return this.#parts.inspect(this.#parts.wakeUps.turn.nowMs());
  }

  forget(ctx: Context, key: string): void {
    this.#parts.front?.forget(ctx, key);
  }

  force(mode: BreakerMode): void {
    const { breaker, wakeUps, name } = this.#parts;
    if (breaker === undefined) {
      throw fail('POLICY_INVALID', `The policy "${name}" has no breaker to be ${mode}; add breaker: {} to it.`);
    }
    breaker.force(mode, wakeUps.turn.nowMs());
  }

  #begin(
    ctx: Context,
    work: Work<unknown>,
    facts: CallFacts,
    resolve: (result: unknown) => void,
    reject: ((error: unknown) => void) | undefined,
  ): void {
    const parts = this.#parts;
    const nowMs = startMs(parts);
    parts.counters.calls++;
    const ended = reasonOf(ctx);
    if (ended === undefined && !parts.isGuarded) {
      const isTimed = parts.start === 'unknown' || parts.wakeUps.turn.isExact;
      new Call(parts, ctx, work, facts, nowMs, isTimed, resolve, reject).begin(nowMs);
    } else this.#beginGuarded(ctx, work, facts, nowMs, ended, resolve, reject);
  }

  #beginGuarded(
    ctx: Context,
    work: Work<unknown>,
    facts: CallFacts,
    nowMs: number,
    ended: FairleadError | undefined,
    resolve: (result: unknown) => void,
    reject: ((error: unknown) => void) | undefined,
  ): void {
    const parts = this.#parts;
    if (parts.front !== undefined && ended === undefined) {
      parts.front.begin(
        { ctx, work, facts, sinceMs: nowMs },
        nowMs,
        reject === undefined ? resolve : throwing(resolve, reject),
      );
      return;
    }
    const rejection =
      ended === undefined
        ? (parts.admit?.(ctx, facts, nowMs) ?? parts.shed?.(ctx, nowMs))
        : endedRejection(ended, deadlineRejection(parts, nowMs, nowMs, nowMs));
    if (rejection === undefined) {
      new Call(parts, ctx, work, facts, nowMs, true, resolve, reject).begin(nowMs);
      return;
    }
    parts.reject(rejection, nowMs);
    if (reject === undefined) resolve({ kind: 'rejected', rejection } satisfies Rejected);
    else reject(rejectionError(rejection));
  }
}

/** When a call begins; 0 when nothing needs to know. A breaker that may refuse is asked by the time itself. */
function startMs({ start, breaker, wakeUps: { turn } }: PolicyParts): number {
  if (start === 'time' || breaker?.passesAll === false) return turn.nowMs();
  return start === 'stamp' ? turn.stampMs() : 0;
}

/** Settles a promise as if the work had been called directly. */
function throwing(resolve: (value: unknown) => void, reject: (error: unknown) => void): Settle {
  return (decision) => {
    if (decision.kind === 'ok') resolve(decision.value);
    else reject(decision.kind === 'failed' ? decision.error : rejectionError(decision.rejection));
  };
}
