import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { Identity, PassageFacts } from '../engine/filter.ts';

/** What is known of a request only later than its head. A member that is left out has not been looked for yet. */
export interface LateFacts {
  /** Who asks, after the filters for all routes have run; `null` when nobody has proved anything. */
  readonly identity?: Identity | null;
  /** The body as JSON; `null` when it is none, or larger than the table asked for. */
  readonly body?: { readonly value: unknown } | null;
}

/**
 * Where a request goes. Made when the table is, one for each thing that may be said: finding allocates none, and whoever
 * has one may keep it.
 */
export type Decision<Route extends CompiledRoute> =
  /** `match` is which of the route's matches it was, beginning with 0. */
  | { readonly kind: 'route'; readonly route: Route; readonly match: number }
  /**
   * The best route that is left has a condition on what isn't known yet. `identity`: run the filters for all routes and ask
   * again with `identity`. `body`: read at most `maxBodyBytes` of it, and ask again with `identity` and `body`.
   */
  | { readonly kind: 'needs'; readonly needs: 'identity'; readonly route: Route }
  | { readonly kind: 'needs'; readonly needs: 'body'; readonly route: Route; readonly maxBodyBytes: number }
  /** An exclusive route has the path, and answers other methods; `allow` is what `Allow` says. */
  | { readonly kind: 'method-not-allowed'; readonly allow: string }
  | { readonly kind: 'no-route' };

/** Who knows which route of one path a request takes; `undefined` when other paths are to be asked. */
export interface Asked<Route extends CompiledRoute> {
  ask(facts: PassageFacts, late: LateFacts | undefined): Decision<Route> | undefined;
}

/** Routes, in the order in which they are asked. Immutable. */
export interface RouteTable<Route extends CompiledRoute> {
  /** The route that answers this request. Synchronous; never throws; allocates only where a match looks into a query or cookie. */
  find(facts: PassageFacts, late?: LateFacts): Decision<Route>;
}
