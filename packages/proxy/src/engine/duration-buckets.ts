/** Below this, in microseconds, all durations are one. */
const LEAST_OCTAVE = 6;
/** 2^26 microseconds are 67 s: what takes longer is one, too. */
const MOST_OCTAVE = 26;
/** Parts of an octave, as a power of two: durations of one bucket differ by an eighth at most. */
const PART_BITS = 3;
const PARTS = 1 << PART_BITS;

/** How many buckets there are. */
export const DURATION_BUCKETS = (MOST_OCTAVE - LEAST_OCTAVE) * PARTS + 2;

/** The bucket of a duration: logarithmic with linear parts, as in an HDR histogram. */
export function durationBucket(durationMs: number): number {
  const micros = durationMs * 1_000;
  if (!(micros >= 1 << LEAST_OCTAVE)) return 0;
  if (micros >= 2 ** MOST_OCTAVE) return DURATION_BUCKETS - 1;
  const whole = micros | 0;
  const octave = 31 - Math.clz32(whole);
  return 1 + (octave - LEAST_OCTAVE) * PARTS + ((whole >> (octave - PART_BITS)) & (PARTS - 1));
}

/** Where a bucket begins, in milliseconds. */
function beginOf(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = LEAST_OCTAVE + ((bucket - 1) >> PART_BITS);
  return ((1 + ((bucket - 1) & (PARTS - 1)) / PARTS) * 2 ** octave) / 1_000;
}

/** How many there are of each bucket that has any, the shortest first. */
export type DurationCounts = readonly (readonly [bucket: number, count: number])[];

/**
 * The duration that this share of them does not exceed, in milliseconds, off by an eighth at most; 0 when there are none. What is
 * beyond the last bucket is told as its beginning.
 * @param share from 0 to 1
 */
export function quantile(counts: DurationCounts, share: number): number {
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return 0;
  const wanted = Math.max(1, Math.ceil(total * share));
  let before = 0;
  for (const [bucket, count] of counts) {
    if (before + count < wanted) {
      before += count;
      continue;
    }
    const begin = beginOf(bucket);
    if (bucket >= DURATION_BUCKETS - 1) return begin;
    return begin + ((beginOf(bucket + 1) - begin) * (wanted - before)) / count;
  }
  return beginOf(DURATION_BUCKETS - 1);
}
