import type { Context } from '@fairlead/core';

/** A call to be made later. */
export interface DeferredCall {
  /** Name of the policy that did not get it through now. */
  readonly policy: string;
  /** Two deferred calls of a tenant with one key are to be one job. */
  readonly key: string | undefined;
  /** What whoever makes it later must know; JSON. */
  readonly job: unknown;
}

/** That a call was accepted, to be made later. */
export interface DeferReceipt {
  readonly jobId: string;
}

/** Where calls go that are to be made later. The consumer's need; a queue of jobs implements it. */
export interface DeferPort {
  /** Resolves when the job is kept where a crash doesn't lose it; rejects when it isn't. */
  defer(ctx: Context, call: DeferredCall): Promise<DeferReceipt>;
}
