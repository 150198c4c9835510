import type { FilterKind } from './filter-kind.ts';
import { nestedLists } from './nested-filters.ts';
import type { Place, PlacedProblem } from './snapshot-problem.ts';

/** A filter as it is written, and where. */
export interface PlacedFilter {
  readonly written: unknown;
  readonly place: Place;
}

/** Kinds that say who may pass without saying who it is. */
const GUARDS = new Set(['acl', 'ip']);

/**
 * Filters of a route, in their order, that say who may pass and stand behind a cache, be it that one or both of them stand within
 * others: what is stored would be given without asking them.
 */
export function behindCaches(filters: readonly PlacedFilter[], kinds: readonly FilterKind[]): PlacedProblem[] {
  return walk(filters, kinds, false).problems;
}

interface Walked {
  readonly problems: PlacedProblem[];
  /** Whether a request that comes out of it may have met a cache. */
  readonly isCached: boolean;
}

function walk(filters: readonly PlacedFilter[], kinds: readonly FilterKind[], before: boolean): Walked {
  const problems: PlacedProblem[] = [];
  let isCached = before;
  for (const { written, place } of filters) {
    const type = typeOf(written);
    const kind = kinds.find((each) => each.type === type);
    if (kind === undefined) continue;
    if (kind.identifies === true || GUARDS.has(kind.type)) {
      // Those within it, as within `any-of`, are ways of the same.
      if (isCached) problems.push(problemAt(kind.type, place));
      continue;
    }
    // A request meets one of the lists at most, so that none of them stands behind another one.
    const inner = nestedLists(written, kind).map((list) =>
      walk(
        list.filters.map((each, at) => ({ written: each, place: [...place, ...list.place, at] })),
        kinds,
        isCached,
      ),
    );
    problems.push(...inner.flatMap((each) => each.problems));
    isCached ||= kind.type === 'cache' || inner.some((each) => each.isCached);
  }
  return { problems, isCached };
}

function problemAt(type: string, place: Place): PlacedProblem {
  return {
    place: [...place, 'type'],
    message: `${JSON.stringify(type)} says who may pass, and "cache" stands before it, which gives what is stored without asking; put the cache behind it`,
  };
}

function typeOf(written: unknown): unknown {
  return typeof written === 'object' && written !== null && 'type' in written ? written.type : undefined;
}
