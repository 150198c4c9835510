import { Fields } from '@fairlead/net';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import type { MatchSpec } from './match-spec.ts';
import type { RoutableRoute } from './match-entry.ts';
import { compileRoutes } from './route-table.ts';

/** A request, with what is left out as dull as possible. */
export interface AskedFacts extends Partial<Omit<PassageFacts, 'fields'>> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route is found by. */
export function factsOf({ headers = {}, ...facts }: AskedFacts): PassageFacts {
  return {
    method: 'GET',
    path: '/',
    query: '',
    host: 'shop.test',
    clientAddress: '192.0.2.1',
    isTls: false,
    ...facts,
    fields: new Fields(Object.entries(headers).flat()),
  };
}

/** The name of the route that answers, else the kind of decision. */
export function find(routes: Parameters<typeof compileRoutes>[0], facts: AskedFacts): string {
  const decision = compileRoutes(routes).find(factsOf(facts));
  return decision.kind === 'route' ? decision.route.name : decision.kind;
}

/** A route by its name. */
export function routeNamed(name: string): CompiledRoute {
  const destinations = [{ cluster: 'orders', weight: 1 }];
  return { name, label: name, filters: [], destinations, timeoutMs: 0, maxBodyBytes: 0, policy: undefined };
}

/** A route for a table. */
export function routable(
  name: string,
  matches: readonly MatchSpec[],
  more: { readonly hosts?: readonly string[]; readonly isExclusive?: boolean; readonly priority?: number } = {},
): RoutableRoute<CompiledRoute> {
  return {
    route: routeNamed(name),
    matches,
    hosts: more.hosts ?? [],
    isExclusive: more.isExclusive ?? false,
    priority: more.priority ?? 0,
  };
}
