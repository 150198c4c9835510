/** A request target, read in the only way that it can be read. */
export type RequestTarget =
  | {
      readonly kind: 'target';
      /** As it came, to be forwarded. */
      readonly path: string;
      /** With its `?`; empty when there is none. */
      readonly query: string;
      /** Percent-decoded once, as the service will read them: what routes are matched against. */
      readonly segments: readonly string[];
    }
  | { readonly kind: 'ambiguous'; readonly reason: string };

const ambiguous = (reason: string): RequestTarget => ({ kind: 'ambiguous', reason });

/**
 * Reads a request target in origin form (RFC 9112, 3.2.1). Whatever two readers could understand differently is
 * refused instead of normalised: `//`, backslashes, dot segments, escaped slashes and control characters, malformed
 * escapes, fragments, path parameters on dots. A slash at the end is allowed.
 */
export function readTarget(target: string): RequestTarget {
  if (!target.startsWith('/')) return ambiguous('it must begin with /');
  if (!/^[\x21-\x7e]+$/.test(target)) return ambiguous('it may only have visible ASCII characters');
  if (target.includes('#')) return ambiguous('it may not have a fragment');
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const query = question === -1 ? '' : target.slice(question);
  if (path.includes('\\')) return ambiguous('it may not have a backslash');
  if (path.includes('//')) return ambiguous('it may not have empty segments');

  const segments: string[] = [];
  for (const raw of path.slice(1).split('/')) {
    let segment: string;
    try {
      segment = decodeURIComponent(raw);
    } catch {
      return ambiguous('it has a malformed escape');
    }
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[/\\\u0000-\u001f\u007f]/.test(segment))
      return ambiguous('it may not have an escaped slash, backslash or control character');
    if (/^\.\.?(?:;.*)?$/.test(segment)) return ambiguous('it may not have . or .. segments');
    segments.push(segment);
  }
  if (segments.at(-1) === '') segments.pop();
  return { kind: 'target', path, query, segments };
}
