import type { Problems } from './problems.ts';
import { Fields, type DurationText } from './readers.ts';

/** Answers calls that carry a key from what was answered before. Failures are never kept. */
export interface CacheSpec {
  /** How long an answer is fresh: nobody asks again. Counts from when its call began. Default `0ms`: never. */
  readonly ttl?: DurationText;
  /** For how long after that it is still given at once, while it is asked for anew behind the caller's back. Default `0ms`. */
  readonly staleWhileRevalidate?: DurationText;
  /** For how long after `ttl` it stands in for a failure or a rejection; its age is told. Default `0ms`: never. */
  readonly staleIfError?: DurationText;
  /** How many answers are kept; the one that was longest not asked for goes first. Default 1 000. */
  readonly maxEntries?: number;
  /** Who may be given an answer: everybody of its tenant, or only the subject that it was made for. Default `tenant`. */
  readonly per?: 'tenant' | 'subject';
}

/** A cache as it is used. Ages count from when the call of an answer began. */
export interface ResolvedCache {
  readonly freshMs: number;
  /** Up to this age it is given while it is asked for anew. */
  readonly revalidateMs: number;
  /** Up to this age it stands in for a failure. */
  readonly errorMs: number;
  readonly maxEntries: number;
  readonly per: 'tenant' | 'subject';
}

const KEYS = { ttl: true, staleWhileRevalidate: true, staleIfError: true, maxEntries: true, per: true } as const;

/** Reads `cache`; `undefined` when there is none. */
export function resolveCache(spec: unknown, place: Problems): ResolvedCache | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<CacheSpec>(spec, place, KEYS);
  const freshMs = fields.durationMs('ttl', 0);
  const revalidateMs = freshMs + fields.durationMs('staleWhileRevalidate', 0);
  const errorMs = freshMs + fields.durationMs('staleIfError', 0);
  if (place.found.length === 0 && Math.max(revalidateMs, errorMs) === 0) {
    place.add('no answer would ever be used; give ttl, staleWhileRevalidate or staleIfError, or leave cache out');
  }
  return {
    freshMs,
    revalidateMs,
    errorMs,
    maxEntries: fields.count('maxEntries', 1_000, { min: 1 }),
    per: fields.choice('per', ['tenant', 'subject'], 'tenant'),
  };
}
