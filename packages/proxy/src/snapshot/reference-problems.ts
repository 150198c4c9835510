import { nearest } from '@fairlead/core';
import { behindCaches, type PlacedFilter } from './behind-caches.ts';
import type { FilterKind } from './filter-kind.ts';
import { clustersNamedBy } from './filter-references.ts';
import type { PlacedProblem, Place } from './snapshot-problem.ts';

type Members = Readonly<Record<string, unknown>>;

/**
 * What only the whole can tell: names that are there twice or lead nowhere, and what can't work together. Reads what was
 * written as far as it has a shape, so that people hear of everything at once.
 */
export function referenceProblems(written: unknown, kinds: readonly FilterKind[]): PlacedProblem[] {
  const root = membersOf(written);
  const clusters = membersOf(root['clusters']);
  const clusterNames = new Set(Object.keys(clusters));
  const policies = new Set(Object.keys(membersOf(root['policies'])));
  const listeners = listOf(root['listeners']);
  const routes = listOf(root['routes']);
  const listenerNames = new Set(listeners.map((listener) => membersOf(listener)['name']).filter(isText));
  const shared = listOf(root['filters']);
  const identifies = shared.some((filter) => kindOf(filter, kinds)?.identifies === true);
  return [
    ...twice('listeners', listeners, 'name', 'a listener of this name'),
    ...twice('listeners', listeners, 'address', 'a listener at this address', (address) => !address.endsWith(':0')),
    ...twice('routes', routes, 'name', 'a route of this name'),
    ...Object.entries(clusters).flatMap(([name, cluster]) =>
      unknownName(membersOf(cluster)['policy'], ['clusters', name, 'policy'], 'policy', policies),
    ),
    ...filterProblems(shared, ['filters'], clusterNames, kinds),
    ...behindCaches(placed(shared, ['filters']), kinds),
    ...routes.flatMap((each, index) => routeProblems(each, index)),
  ];

  function routeProblems(each: unknown, index: number): readonly PlacedProblem[] {
    const route = membersOf(each);
    const filters = listOf(route['filters']);
    const place = ['routes', index];
    // Of ten thousand routes, most have nothing of all this: no list is made for what is not there.
    const problems: PlacedProblem[] = [];
    if (route['to'] !== undefined) problems.push(...destinationProblems(route['to'], [...place, 'to'], clusterNames));
    else if (isMembers(each) && ![...shared, ...filters].some((filter) => kindOf(filter, kinds)?.answersAll === true))
      problems.push({ place, message: 'leads nowhere: give it "to", or a filter that answers' });
    if (filters.length > 0) {
      const within = [...place, 'filters'];
      const behind = behindCaches([...placed(shared, ['filters']), ...placed(filters, within)], kinds);
      problems.push(
        ...filterProblems(filters, within, clusterNames, kinds),
        // Those for all routes are told of once.
        ...behind.filter((problem) => problem.place[0] === 'routes'),
      );
    }
    if (route['policy'] !== undefined)
      problems.push(...unknownName(route['policy'], [...place, 'policy'], 'policy', policies));
    for (const [at, name] of listOf(route['listeners']).entries())
      problems.push(...unknownName(name, [...place, 'listeners', at], 'listener', listenerNames));
    if (!identifies) problems.push(...claimProblems(route['match'], [...place, 'match'], kinds));
    return problems;
  }
}

function placed(filters: readonly unknown[], place: Place): PlacedFilter[] {
  return filters.map((filter, at) => ({ written: filter, place: [...place, at] }));
}

/** The clusters that filters send something to. */
function filterProblems(
  filters: readonly unknown[],
  place: Place,
  clusters: ReadonlySet<string>,
  kinds: readonly FilterKind[],
): PlacedProblem[] {
  return filters.flatMap((filter, at) =>
    clustersNamedBy(filter, kinds).flatMap(({ cluster, path }) =>
      unknownName(cluster, [...place, at, ...path], 'cluster', clusters),
    ),
  );
}

/** The names of clusters in a route's `to`. */
function destinationProblems(to: unknown, place: Place, clusters: ReadonlySet<string>): PlacedProblem[] {
  if (!Array.isArray(to)) return unknownName(to, place, 'cluster', clusters);
  return to.flatMap((each, index) =>
    unknownName(membersOf(each)['cluster'], [...place, index, 'cluster'], 'cluster', clusters),
  );
}

/** Claims are known when the route is chosen only if a filter for all routes has proved who asks. */
function claimProblems(match: unknown, place: Place, kinds: readonly FilterKind[]): PlacedProblem[] {
  const isList = Array.isArray(match);
  const matches: readonly unknown[] = isList ? match : [match];
  if (matches.every((each) => membersOf(each)['claims'] === undefined)) return [];
  const able = kinds.filter((kind) => kind.identifies === true).map((kind) => kind.type);
  return matches.flatMap((each, at) =>
    membersOf(each)['claims'] === undefined
      ? []
      : [
          {
            place: [...place, ...(isList ? [at] : []), 'claims'],
            isKey: true,
            message: `are not known when the route is chosen: no filter for all routes proves who asks; put ${able.join(' or ') || 'one that does'} into "filters" at the top`,
          },
        ],
  );
}

function twice(
  list: string,
  items: readonly unknown[],
  member: string,
  what: string,
  counts: (text: string) => boolean = () => true,
): PlacedProblem[] {
  const first = new Map<string, number>();
  return items.flatMap((item, index) => {
    const text = membersOf(item)[member];
    if (!isText(text) || !counts(text)) return [];
    const before = first.get(text);
    if (before === undefined) {
      first.set(text, index);
      return [];
    }
    return [{ place: [list, index, member], message: `there is ${what} already: ${list}[${before}]` }];
  });
}

function unknownName(name: unknown, place: Place, what: string, names: ReadonlySet<string>): PlacedProblem[] {
  if (!isText(name) || names.has(name)) return [];
  const known = [...names];
  const near = nearest(name, known);
  const hint =
    near !== undefined
      ? `did you mean ${near}?`
      : known.length === 0
        ? 'there is none'
        : `there are: ${known.join(', ')}`;
  return [{ place, message: `there is no ${what} ${JSON.stringify(name)}; ${hint}` }];
}

function kindOf(filter: unknown, kinds: readonly FilterKind[]): FilterKind | undefined {
  const { type } = membersOf(filter);
  return kinds.find((kind) => kind.type === type);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function membersOf(value: unknown): Members {
  return isMembers(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
