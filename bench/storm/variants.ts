import type { PolicySpec } from '@fairlead/policy';
import type { StormOptions } from './storm.ts';

/** How clients and tiers are protected in one run. */
export type Variant = Omit<StormOptions, 'seed'>;

/** Retries as everybody has them: three attempts, exponential backoff with full jitter, and nothing else. */
const RETRIES: PolicySpec = { timeout: { total: '5s', attempt: '1s' }, retry: {} };
const LIMITS: PolicySpec = { concurrency: { adaptive: {} } };

/** What is compared, by name. */
export const VARIANTS = {
  defaults: { call: { ...RETRIES, ...LIMITS }, admission: LIMITS },
  'no budget': { call: { ...RETRIES, ...LIMITS, budget: 'off' }, admission: LIMITS },
  'budget only': { call: RETRIES, admission: undefined },
  'retries only': { call: { ...RETRIES, budget: 'off' }, admission: undefined },
} as const satisfies Record<string, Variant>;
