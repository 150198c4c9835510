import type { FilterSpec } from '../engine/compiled-route.ts';
import type { ClusterReference, FilterKind } from './filter-kind.ts';

/** The clusters that a filter names, itself or by those inside it, as far as it is written right. */
export function clustersNamedBy(written: unknown, kinds: readonly FilterKind[]): readonly ClusterReference[] {
  const kind = kindNamed(written, kinds);
  if (kind?.clusters === undefined) return [];
  const read = kind.schema.safeParse(written);
  // What is wrong with its shape is told elsewhere.
  return read.success ? kind.clusters(read.data, (inner) => clustersInside(inner, kinds)) : [];
}

/** The same of a filter that has been read. */
export function clustersInside(spec: FilterSpec, kinds: readonly FilterKind[]): readonly ClusterReference[] {
  return kindNamed(spec, kinds)?.clusters?.(spec, (inner) => clustersInside(inner, kinds)) ?? [];
}

function kindNamed(written: unknown, kinds: readonly FilterKind[]): FilterKind | undefined {
  if (typeof written !== 'object' || written === null || !('type' in written)) return undefined;
  return kinds.find(({ type }) => type === written.type);
}
