import { FairleadError, type Random } from '@fairlead/core';
import { resolveBackoff, type BackoffSpec } from './backoff-options.ts';
import { Problems } from './problems.ts';
import { retryDelay } from './retry-delay.ts';

/** Milliseconds to wait after the failure of attempt number `attempt`, the first being 1. Keeps no state. */
export type RetryDelays = (attempt: number, random: Random) => number;

/**
 * The waits of a `backoff` section, for those who repeat something else than calls. Knows no last wait, so `decorrelated`
 * is refused.
 * @param place what the section belongs to, for the message
 * @throws MISCONFIGURED with everything that is wrong
 */
export function retryDelays(spec: BackoffSpec, place: string): RetryDelays {
  const problems = new Problems('backoff');
  const resolved = resolveBackoff(spec, problems);
  if (resolved.jitter === 'decorrelated')
    problems.at('jitter').add('decorrelated needs to know the last wait, which is not kept here; choose full');
  if (problems.found.length > 0)
    throw new FairleadError('internal', 'MISCONFIGURED', `${place}: ${problems.found.join('; ')}.`);
  return (attempt, random) => retryDelay(resolved, attempt, 0, random);
}
