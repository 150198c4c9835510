import { Agent, request } from 'undici';
import type { JSONWebKeySet } from 'jose';

const MAX_BYTES = 256 * 1024;

/** Fetches a JWKS from a URL, over TCP or a unix socket, on a connection of its own. */
export async function fetchJwks(url: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const { href, socketPath } = parseJwksUrl(url);
  const agent = new Agent({ connect: socketPath === undefined ? {} : { socketPath }, maxResponseSize: MAX_BYTES });
  try {
    const response = await request(href, { dispatcher: agent, signal, headers: { accept: 'application/json' } });
    if (response.statusCode !== 200) {
      await response.body.dump();
      throw new Error(`${url} answered ${response.statusCode}.`);
    }
    // `as`: readKeySet looks at every member before it is used.
    return (await response.body.json()) as JSONWebKeySet;
  } finally {
    await agent.destroy();
  }
}

/** `unix:/path/to.sock:/url/path` → where to connect and what to ask for. */
export function parseJwksUrl(url: string): { readonly href: string; readonly socketPath: string | undefined } {
  if (!url.startsWith('unix:')) return { href: url, socketPath: undefined };
  const rest = url.slice('unix:'.length);
  const split = rest.lastIndexOf(':/');
  const socketPath = split > 0 ? rest.slice(0, split) : rest;
  const path = split > 0 ? rest.slice(split + 1) : '/.well-known/jwks.json';
  return { href: `http://localhost${path}`, socketPath };
}
