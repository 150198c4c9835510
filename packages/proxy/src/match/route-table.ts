// How a request finds its route:
//   decision.ts        what may be said; match-spec.ts, what routes ask for
//   route-table.ts     all routes: host-index.ts by host, path-table.ts by path (segment-node.ts is its tree), spot.ts those
//                      of one path, match-entry.ts one match, and which comes first
//   conditions.ts      what must hold besides: text-rule.ts, version-rule.ts, address-blocks.ts, json-pointer.ts
//   request-path.ts    request-values.ts   what a path, a query and a cookie say
//   linear-pattern.ts  regular expressions
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { RouteTable } from './decision.ts';
import { HostIndex } from './host-index.ts';
import { matchEntry, type MatchEntry, type RoutableRoute } from './match-entry.ts';
import { PathTable } from './path-table.ts';
import { matchingPath } from './request-path.ts';
import { NO_ROUTE } from './spot.ts';

/**
 * Makes the table of some routes. Which of several that fit a request takes it is the Gateway API's affair (HTTPRouteMatch,
 * HTTPRouteSpec.hostnames), among those of one priority: the host by name before one by wildcard, a longer wildcard before a shorter one; then the
 * whole path, the longest prefix, a method, most headers, most query parameters; then the order of definition. What the
 * Gateway API leaves open is in `path-table.ts` and `byPrecedence`.
 *
 * @throws RangeError for a rule that can't be compiled; `snapshot/` has looked before
 */
export function compileRoutes<Route extends CompiledRoute>(routes: readonly RoutableRoute<Route>[]): RouteTable<Route> {
  let order = 0;
  const entries = routes.map((routable) => {
    const first = order;
    order += routable.matches.length;
    return { routable, first };
  });
  const byPriority = [...Map.groupBy(entries, ({ routable }) => routable.priority ?? 0)];
  const tiers = byPriority.toSorted(([a], [b]) => b - a).map(([, group]) => hostsOf(group));
  return {
    find(facts, late) {
      if (!facts.path.startsWith('/')) return NO_ROUTE;
      const path = matchingPath(facts.path);
      for (const hosts of tiers) {
        for (const table of hosts.get(facts.host)) {
          const decision = table.find(path, facts, late);
          if (decision !== undefined) return decision;
        }
      }
      return NO_ROUTE;
    },
  };
}

interface Numbered<Route extends CompiledRoute> {
  readonly routable: RoutableRoute<Route>;
  /** The place of its first match among all. */
  readonly first: number;
}

function hostsOf<Route extends CompiledRoute>(routes: readonly Numbered<Route>[]): HostIndex<PathTable<Route>> {
  const byHost = new Map<string, MatchEntry<Route>[]>();
  for (const { routable, first } of routes) {
    const entries = routable.matches.map((spec, match) => matchEntry(routable, spec, { match, order: first + match }));
    for (const host of routable.hosts.length === 0 ? ['*'] : new Set(routable.hosts)) {
      const there = byHost.get(host);
      if (there === undefined) byHost.set(host, [...entries]);
      else there.push(...entries);
    }
  }
  return new HostIndex(new Map([...byHost].map(([host, entries]) => [host, new PathTable(entries)])));
}
