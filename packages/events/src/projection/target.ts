import { fail } from '../errors.ts';
import type { DocumentsTarget, TablesTarget } from './projection-types.ts';

/** How documents of a view are kept. */
export interface DocumentsOptions {
  /** `context`, the default: a document belongs to the tenant of its event. `none`: it is nobody's, whoever asks. */
  readonly tenancy?: 'context' | 'none';
}

/** Makes a view of JSON documents by key; `D` is what a document is. At most 1 MiB each. */
export function documents<D>({ tenancy = 'context' }: DocumentsOptions = {}): DocumentsTarget<D> {
  return { kind: 'documents', tenancy };
}

/** With room for a suffix in the 63 characters that Postgres has. */
const TABLE = /^[a-z][a-z0-9_]{0,49}$/;

/**
 * Makes a view of SQL tables. The service's migrations make each of them twice for a version, since services themselves may
 * make no tables: `order_day_v1a` and `order_day_v1b` for `tables('order_day')` in version 1, alike. One is read while the other is
 * rebuilt. What is not used any more is emptied; a later migration may drop it.
 * @throws MISCONFIGURED
 */
export function tables<const Table extends string>(...names: readonly Table[]): TablesTarget<Table> {
  const wrong = names.find((name) => !TABLE.test(name));
  if (wrong !== undefined)
    throw fail('MISCONFIGURED', `tables("${wrong}"): give lower-case letters, digits and _, 50 at most.`);
  if (names.length === 0) throw fail('MISCONFIGURED', 'tables(): name at least one table.');
  return { kind: 'tables', tables: names };
}
