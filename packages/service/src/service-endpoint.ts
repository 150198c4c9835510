import type { Endpoint as NetEndpoint } from '@fairlead/net';

/** Where a service answers. */
export type Endpoint = { readonly socketPath: string } | { readonly origin: string };

/** The same for who connects, and what stands before every path there. */
export interface ReachedEndpoint {
  readonly endpoint: NetEndpoint;
  /** Empty, or beginning with `/` and ending without one. */
  readonly basePath: string;
}

export function netEndpoint(endpoint: Endpoint): ReachedEndpoint {
  if ('socketPath' in endpoint) return { endpoint: { path: endpoint.socketPath }, basePath: '' };
  const url = new URL(endpoint.origin);
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return {
    endpoint: { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, isTls },
    basePath: url.pathname.replace(/\/$/, ''),
  };
}
