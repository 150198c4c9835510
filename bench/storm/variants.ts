import { STANDARD, type PolicySpec } from '@fairlead/policy';
import type { StormOptions } from './storm.ts';

/** How clients and tiers are protected in one run. */
export type Variant = Omit<StormOptions, 'seed'>;

/** Retries as everybody has them: three attempts, exponential backoff with full jitter, and no limit of anything. */
const RETRIES: PolicySpec = { timeout: STANDARD.timeout, retry: STANDARD.retry };
/** What a server lets in: as much as it finds out that it can do. */
const ADMISSION: PolicySpec = { concurrency: STANDARD.concurrency };

/** What is compared, by name. */
export const VARIANTS = {
  defaults: { call: STANDARD, admission: ADMISSION },
  'no budget': { call: { ...STANDARD, budget: 'off' }, admission: ADMISSION },
  // Written out, statuses say that answers which turn away for load are failures too.
  'load trips': {
    call: { ...STANDARD, breaker: { ...STANDARD.breaker, statuses: [408, 429, '5xx'] } },
    admission: ADMISSION,
  },
  'budget only': { call: RETRIES, admission: undefined },
  'retries only': { call: { ...RETRIES, budget: 'off' }, admission: undefined },
} as const satisfies Record<string, Variant>;
