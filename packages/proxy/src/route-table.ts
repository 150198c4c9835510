import type { ResolvedRoute } from './options.ts';

/** Which route a request takes. */
export type RouteDecision =
  | { readonly kind: 'route'; readonly route: ResolvedRoute }
  | { readonly kind: 'no-route' }
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] };

/** Routes, found by whole segments. */
export interface RouteTable {
  /**
   * The route with the longest prefix of `segments`; among those of the same path, the one that answers `method`. A shorter
   * prefix is never asked when a longer one refuses the method: otherwise a route could be passed by with another verb.
   */
  find(method: string, segments: readonly string[]): RouteDecision;
}

interface Node {
  readonly children: Map<string, Node>;
  readonly routes: ResolvedRoute[];
}

const NEVER = ['CONNECT', 'TRACE'];

/** Builds the table once; finding costs a map look-up a segment. */
export function routeTable(routes: readonly ResolvedRoute[]): RouteTable {
  const root: Node = { children: new Map(), routes: [] };
  for (const route of routes) {
    let node = root;
    for (const segment of route.path === '/' ? [] : route.path.slice(1).split('/')) {
      let child = node.children.get(segment);
      if (child === undefined) {
        child = { children: new Map(), routes: [] };
        node.children.set(segment, child);
      }
      node = child;
    }
    node.routes.push(route);
  }

  return {
    find(method, segments) {
      if (segments[0] === '-') return { kind: 'no-route' };
      let node: Node | undefined = root;
      let longest = root;
      for (const segment of segments) {
        node = node.children.get(segment);
        if (node === undefined) break;
        if (node.routes.length > 0) longest = node;
      }
      if (longest.routes.length === 0) return { kind: 'no-route' };
      const route = longest.routes.find((candidate) => answers(candidate, method));
      if (route !== undefined) return { kind: 'route', route };
      return { kind: 'method-not-allowed', allow: allowed(longest.routes) };
    },
  };
}

function answers(route: ResolvedRoute, method: string): boolean {
  if (NEVER.includes(method)) return false;
  return (
    route.methods === undefined ||
    route.methods.includes(method) ||
    (method === 'HEAD' && route.methods.includes('GET'))
  );
}

function allowed(routes: readonly ResolvedRoute[]): string[] {
  const every = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  return every.filter((method) => routes.some((route) => answers(route, method)));
}
