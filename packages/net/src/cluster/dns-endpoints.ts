import { isIP } from 'node:net';
import { fail } from '../errors.ts';
import type { Discovery } from './discovery.ts';
import { wholeNumber } from './option-check.ts';
import { refreshed, type RefreshOptions } from './refreshed.ts';
import type { ResolvedAddress, Resolver } from './resolver.ts';

/** What all endpoints by DNS have in common. */
export interface DnsOptions extends RefreshOptions {
  readonly resolver: Resolver;
}

/** Endpoints that are the addresses of a host. */
export interface DnsEndpointsOptions extends DnsOptions {
  /** A name; an address is taken as it is. */
  readonly host: string;
  readonly port: number;
  /** Whether they speak TLS, with certificates for the host. Default false. */
  readonly isTls?: boolean;
  readonly zone?: string;
}

/** Endpoints that SRV records say. */
export interface DnsServicesOptions extends DnsOptions {
  /** Such as `_http._tcp.orders.example`. */
  readonly name: string;
}

const MS_PER_SECOND = 1_000;

/**
 * The addresses of a host (A and AAAA), asked for again when they are no longer true. When that fails the last good ones
 * stay, and it is tried again with growing delays; a host that has no addresses leaves the cluster empty. `Host` says the
 * name, not the address.
 * @throws MISCONFIGURED
 */
export function dnsEndpoints(options: DnsEndpointsOptions): Discovery {
  const { host, port, isTls = false, zone, resolver } = options;
  wholeNumber('port', port, 1, 65_535);
  return refreshed(options, async () => {
    const addresses = isIP(host) === 0 ? await resolver.addresses(host) : [{ address: host, ttlSeconds: undefined }];
    const tls = isTls ? { isTls, serverName: host } : {};
    const common = { host: hostField(host, port, isTls), ...(zone === undefined ? {} : { zone }) };
    const endpoints = addresses.map(({ address }) => ({ ...common, endpoint: { host: address, port, ...tls } }));
    return { endpoints, ttlMs: shortest(addresses) };
  });
}

/**
 * Hosts, ports and weights by SRV (RFC 2782): those of the lowest priority, with all their addresses. Otherwise as
 * `dnsEndpoints`.
 * @throws MISCONFIGURED
 */
export function dnsServices(options: DnsServicesOptions): Discovery {
  const { name, resolver } = options;
  if (name === '') throw fail('MISCONFIGURED', 'name is empty; give a name such as _http._tcp.orders.example.');
  return refreshed(options, async () => {
    const services = await resolver.services(name);
    const first = Math.min(...services.map(({ priority }) => priority));
    const found = await Promise.all(
      services
        .filter(({ priority }) => priority === first)
        .map(async (service) => ({ ...service, addresses: await resolver.addresses(service.host) })),
    );
    const endpoints = found.flatMap(({ host, port, weight, addresses }) =>
      // A weight of 0 means hardly any; ours begin with 1.
      addresses.map(({ address }) => ({
        endpoint: { host: address, port },
        host: hostField(host, port, false),
        weight: Math.max(1, weight),
      })),
    );
    return { endpoints, ttlMs: shortest(found.flatMap(({ addresses }) => addresses)) };
  });
}

/** What requests say in `Host`: the port is left out where it is the scheme's own. */
function hostField(host: string, port: number, isTls: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (isTls ? 443 : 80) ? name : `${name}:${port}`;
}

function shortest(addresses: readonly ResolvedAddress[]): number | undefined {
  const seconds = Math.min(...addresses.map(({ ttlSeconds = Infinity }) => ttlSeconds));
  return seconds === Infinity ? undefined : seconds * MS_PER_SECOND;
}
