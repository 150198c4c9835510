import { fail } from '../errors.ts';
import type { SagaDuration } from './saga-types.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A hundred years: beyond it is a mistake, such as milliseconds taken for seconds twice. */
const MAX_MS = 100 * 366 * 86_400_000;

/**
 * A duration in milliseconds.
 * @param place what it is for, for the message
 * @throws MISCONFIGURED
 */
export function durationMs(duration: SagaDuration, place: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? [];
  const ms =
    typeof duration === 'number' ? duration : Number(count === '' ? Number.NaN : count) * (UNITS_MS[unit] ?? 1);
  if (ms >= 0 && ms <= MAX_MS) return ms;
  throw fail(
    'MISCONFIGURED',
    `${place} is ${JSON.stringify(duration)}; write 250ms, 30s, 15m, 2h or 3d, or give milliseconds, up to a hundred years.`,
  );
}
