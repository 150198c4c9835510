import type { Context } from '@fairlead/core';
import type { CallFacts } from './call-facts.ts';
import type { Work } from './call.ts';
import type { Decision } from './decision.ts';

/** A call on its way to its work. */
export interface CallRequest {
  readonly ctx: Context;
  readonly work: Work<unknown>;
  readonly facts: CallFacts;
  /** When its total time began, on the monotonic clock. */
  readonly sinceMs: number;
}

/** Told what became of a call, once. */
export type Settle = (decision: Decision<unknown>) => void;
