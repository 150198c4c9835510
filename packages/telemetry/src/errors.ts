import type { ErrorTable } from '@fairlead/core';

/** The codes that telemetry throws, most of them only to itself: what can't be delivered is counted and logged. */
export const TELEMETRY_ERRORS = {
  /** The collector could not be reached, or is overloaded. Repeated. */
  EXPORT_FAILED: 'unavailable',
  /** The collector will not take this. Not repeated. */
  EXPORT_REFUSED: 'invalid',
} as const satisfies ErrorTable;
