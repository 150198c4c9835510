import type { Context } from '@fairlead/core';
import type { Failed, Rejected } from './decision.ts';
import type { DeferReceipt } from './defer-port.ts';

/** What a caller says about one call. */
export interface CallFacts<Value = unknown> {
  /** Whether doing it twice is the same as doing it once, as for a read. Default false. */
  readonly idempotent?: boolean | undefined;
  /**
   * What identifies the call: two calls of a tenant with one key mean the same. Its destination recognises a repeat by it,
   * so a call with a key may be repeated; caches and coalescing answer by it. Default: none.
   */
  readonly key?: string | undefined;
  /** How many usual calls this one weighs on rates and limits; above 0. Default 1. */
  readonly cost?: number | undefined;
  /**
   * With the section `fallback`: another call that answers instead, such as of a replica, under a policy of its own. It has
   * as long as the caller has. Default: none.
   */
  readonly alternative?: ((ctx: Context, why: Failed | Rejected) => Promise<Value> | Value) | undefined;
  /**
   * With the section `fallback`: accepts the call now, to be made later by `ports.defer`. Only what was not begun, is
   * idempotent or carries a key is deferred, or it could be done twice. Default: it isn't.
   */
  readonly defer?: Deferral<Value> | undefined;
}

/** How a call is made later. */
export interface Deferral<Value> {
  /** What whoever makes it must know; JSON. */
  readonly job: unknown;
  /** What the caller is answered now. */
  readonly answer: (receipt: DeferReceipt) => Value;
}
