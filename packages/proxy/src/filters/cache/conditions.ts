import type { Fields } from '@fairlead/net';
import { parseHttpDate } from './http-date.ts';

/** By what an answer can be told from others. */
export interface Validators {
  readonly etag: string | undefined;
  /** Milliseconds since 1970. */
  readonly modifiedAtMs: number | undefined;
}

const TAG = /(?:W\/)?"[^"]*"|[^\s,]+/g;

/**
 * Whether a client has what is stored already, as its `If-None-Match` or else its `If-Modified-Since` says (RFC 9110, sections
 * 13.1.2, 13.1.3 and 13.2.2). `cameAtMs` stands in for a `Last-Modified` that isn't there.
 */
export function isUnmodified(request: Fields, stored: Validators, cameAtMs: number): boolean {
  const tags = request.get('if-none-match');
  if (tags !== undefined) return matchesAny(tags, stored.etag);
  const since = request.get('if-modified-since');
  const sinceMs = since === undefined ? undefined : parseHttpDate(since, cameAtMs);
  return sinceMs !== undefined && Math.floor((stored.modifiedAtMs ?? cameAtMs) / 1_000) * 1_000 <= sinceMs;
}

/** By weak comparison: what a reader has is as good (RFC 9110, section 8.8.3.2). */
function matchesAny(tags: string, etag: string | undefined): boolean {
  if (tags.trim() === '*') return true;
  return etag !== undefined && (tags.match(TAG) ?? []).some((tag) => opaque(tag) === opaque(etag));
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/** Whether a range may be taken of what is stored: `If-Range` compares strongly, and dates exactly (RFC 9110, section 13.1.5). */
export function isSameForRange(
  ifRange: string | undefined,
  stored: Validators,
  lastModified: string | undefined,
): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return stored.etag === ifRange;
  return !ifRange.startsWith('W/') && lastModified !== undefined && ifRange === lastModified;
}
