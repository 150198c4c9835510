import type { FilterKind } from './filter-kind.ts';
import type { Place } from './snapshot-problem.ts';

/** A list of filters within a filter, as far as it is written as one. */
export interface NestedList {
  /** Within the filter. */
  readonly place: Place;
  readonly filters: readonly unknown[];
}

/** The lists of filters that stand within one, where its kind says so (`nested`). Reads what was written, right or not. */
export function nestedLists(written: unknown, { nested = [] }: Pick<FilterKind, 'nested'>): NestedList[] {
  return nested.flatMap((path) =>
    at(written, path.split('.'), []).flatMap(({ value, place }) =>
      Array.isArray(value) ? [{ place, filters: value }] : [],
    ),
  );
}

interface Found {
  readonly value: unknown;
  readonly place: Place;
}

/** What is at a path; `*` is any member or item. */
function at(value: unknown, [step, ...rest]: readonly string[], place: Place): Found[] {
  if (step === undefined) return [{ value, place }];
  if (typeof value !== 'object' || value === null) return [];
  const entries: readonly [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return entries.flatMap(([key, member]) =>
    step === '*' || step === String(key) ? at(member, rest, [...place, key]) : [],
  );
}

/** A filter and all that stand within it, at any depth, each with its place within the first. */
export function withNested(written: unknown, kinds: readonly FilterKind[]): readonly NestedFilter[] {
  const type = typeof written === 'object' && written !== null && 'type' in written ? written.type : undefined;
  const kind = kinds.find((each) => each.type === type);
  const lists = kind === undefined ? [] : nestedLists(written, kind);
  return [
    { written, place: [] },
    ...lists.flatMap(({ place, filters }) =>
      filters.flatMap((filter, index) =>
        withNested(filter, kinds).map((inner) => ({ ...inner, place: [...place, index, ...inner.place] })),
      ),
    ),
  ];
}

/** A filter within another one. */
export interface NestedFilter {
  readonly written: unknown;
  readonly place: Place;
}
