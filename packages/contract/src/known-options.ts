import { nearest } from '@fairlead/core';
import { fail } from './errors.ts';

/**
 * Checks that `options` has no other members than those known.
 * @throws INVALID_CONTRACT with `place` and the nearest known name
 */
export function assertOptions(options: object, known: readonly string[], place: string): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, known);
  throw fail(
    'INVALID_CONTRACT',
    `${place}: there is no option "${unknown}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
  );
}
