import type { CompiledListener, CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { clustersInside } from '../snapshot/filter-references.ts';
import { neededStores } from './needed-stores.ts';
import { proofsOutOfReach } from './proofs-out-of-reach.ts';
import { unheardPreflights } from './unheard-preflights.ts';
import { matchWords } from './words.ts';

/**
 * What of a snapshot can be used and yet is hardly meant: matches that no request reaches, clusters that no route leads to and no filter asks,
 * preflights that nobody answers, proofs that nobody can give, stores that the command line has not, certificates that end soon.
 */
export function snapshotWarnings(snapshot: CompiledSnapshot): readonly string[] {
  const { listeners, routes, clusters, kinds, loadedAtMs } = snapshot;
  const first = new Map<string, string>();
  const unreached: string[] = [];
  for (const route of routes) {
    for (const [index, match] of route.matches.entries()) {
      const keys = route.listeners.flatMap((listener) =>
        (route.hosts.length === 0 ? ['*'] : route.hosts).map((host) => `${listener} ${host} ${matchWords(match)}`),
      );
      const before = keys.map((key) => first.get(key));
      const winners = [...new Set(before.filter((name) => name !== undefined))];
      for (const key of keys) if (!first.has(key)) first.set(key, route.name);
      if (!before.includes(undefined))
        unreached.push(
          `match ${index} of the route ${route.name} is never reached: ${winners.join(', ')} has the same`,
        );
    }
  }
  const used = new Set(
    routes.flatMap(({ destinations, filters }) => [
      ...destinations.map(({ cluster }) => cluster),
      ...filters.flatMap((filter) => clustersInside(filter, kinds)).map(({ cluster }) => cluster),
    ]),
  );
  const idle = clusters.filter(({ name }) => !used.has(name));
  const unheard = routes.flatMap((route) => unheardPreflights(route, kinds));
  const ending = listeners.flatMap((listener) => endingCertificates(listener, loadedAtMs));
  const isPlain = listeners.some(({ tls }) => tls === undefined);
  const unproved = isPlain ? [] : listeners.filter(({ tls }) => tls?.acme !== undefined);
  const unprovable = unproved.map(
    ({ name }) =>
      `the listener ${name} has its certificate issued, and no listener without TLS answers at port 80, where the authority asks for the proof`,
  );
  return [
    ...unreached,
    ...idle.map(({ name }) => `no route leads to the cluster ${name}`),
    ...unheard,
    ...new Set(listeners.flatMap((listener) => proofsOutOfReach(listener, routes))),
    ...neededStores(snapshot),
    ...ending,
    ...unprovable,
  ];
}

const DAY_MS = 24 * 60 * 60 * 1_000;
/** From when on before its end a certificate should have been renewed: authorities that renew by themselves do so before. */
const SOON_DAYS = 14;

function endingCertificates({ name, tls }: CompiledListener, nowMs: number): readonly string[] {
  return (tls?.certificates ?? []).flatMap(({ certificate, found }) => {
    const days = found === undefined ? SOON_DAYS : (found.expiresAt - nowMs) / DAY_MS;
    if (found === undefined || days >= SOON_DAYS) return [];
    const end = new Date(found.expiresAt).toISOString();
    return [
      `the certificate ${certificate} of the listener ${name} ends in ${Math.floor(days)} days, on ${end}; renew it`,
    ];
  });
}
