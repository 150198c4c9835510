/**
 * Whether a text is as a pattern says, in which each `*` stands for one or more characters, none of them `divider`. Takes time in
 * proportion to the pattern: each part between two dividers has its stars.
 */
export function starPattern(pattern: string, divider: string): (text: string) => boolean {
  const wanted = pattern.split(divider).map((part) => part.split('*'));
  return (text) => {
    const parts = text.split(divider);
    return parts.length === wanted.length && parts.every((part, at) => fits(part, wanted[at] ?? []));
  };
}

/** Whether a part holds the pieces in their order, from end to end, with something between any two. */
function fits(part: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return part === first;
  if (!part.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = part.indexOf(piece, at + 1);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return part.endsWith(last) && part.length - last.length > at;
}
