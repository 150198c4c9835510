import type { Directives } from './directives.ts';

/** An answer that is stored, at the time that it is asked for. Milliseconds. */
export interface Candidate {
  readonly ageMs: number;
  readonly lifetimeMs: number;
  readonly directives: Directives;
  readonly status: number;
}

/** What an operator allows beyond what answers say, in milliseconds; 0: nothing. */
export interface StaleSettings {
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/**
 * What may be done with a stored answer: `use` it, use it and `refresh` it behind the client's back, or `ask` first whether it still
 * holds.
 */
export type Reuse = 'use' | 'refresh' | 'ask';

/** Decides by what the answer says, what the request says, and what the operator allows (RFC 9111, section 4.2; RFC 5861). */
export function reuseOf(stored: Candidate, request: Directives, settings: StaleSettings): Reuse {
  const { ageMs, lifetimeMs, directives } = stored;
  if (directives.noCache || request.noCache) return 'ask';
  if (request.maxAge !== undefined && ageMs > request.maxAge * 1_000) return 'ask';
  const leftMs = lifetimeMs - ageMs;
  if (leftMs > 0) return leftMs >= (request.minFresh ?? 0) * 1_000 ? 'use' : 'ask';
  if (request.minFresh !== undefined || forbidsStale(directives)) return 'ask';
  if (request.maxStale !== undefined && -leftMs <= request.maxStale * 1_000 && directives.sMaxAge === undefined)
    return 'use';
  return -leftMs < windowMs(directives, directives.staleWhileRevalidate, settings.staleWhileRevalidateMs)
    ? 'refresh'
    : 'ask';
}

/**
 * Whether a stored answer may stand in for a failure (RFC 5861, section 4; RFC 9111, section 4.2.4). One that is a failure itself
 * never does.
 */
export function standsIn(stored: Candidate, settings: StaleSettings): boolean {
  const { ageMs, lifetimeMs, directives, status } = stored;
  if (status >= 500 || directives.noCache || forbidsStale(directives)) return false;
  const mostMs = windowMs(directives, directives.staleIfError, settings.staleIfErrorMs);
  // Also of one that is fresh, where the request has wanted to know: without leave it is told of the failure.
  return mostMs > 0 && ageMs - lifetimeMs < mostMs;
}

function forbidsStale({ mustRevalidate, proxyRevalidate }: Directives): boolean {
  return mustRevalidate || proxyRevalidate;
}

/** What the answer says itself; else what is allowed for all, unless `s-maxage` makes it too strict for that. */
function windowMs({ sMaxAge }: Directives, saidS: number | undefined, settingMs: number): number {
  if (saidS !== undefined) return saidS * 1_000;
  return sMaxAge === undefined ? settingMs : 0;
}
