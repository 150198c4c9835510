import type { CloseOptions } from '@fairlead/core';
import type { SupervisedInstance } from './supervisor/supervised-instance.ts';
import { DRAIN_ORDER } from './supervisor/leftovers.ts';

/**
 * Closes instances kind after kind, the edge first and the database last, so that whatever is drained can still reach
 * what it needs. Each kind has `graceMs` (default 5 000; 0 ends everything at once, the database still last). Errors of
 * one never keep another from being closed; they come together in an `AggregateError`.
 */
export async function drain(instances: readonly SupervisedInstance[], options: CloseOptions = {}): Promise<void> {
  const failures: unknown[] = [];
  const groups =
    options.graceMs === 0 ? [DRAIN_ORDER.slice(0, -1), DRAIN_ORDER.slice(-1)] : DRAIN_ORDER.map((kind) => [kind]);
  for (const kinds of groups) {
    const group = instances.filter(({ kind }) => (kinds as readonly string[]).includes(kind));
    const results = await Promise.allSettled(group.map((instance) => instance.close(options)));
    failures.push(
      ...results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown),
    );
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be ended');
}
