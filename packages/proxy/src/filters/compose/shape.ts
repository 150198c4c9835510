import { valueAt } from '../../match/json-pointer.ts';
import { isMembers } from './json-text.ts';

/** Where something goes, and where it is taken from, as the steps of JSON pointers. */
export interface Renamed {
  readonly to: readonly string[];
  readonly from: readonly string[];
}

/** What of a part's answer is taken: all of it, what is at one place, or an object of what is at several. */
export type Pick =
  | { readonly kind: 'all' }
  | { readonly kind: 'one'; readonly from: readonly string[] }
  | { readonly kind: 'several'; readonly members: readonly Renamed[] };

/** What is picked; `undefined` when there is nothing at the one place. Of several, those that are not there are left out. */
export function picked(value: unknown, pick: Pick): unknown {
  if (pick.kind === 'all') return value;
  if (pick.kind === 'one') return valueAt(value, pick.from);
  let all: unknown = {};
  for (const { to, from } of pick.members) {
    const member = valueAt(value, from);
    if (member !== undefined) all = placed(all, to, member);
  }
  return all;
}

/** The whole with a value at a place; see `merged` for what is there already. */
export function placed(whole: unknown, steps: readonly string[], value: unknown): unknown {
  return merged(
    whole,
    steps.reduceRight((inner: unknown, step) => Object.fromEntries([[step, inner]]), value),
  );
}

/**
 * Two values as one: objects member by member, in the order in which members came; of anything else the second. Members are
 * defined, never assigned, so that none of them, `__proto__` for example, is more than a member.
 */
export function merged(before: unknown, after: unknown): unknown {
  if (!isMembers(before) || !isMembers(after)) return after;
  const added = Object.entries(after).map(([name, value]) => [
    name,
    Object.hasOwn(before, name) ? merged(before[name], value) : value,
  ]);
  return Object.fromEntries([...Object.entries(before), ...added]);
}
