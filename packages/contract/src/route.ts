import { carriageOf } from './carriage.ts';
import type { Contract } from './contract.ts';
import type { Method, Operation } from './operation.ts';
import { matchPath, splitTarget, type Segment } from './path-template.ts';

/** What a method and a path mean to a contract. */
export type RouteMatch =
  | { readonly kind: 'operation'; readonly operation: Operation }
  /** The path is known, the method is not. */
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly Method[] }
  | { readonly kind: 'not-found' };

interface Route {
  readonly operation: Operation;
  readonly segments: readonly Segment[];
}

const tables = new WeakMap<Contract, readonly Route[]>();

/**
 * The operation of `contract` that answers `method` on `path` (percent-encoded, with or without a query). Of two paths
 * that match, the one with a word where the other has a member wins, from the left: `/orders/latest` over `/orders/{id}`.
 */
export function findOperation(contract: Contract, method: string, path: string): RouteMatch {
  const target = splitTarget(path).path;
  const matching = tableOf(contract).filter(({ segments }) => matchPath(segments, target) !== undefined);
  const found = matching.find(({ operation }) => operation.method === method);
  if (found) return { kind: 'operation', operation: found.operation };
  if (matching.length === 0) return { kind: 'not-found' };
  return { kind: 'method-not-allowed', allow: [...new Set(matching.map(({ operation }) => operation.method))] };
}

function tableOf(contract: Contract): readonly Route[] {
  const ready = tables.get(contract);
  if (ready) return ready;
  const routes = Object.values(contract.operations).map((operation) => ({
    operation,
    segments: carriageOf(operation, `${contract.name}.${operation.name}`).segments,
  }));
  const table = routes.toSorted((a, b) => (rank(a.segments) < rank(b.segments) ? -1 : 1));
  tables.set(contract, table);
  return table;
}

/** Sorts words before members, from the left. */
function rank(segments: readonly Segment[]): string {
  return segments.map((segment) => (segment.kind === 'text' ? '0' : '1')).join('');
}
