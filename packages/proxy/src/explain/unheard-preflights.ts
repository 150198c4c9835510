import type { SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';

/** Why preflights don't reach a route's filter `cors`: its matches don't take them, or a filter before it asks who they are. */
export function unheardPreflights(
  { name, filters, matches }: SnapshotRoute,
  kinds: readonly FilterKind[],
): readonly string[] {
  const at = filters.findIndex(({ type }) => type === 'cors');
  if (at === -1) return [];
  const isTaken = matches.some(({ methods }) => methods === undefined || methods.includes('OPTIONS'));
  const before = filters.slice(0, at).find(({ type, optional }) => identifies(type, kinds) && optional !== true);
  return [
    ...(isTaken
      ? []
      : [`the route ${name} answers preflights by cors, and takes none: add OPTIONS to the methods of its match`]),
    ...(before === undefined
      ? []
      : [`the route ${name} has ${before.type} before cors, and preflights say nobody: put cors first`]),
  ];
}

function identifies(type: string, kinds: readonly FilterKind[]): boolean {
  return kinds.some((kind) => kind.type === type && kind.identifies === true);
}
