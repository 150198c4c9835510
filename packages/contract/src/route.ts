import type { RoutedCall } from './call.ts';
import type { Contract } from './contract.ts';
import type { Operation } from './operation.ts';

/** What a method and a path mean to a contract. */
export type RouteMatch =
  | { readonly kind: 'operation'; readonly operation: Operation; readonly params: RoutedCall['params'] }
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'not-found' };

export declare function findOperation(contract: Contract, method: string, path: string): RouteMatch;
