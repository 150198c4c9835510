import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { withNested } from '../snapshot/nested-filters.ts';
import type { SnapshotRoute } from '../snapshot/compiled-snapshot.ts';

/**
 * Stores that routes want and a gateway is only given by whoever starts it: without them it does not start, however sound what was
 * written is.
 */
export function neededStores(routes: readonly SnapshotRoute[]): readonly string[] {
  const inRedis = routes.filter((route) => has(route, isCacheInRedis));
  const shared = routes.filter((route) => has(route, isSharedLimit));
  return [
    ...(inRedis.length === 0
      ? []
      : [
          `${theRoutes(inRedis)} a cache in Redis, for which a program gives the engine a client (sharedCache): "fairlead gateway run" has none and does not start with it; give the cache memory or a disk, or start the engine from a program`,
        ]),
    ...(shared.length === 0
      ? []
      : [
          `${theRoutes(shared)} a limit that counts with other processes (shared): "fairlead gateway run" starts with it only with --workers; without them leave shared out`,
        ]),
  ];
}

function has({ filters }: SnapshotRoute, is: (filter: object) => boolean): boolean {
  return filters
    .flatMap((filter) => withNested(filter, FILTER_KINDS))
    .some(({ written }) => typeof written === 'object' && written !== null && is(written));
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
