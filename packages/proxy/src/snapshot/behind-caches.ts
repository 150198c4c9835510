import type { FilterKind } from './filter-kind.ts';
import type { Place, PlacedProblem } from './snapshot-problem.ts';

/** A filter as it is written, and where. */
export interface PlacedFilter {
  readonly type: unknown;
  readonly place: Place;
}

/** Kinds that say who may pass without saying who it is. */
const GUARDS = new Set(['acl', 'ip']);

/**
 * Filters of a route, in their order, that say who may pass and stand behind a cache: what is stored would be given without asking them.
 */
export function behindCaches(filters: readonly PlacedFilter[], kinds: readonly FilterKind[]): PlacedProblem[] {
  const cache = filters.findIndex(({ type }) => type === 'cache');
  if (cache === -1) return [];
  const behind = filters.slice(cache + 1).filter(({ type }) => {
    const kind = kinds.find((each) => each.type === type);
    return kind !== undefined && (kind.identifies === true || GUARDS.has(kind.type));
  });
  return behind.map(({ type, place }) => ({
    place: [...place, 'type'],
    message: `${JSON.stringify(type)} says who may pass, and "cache" stands before it, which gives what is stored without asking; put the cache behind it`,
  }));
}
