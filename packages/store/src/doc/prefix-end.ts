const LAST = 0x10ffff;

/**
 * The first text, in the order of code points, after all that begin with `prefix`; `undefined` when nothing comes after
 * them. Half a surrogate pair does not count: no text in a database ends in one.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    // The code points of surrogates are not characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    if (next <= LAST) return String.fromCodePoint(...points, next);
  }
  return undefined;
}
