import { createContext, type Clock, type Random } from '@fairlead/core';
import { clientPool, type Endpoint } from '@fairlead/net';
import type { JSONWebKeySet } from 'jose';

const MAX_BYTES = 256 * 1024;

/** What fetching needs. */
export interface JwksOptions {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Fetches a JWKS from a URL, over TCP or a unix socket, on a connection of its own. Redirects are not followed.
 * @throws Error when the answer is not 200 with JSON of at most 256 KiB
 */
export async function fetchJwks(
  url: string,
  signal: AbortSignal,
  { clock, random }: JwksOptions,
): Promise<JSONWebKeySet> {
  const { endpoint, target } = parseJwksUrl(url);
  using ctx = createContext({ clock, random, signal });
  await using pool = clientPool({ endpoint, clock, maxConnections: 1, maxAnswerBytes: MAX_BYTES });
  const fields = { accept: 'application/json' };
  const { status, body } = await pool.request(ctx, { method: 'GET', target, fields, body: undefined });
  if (status !== 200) throw new Error(`${url} answered ${status}.`);
  // `as`: readKeySet looks at every member before it is used.
  return JSON.parse(body.toString()) as JSONWebKeySet;
}

/**
 * Where to connect and what to ask for: an `http:` or `https:` URL, or `unix:/path/to.sock:/url/path`; without the second
 * path `/.well-known/jwks.json`.
 */
export function parseJwksUrl(url: string): { readonly endpoint: Endpoint; readonly target: string } {
  if (!url.startsWith('unix:')) {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const isTls = protocol === 'https:';
    const host = hostname.replace(/^\[|\]$/g, '');
    return { endpoint: { host, port: Number(port) || (isTls ? 443 : 80), isTls }, target: `${pathname}${search}` };
  }
  const rest = url.slice('unix:'.length);
  const split = rest.lastIndexOf(':/');
  return split > 0
    ? { endpoint: { path: rest.slice(0, split) }, target: rest.slice(split + 1) }
    : { endpoint: { path: rest }, target: '/.well-known/jwks.json' };
}
