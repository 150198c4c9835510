import type { Context, FairleadError } from '@fairlead/core';
import type { Picked } from '@fairlead/net';
import type { Policy } from '@fairlead/policy';

/** What of a request a policy drives. */
export interface Policed {
  readonly ctx: Context;
  readonly isRepeatable: boolean;
  /** Whether it has its answer already. */
  readonly isSettled: boolean;
  /** Sends it, to somebody else than `avoid` if there is one. */
  attempt(avoid: Picked | undefined): void;
  /** The attempt under way is not waited for any more. */
  abandonAttempt(reason: FairleadError): void;
  /** The policy is through: an answer that was held back goes on. */
  release(): void;
  /** The policy is through, without an answer. */
  failed(error: unknown): void;
}

/** The answer of an attempt, as far as a policy looks at it. */
interface Answered {
  readonly status: number;
}

/**
 * The attempts of one request, as its policy wants them. An attempt that went well is one until its answer has been passed on, so
 * that its slot is held as long; one that failed is held back until the policy has said whether there is another.
 */
export class PolicedAttempts {
  readonly #exchange: Policed;
  readonly #policy: Policy;
  #settle: PromiseWithResolvers<Answered> | undefined;
  #lastPicked: Picked | undefined;
  #count = 0;

  constructor(exchange: Policed, policy: Policy) {
    this.#exchange = exchange;
    this.#policy = policy;
  }

  run(): void {
    const exchange = this.#exchange;
    this.#policy
      .run(exchange.ctx, (inner) => this.#work(inner), { idempotent: exchange.isRepeatable })
      .then(
        () => exchange.release(),
        (error: unknown) => exchange.failed(error),
      );
  }

  /** The attempt went to this endpoint. */
  wentTo(picked: Picked): void {
    this.#lastPicked = picked;
  }

  /** The attempt is over, with an answer of this status. */
  ended(status: number): void {
    this.#settle?.resolve({ status });
  }

  /** The attempt is over, without an answer. */
  failed(error: FairleadError): void {
    this.#settle?.reject(error);
  }

  #work(inner: Context): Promise<Answered> {
    // It ended while the policy had it wait.
    if (this.#exchange.isSettled) return Promise.reject(inner.signal.reason ?? new Error('It is answered already.'));
    const settle = Promise.withResolvers<Answered>();
    this.#settle = settle;
    this.#count += 1;
    const leave = inner.onEnd((reason) => {
      settle.reject(reason);
      this.#exchange.abandonAttempt(reason);
    });
    this.#exchange.attempt(this.#count === 1 ? undefined : this.#lastPicked);
    return settle.promise.finally(leave);
  }
}
