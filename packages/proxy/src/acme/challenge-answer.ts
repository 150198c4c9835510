import type { LocalAnswer, PassageFacts } from '../engine/filter.ts';
import type { CompiledListener } from '../snapshot/compiled-snapshot.ts';
import { publishedChallenge } from './acme-storage.ts';

const PREFIX = '/.well-known/acme-challenge/';

/**
 * The answer to an authority that looks for a proof (http-01, RFC 8555, section 8.3), at whichever listener it asks; `undefined` for
 * all other requests, and for proofs that are not ours.
 */
export function challengeAnswer(
  { method, path }: Pick<PassageFacts, 'method' | 'path'>,
  listeners: readonly CompiledListener[],
): LocalAnswer | undefined {
  if (!path.startsWith(PREFIX) || (method !== 'GET' && method !== 'HEAD')) return undefined;
  for (const { tls } of listeners) {
    const body = tls?.acme && publishedChallenge(tls.acme.storage, path.slice(PREFIX.length));
    if (body === undefined) continue;
    return {
      status: 200,
      cause: 'acme-challenge',
      detail: '',
      fields: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
      body,
    };
  }
  return undefined;
}
