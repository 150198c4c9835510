/** Why a request went on (RFC 9211, section 2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'partial';

/** What a cache did with a request. */
export interface Handled {
  readonly forwarded: Forwarded;
  /** What came back, where it isn't what the client is given. */
  readonly forwardedStatus?: number | undefined;
  readonly isStored?: boolean;
  /** It went on together with another one. */
  readonly isCollapsed?: boolean;
  /** Why it isn't stored, or what else is to be told: a word. */
  readonly detail?: string | undefined;
}

/** The line's value for an answer that came from the cache; `ttlS` below 0 when it is stale. */
export function hitStatus(cache: string, ttlS: number, detail?: string): string {
  return `${cache}; hit; ttl=${ttlS}${detail === undefined ? '' : `; detail=${detail}`}`;
}

/** For one that came from upstream. */
export function forwardStatus(cache: string, handled: Handled): string {
  const { forwarded, forwardedStatus, isStored = false, isCollapsed = false, detail } = handled;
  return [
    `${cache}; fwd=${forwarded}`,
    ...(forwardedStatus === undefined ? [] : [`fwd-status=${forwardedStatus}`]),
    ...(isStored ? ['stored'] : []),
    ...(isCollapsed ? ['collapsed'] : []),
    ...(detail === undefined ? [] : [`detail=${detail}`]),
  ].join('; ');
}
