import { thrower } from '@fairlead/core';
import type { ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const PLATFORM_ERRORS = {
  /** There is no blueprint at the path that was given. */
  PLATFORM_NOT_FOUND: 'not-found',
  /** The blueprint's module can't be imported, or doesn't export a blueprint. */
  PLATFORM_UNLOADABLE: 'invalid',
  /** The blueprint is wrong. `details.problems` has every place: `[{ path, message }]`. */
  PLATFORM_INVALID: 'invalid',
} as const satisfies ErrorTable;

/** Makes this package's errors. */
export const fail = thrower(PLATFORM_ERRORS);
