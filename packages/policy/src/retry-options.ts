import { resolveBackoff, type BackoffSpec, type ResolvedBackoff } from './backoff-options.ts';
import type { Problems } from './problems.ts';
import { Fields } from './readers.ts';
import { REPEAT_KEYS, resolveRepeat, type RepeatCode, type RepeatSpec, type ResolvedRepeat } from './repeat-options.ts';

/** How a call that failed is made again. */
export interface RetrySpec extends RepeatSpec {
  /** How often the work is begun at most, the first time included; 1 to 100. Default 3; 1 means no retry. */
  readonly attempts?: number;
  /** How long to wait before each further attempt. Default: full jitter, 50 ms doubling up to 1 s. */
  readonly backoff?: BackoffSpec;
}

/** How a call that failed is made again, as it is used. */
export interface ResolvedRetry extends ResolvedRepeat {
  readonly attempts: number;
  readonly backoff: ResolvedBackoff;
}

const KEYS = { ...REPEAT_KEYS, attempts: true, backoff: true } as const;

/** Reads `retry`; `undefined` when there is none. */
export function resolveRetry(spec: unknown, place: Problems, code: RepeatCode = {}): ResolvedRetry | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<RetrySpec>(spec, place, KEYS);
  return {
    attempts: fields.count('attempts', 3, { min: 1, max: 100 }),
    backoff: resolveBackoff(fields.raw('backoff'), fields.at('backoff')),
    ...resolveRepeat(fields, code),
  };
}
