import fc from 'fast-check';

/** A path of few letters, so that much meets. */
export const anyPath = fc
  .array(fc.constantFrom('a', 'b', 'ab', '/', '/'), { maxLength: 5 })
  .map((parts) => `/${parts.join('')}`.replaceAll(/\/+/g, '/'));
const expression = fc.constantFrom('a$', '^/a', 'b', '/b/', '^/ab?/', 'a/b', 'b$');

/** Locations as they are written, each with this inside, made of its words. */
export function anyLocations(inside: (words: string) => string): {
  readonly plain: fc.Arbitrary<string>;
  readonly nesting: fc.Arbitrary<string>;
} {
  const location = (words: string, more = ''): string => `location ${words} { ${more} ${inside(words)} }`;
  return {
    plain: fc.oneof(
      anyPath.map((text) => location(text)),
      anyPath.map((text) => location(`= ${text}`)),
      anyPath.map((text) => location(`^~ ${text}`)),
      expression.map((text) => location(`~ ${text}`)),
    ),
    /** With others inside, which begin with them. */
    nesting: fc
      .tuple(
        anyPath,
        fc.constantFrom('', '^~ '),
        fc.array(fc.tuple(anyPath, fc.constantFrom('', '= ')), { maxLength: 2 }),
        fc.option(expression),
      )
      .map(([text, modifier, inner, own]) => {
        const nested = inner.map(([rest, kind]) => location(`${kind}${`${text}${rest}`.replaceAll(/\/+/g, '/')}`));
        return location(`${modifier}${text}`, [...nested, own === null ? '' : location(`~ ${own}`)].join(' '));
      }),
  };
}
