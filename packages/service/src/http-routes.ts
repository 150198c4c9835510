import type { Operation } from '@fairlead/contract';
import { GATEWAY } from './layers/admission.ts';
import type { OwnRoute } from './own-route.ts';
import { ownRoutes } from './own-routes.ts';
import { parseRawRoute } from './raw-route.ts';
import { RouteTable, type RouteEntry } from './route-table.ts';
import type { ServiceInstance } from './service-instance.ts';

/** What a method and a path lead to. */
export type HttpRoute =
  | { readonly kind: 'operation'; readonly operation: Operation }
  | { readonly kind: 'raw'; readonly name: string; readonly path: string }
  | { readonly kind: 'own'; readonly own: OwnRoute };

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Everything that an instance answers: its operations, its raw routes, and what every service has. */
export function httpRoutes(instance: ServiceInstance): RouteTable<HttpRoute> {
  const { contract, routes = {} } = instance.definition;
  const entries: RouteEntry<HttpRoute>[] = ownRoutes(instance).map((own) => ({
    method: own.method,
    path: own.path,
    target: { kind: 'own', own },
  }));
  for (const operation of Object.values(contract.operations)) {
    entries.push({ method: operation.method, path: operation.path, target: { kind: 'operation', operation } });
  }
  for (const name of Object.keys(routes)) {
    const parsed = parseRawRoute(name);
    // `defineService` has refused what is none.
    if (parsed !== undefined) entries.push({ ...parsed, target: { kind: 'raw', name, path: parsed.path } });
  }
  return new RouteTable(entries);
}

/** Whether a route exists for this caller. */
export function isVisible(route: HttpRoute, caller: string | undefined): boolean {
  if (caller !== GATEWAY) return true;
  return route.kind === 'raw' || (route.kind === 'operation' && route.operation.visibility !== 'internal');
}

/** The methods that a path answers for this caller; none when the path is not known, or hidden from the edge. */
export function allowedMethods(table: RouteTable<HttpRoute>, path: string, caller: string | undefined): string[] {
  const known = new Set<string>();
  for (const [method, route] of table.at(path)) if (isVisible(route, caller)) known.add(method);
  if (known.size === 0) return [];
  return ['OPTIONS', ...(known.has('GET') ? ['HEAD'] : []), ...METHODS.filter((method) => known.has(method))];
}
