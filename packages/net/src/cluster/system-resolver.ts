import { lookup, Resolver as DnsResolver } from 'node:dns/promises';
import type { ResolvedAddress, Resolver } from './resolver.ts';

/**
 * The machine's resolver. Asks DNS, which says how long an answer is true; names that DNS doesn't know are asked for as other
 * programs do it, so that `localhost`, the hosts file and search domains work, without a time.
 */
export function systemResolver(): Resolver {
  const dns = new DnsResolver();
  return {
    async addresses(host) {
      if (host === 'localhost') return looked(host);
      const answers = await Promise.all([
        orNone(dns.resolve4(host, { ttl: true })),
        orNone(dns.resolve6(host, { ttl: true })),
      ]);
      const found = answers.flat().map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
      return found.length > 0 ? found : looked(host);
    },
    async services(name) {
      const records = await orNone(dns.resolveSrv(name));
      return records.map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }));
    },
  };
}

async function looked(host: string): Promise<readonly ResolvedAddress[]> {
  const found = await orNone(lookup(host, { all: true }));
  return found.map(({ address }) => ({ address, ttlSeconds: undefined }));
}

/** That there is nothing is an answer, too. */
async function orNone<T>(asked: Promise<T[]>): Promise<T[]> {
  try {
    return await asked;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}
