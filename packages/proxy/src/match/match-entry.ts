import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import { conditionsOf, type Conditions } from './conditions.ts';
import type { Asked, Decision, LateFacts } from './decision.ts';
import type { MatchSpec, PathRule } from './match-spec.ts';

const DEFAULT_BODY_BYTES = 64 * 1024;

/** A route as the table is made of it. */
export interface RoutableRoute<Route extends CompiledRoute> {
  readonly route: Route;
  /** Host names, or `*.` and a name for all below it. Empty: any host. */
  readonly hosts: readonly string[];
  /** One of them must match. */
  readonly matches: readonly MatchSpec[];
  /**
   * Whether a request whose path is this route's, and which no route of the same path takes, is refused. Without it, routes
   * of shorter paths are asked, as the Gateway API has it.
   */
  readonly isExclusive: boolean;
  /** Routes of a higher one are asked first, whatever their hosts and paths. Default 0. */
  readonly priority?: number;
}

/** What is said to a request that has its route. It is asked itself where it is said to all requests of a path. */
class FoundRoute<Route extends CompiledRoute> implements Asked<Route> {
  readonly kind = 'route';
  readonly route: Route;
  readonly match: number;

  constructor(route: Route, match: number) {
    this.route = route;
    this.match = match;
  }

  ask(): Decision<Route> {
    return this;
  }
}

/** One match of one route, ready to be asked. */
export interface MatchEntry<Route extends CompiledRoute> {
  readonly route: Route;
  /** Which of the route's matches, beginning with 0. */
  readonly match: number;
  /** Its place among all entries as they were written. */
  readonly order: number;
  readonly isExclusive: boolean;
  readonly path: PathRule;
  readonly methods: readonly string[] | undefined;
  readonly conditions: Conditions;
  /** First day of a version that is chosen by date; later ones are asked first. Empty without one. */
  readonly since: string;
  readonly decision: FoundRoute<Route>;
  /** There when it has conditions on who asks, and on the body. */
  readonly needsIdentity: Decision<Route> | undefined;
  readonly needsBody: Decision<Route> | undefined;
}

/** Makes the entry of a match. @throws RangeError for a rule that can't be compiled */
export function matchEntry<Route extends CompiledRoute>(
  { route, isExclusive }: RoutableRoute<Route>,
  spec: MatchSpec,
  place: { readonly match: number; readonly order: number },
): MatchEntry<Route> {
  const maxBodyBytes = spec.maxBodyBytes ?? DEFAULT_BODY_BYTES;
  const conditions = conditionsOf(spec);
  return {
    route,
    ...place,
    isExclusive,
    path: pathRuleOf(spec),
    methods: spec.methods,
    conditions,
    since: spec.version?.by === 'date' ? spec.version.from : '',
    decision: new FoundRoute(route, place.match),
    needsIdentity: conditions.identity.length === 0 ? undefined : { kind: 'needs', needs: 'identity', route },
    needsBody: conditions.body.length === 0 ? undefined : { kind: 'needs', needs: 'body', route, maxBodyBytes },
  };
}

/** The paths of a match; those of a gRPC method are `/service/method`. */
export function pathRuleOf({ path, grpc }: MatchSpec): PathRule {
  if (grpc === undefined) return path ?? { kind: 'prefix', path: '/' };
  const { service, method } = grpc;
  if (service === undefined)
    return method === undefined ? { kind: 'prefix', path: '/' } : { kind: 'template', path: `/:service/${method}` };
  return method === undefined
    ? { kind: 'prefix', path: `/${service}` }
    : { kind: 'exact', path: `/${service}/${method}` };
}

/** What an entry whose path fits says to a request; `undefined` when it isn't meant. */
export function askEntry<Route extends CompiledRoute>(
  entry: MatchEntry<Route>,
  facts: PassageFacts,
  late: LateFacts | undefined,
): Decision<Route> | undefined {
  if (entry.methods !== undefined && !entry.methods.includes(facts.method)) return undefined;
  const { early, identity, body } = entry.conditions;
  for (const each of early) if (!each.test(facts)) return undefined;
  if (identity.length > 0) {
    const known = late?.identity;
    if (known === undefined) return entry.needsIdentity;
    for (const each of identity) if (!each.test(known)) return undefined;
  }
  if (body.length > 0) {
    const known = late?.body;
    if (known === undefined) return entry.needsBody;
    for (const each of body) if (!each.test(known)) return undefined;
  }
  return entry.decision;
}

/**
 * Which of two entries of the same path is asked first, as for `toSorted`: one with a method, more headers, more query
 * parameters (so far the Gateway API), more other conditions, the later version by date; then as they were written.
 */
export function byPrecedence(a: MatchEntry<CompiledRoute>, b: MatchEntry<CompiledRoute>): number {
  const [ofA, ofB] = [a.conditions.counts, b.conditions.counts];
  return (
    Number(b.methods !== undefined) - Number(a.methods !== undefined) ||
    ofB.headers - ofA.headers ||
    ofB.query - ofA.query ||
    ofB.others - ofA.others ||
    (a.since === b.since ? 0 : a.since < b.since ? 1 : -1) ||
    a.order - b.order
  );
}
