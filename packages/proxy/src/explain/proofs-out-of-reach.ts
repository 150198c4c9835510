import { Fields } from '@fairlead/net';
import type { FilterSpec } from '../engine/compiled-route.ts';
import { oidcPaths, type OidcPaths, type OidcSpec } from '../filters/oidc/oidc-spec.ts';
import type { CompiledListener, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';

const NO_FIELDS = new Fields([]);

/**
 * Proofs that nobody can give: of people who log in by a route and come back to a path that isn't one of its, and of clients of a
 * listener that asks none for a certificate.
 */
export function proofsOutOfReach(listener: CompiledListener, routes: readonly SnapshotRoute[]): readonly string[] {
  const served = routes.filter((route) => route.listeners.includes(listener.name));
  return served.flatMap((route) => [
    ...route.filters.flatMap(loginsOf).flatMap((paths) => lostPaths(listener, route, paths)),
    ...(listener.tls?.clientAuthority === undefined &&
    route.filters.some(({ type, optional }) => type === 'client-certificate' && optional !== true)
      ? [
          `the route ${route.name} needs certificates, and the listener ${listener.name} asks nobody for one: give it tls.clients`,
        ]
      : []),
  ]);
}

function lostPaths(listener: CompiledListener, route: SnapshotRoute, paths: OidcPaths): readonly string[] {
  const [host = ''] = route.hosts;
  const lost = Object.entries(paths).filter(([, path]) => {
    const found = listener.table.find({
      method: 'GET',
      path,
      query: '',
      host: host.replace(/^\*/, 'any'),
      fields: NO_FIELDS,
      clientAddress: '',
      isTls: true,
    });
    // What depends on more than the path may well be found.
    if (found.kind === 'needs') return false;
    const logins = found.kind === 'route' ? found.route.filters.flatMap(loginsOf) : [];
    return !logins.some(({ callback }) => callback === paths.callback);
  });
  return lost.map(
    ([what, path]) =>
      `people who log in by the route ${route.name} need its path ${path} (${what}), which does not lead there: choose one that does`,
  );
}

/** Paths of a login, or of those among several ways. */
function loginsOf(filter: FilterSpec): readonly OidcPaths[] {
  // `as`: each has been read by the form of its kind.
  if (filter.type === 'oidc') return [oidcPaths(filter as unknown as OidcSpec)];
  const inner = filter.type === 'any-of' && Array.isArray(filter['of']) ? (filter['of'] as readonly FilterSpec[]) : [];
  return inner.flatMap(loginsOf);
}
