import type { PassageFacts } from '../engine/filter.ts';

/**
 * Whether a browser asks for a page that somebody will look at, so that it can be sent elsewhere to log in. What scripts ask for, and
 * what isn't asked for by a browser, needs an answer that programs understand. Fetch metadata decides where there is any
 * (W3C Fetch Metadata, `Sec-Fetch-Mode`), else `Accept`.
 */
export function isNavigation({ method, fields }: PassageFacts): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (fields.get('x-requested-with')?.toLowerCase() === 'xmlhttprequest') return false;
  const mode = fields.get('sec-fetch-mode');
  if (mode !== undefined && mode !== 'navigate') return false;
  return /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(fields.get('accept') ?? '');
}

/** The URL that a client has asked for, with the port that it knows. */
export function askedUrl({ isTls, host, path, query, fields }: PassageFacts): string {
  return `${isTls ? 'https' : 'http'}://${fields.get('host') ?? host}${path}${query}`;
}
