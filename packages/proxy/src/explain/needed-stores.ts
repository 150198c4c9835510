import { withNested } from '../snapshot/nested-filters.ts';
import type { CompiledSnapshot, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';

/**
 * Stores that routes want and a gateway is only given by whoever starts it: without them it does not start, however sound what was
 * written is.
 */
export function neededStores({ routes, kinds }: CompiledSnapshot): readonly string[] {
  const having = (is: (filter: object) => boolean): readonly SnapshotRoute[] =>
    routes.filter(({ filters }) =>
      filters
        .flatMap((filter) => withNested(filter, kinds))
        .some(({ written }) => typeof written === 'object' && written !== null && is(written)),
    );
  const inRedis = having(isCacheInRedis);
  const shared = having(isSharedLimit);
  return [
    ...(inRedis.length === 0
      ? []
      : [
          `${theRoutes(inRedis)} a cache in Redis: "fairlead gateway run" starts with it only with --redis; without one give the cache memory or a disk`,
        ]),
    ...(shared.length === 0
      ? []
      : [
          `${theRoutes(shared)} a limit that counts with other processes (shared): "fairlead gateway run" starts with it only with --redis, or with --workers for those of this machine; without them leave shared out`,
        ]),
  ];
}

function isCacheInRedis(filter: object): boolean {
  if (!('type' in filter) || filter.type !== 'cache' || !('store' in filter)) return false;
  const { store } = filter;
  return typeof store === 'object' && store !== null && 'redis' in store;
}

function isSharedLimit(filter: object): boolean {
  return 'type' in filter && filter.type === 'rate-limit' && 'shared' in filter && filter.shared !== undefined;
}

function theRoutes(routes: readonly SnapshotRoute[]): string {
  const names = routes.map(({ name }) => name).join(', ');
  return routes.length === 1 ? `the route ${names} has` : `the routes ${names} have`;
}
