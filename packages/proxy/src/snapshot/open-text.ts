import { isTelling } from '../match/telling-name.ts';

/**
 * Whether a text at this path is said to be no secret.
 * @param open paths with dots between their steps: `*` is any member or item; `**` everything below, but for what is under a name that
 * tells of a secret, such as `authorization`. The first step is a name
 */
export function isOpenText(path: readonly string[], open: readonly string[]): boolean {
  const [first] = path;
  const patterns = first === undefined ? undefined : byFirstStep(open).get(first);
  return patterns?.some((pattern) => fits(path, pattern)) ?? false;
}

type Patterns = ReadonlyMap<string, readonly (readonly string[])[]>;

const read = new WeakMap<readonly string[], Patterns>();

/** The steps of each path by the first of them, read once for a list. */
function byFirstStep(open: readonly string[]): Patterns {
  const known =
    read.get(open) ??
    Map.groupBy(
      open.map((pattern) => pattern.split('.')),
      ([first = '']) => first,
    );
  read.set(open, known);
  return known;
}

function fits(path: readonly string[], pattern: readonly string[]): boolean {
  const last = pattern.length - 1;
  const isDeep = pattern[last] === '**';
  if (isDeep ? path.length < last : path.length !== pattern.length) return false;
  for (let at = 1; at < (isDeep ? last : pattern.length); at += 1) {
    if (pattern[at] !== '*' && pattern[at] !== path[at]) return false;
  }
  return !isDeep || path.slice(last).every((name) => !isTelling(name));
}
