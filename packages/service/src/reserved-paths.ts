/** Paths that every service answers itself, besides its contract. */
export const RESERVED_PATHS: readonly string[] = [
  '/health/live',
  '/health/ready',
  '/metrics',
  '/internal/dead-letters',
];
