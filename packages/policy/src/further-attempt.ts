import type { CallParts } from './call-parts.ts';
import type { Context } from '@fairlead/core';
import { Attempt, type AttemptOwner } from './attempt.ts';

/** A retry or a hedge. The first attempt is the call itself. */
export class FurtherAttempt extends Attempt {
  protected readonly owner: AttemptOwner;

  constructor(owner: AttemptOwner, parts: CallParts, parent: Context, nowMs: number) {
    super(parts, parent, nowMs);
    this.owner = owner;
  }
}
