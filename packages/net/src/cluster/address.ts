import type { Endpoint } from '../client/options.ts';

/** An endpoint in a word, such as `http://10.0.0.7:8080`, `https://[::1]:443` or `unix:/run/orders.sock`. */
export function addressOf(endpoint: Endpoint): string {
  if ('path' in endpoint) return `unix:${endpoint.path}`;
  const { host, port, isTls = false } = endpoint;
  return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
