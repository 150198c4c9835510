import type { Context } from '@fairlead/core';
import type { StoreTelemetry } from './telemetry.ts';

/** Runs what was to happen after a commit, in order. A failure is logged: the commit stands. */
export function runAfterCommit(
  ctx: Context,
  functions: readonly (() => void)[],
  { name, telemetry }: { readonly name: string; readonly telemetry: StoreTelemetry },
): void {
  for (const fn of functions) {
    try {
      fn();
    } catch (error) {
      telemetry.log.warn(ctx, `${name}: a function given to afterCommit failed; the commit stands`, { error });
    }
  }
}
