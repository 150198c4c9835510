import fc from 'fast-check';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { Identity, PassageFacts } from '../engine/filter.ts';
import type { LateFacts } from './decision.ts';
import { factsOf, routable } from './facts.fixture.ts';
import type { RoutableRoute } from './match-entry.ts';
import type { MatchSpec, PathRule } from './match-spec.ts';

/** Routes of a table. */
export type Routes = readonly RoutableRoute<CompiledRoute>[];
/** A request, and what would become known of it late. */
export interface Asked {
  readonly facts: PassageFacts;
  readonly headers: Readonly<Record<string, string>>;
  readonly late: Required<LateFacts>;
}

const segment = fc.constantFrom('a', 'b', 'ab', 'c');
const joined = (parts: readonly string[], end = '') => `/${parts.join('/')}${parts.length === 0 ? '' : end}`;
const plain = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '', '', '/'))
  .map(([parts, end]) => joined(parts, end));
const path = fc.oneof(
  { weight: 4, arbitrary: plain.map((text): PathRule => ({ kind: 'prefix', path: text })) },
  { weight: 2, arbitrary: plain.map((text): PathRule => ({ kind: 'exact', path: text })) },
  fc.array(fc.oneof(segment, fc.constantFrom(':x', '{y}')), { minLength: 1, maxLength: 3 }).map((parts): PathRule => ({
    kind: 'template',
    path: joined(parts.map((part, at) => part.replace(/\w/, `$&${part.length > 1 && /[:{]/.test(part) ? at : ''}`))),
  })),
  fc
    .constantFrom('/a/.*', '/a/[bc]+', '/ab/.*', '/[ab]+', '/(?:a|b)/b', '/.+/c?', '/ab/?')
    .map((pattern): PathRule => ({ kind: 'regex', pattern })),
  fc
    .record({
      pattern: fc.constantFrom('(?s:.*)', '/.*b', '/[ab]+'),
      startsWith: fc.constantFrom('/', '/a', '/a/', '/ab/c'),
      unless: fc.subarray(['/a/b', '/ab', '/b/']),
    })
    .map((parts): PathRule => ({ kind: 'regex', ...parts })),
);
const rule = fc.constantFrom({ exact: '1' }, { present: true }, { present: false }, { regex: '[12]' });
const rules = fc.dictionary(fc.constantFrom('k', 'l'), rule, { maxKeys: 2 });
const value = fc.constantFrom({ oneOf: ['gold'] }, { present: true });
/** There in so many of ten cases. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>, tenths: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: tenths, arbitrary }, { weight: 10 - tenths, arbitrary: fc.constant(undefined) });
const matchWith = (paths: fc.Arbitrary<PathRule>, tenths: number) =>
  fc
    .record({
      path: maybe(paths, 9),
      methods: maybe(fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PUT'), { minLength: 1, maxLength: 2 }), 4),
      headers: maybe(rules, tenths),
      query: maybe(rules, tenths),
      cookies: maybe(rules, tenths),
      claims: maybe(fc.dictionary(fc.constantFrom('plan'), value, { maxKeys: 1 }), 2),
      body: maybe(fc.dictionary(fc.constantFrom('/t'), value, { maxKeys: 1 }), 2),
    })
    // `as`: a record without what is undefined.
    .map((spec) => Object.fromEntries(Object.entries(spec).filter(([, member]) => member !== undefined)) as MatchSpec);
const hosts = fc.uniqueArray(
  fc.constantFrom('a.test', 'b.a.test', '*.a.test', '*.test', '*.b.a.test', 'b.a.*', 'b.*', '*'),
  {
    maxLength: 2,
  },
);
const priority = fc.constantFrom(0, 0, 0, 0, 0, 1, -1);
const routesWith = (spec: fc.Arbitrary<MatchSpec>, names: fc.Arbitrary<string[]>) =>
  fc
    .array(fc.tuple(fc.array(spec, { minLength: 1, maxLength: 2 }), names, fc.boolean(), fc.boolean(), priority), {
      maxLength: 12,
    })
    .map((all): Routes =>
      all.map(([matches, own, one, two, rank], index) =>
        routable(`r${index}`, matches, { hosts: own, isExclusive: one && two, priority: rank }),
      ),
    );
/** Many paths, few of which meet. */
const wide = routesWith(matchWith(path, 2), hosts);
/** Few paths, whose matches meet in everything else. */
const dense = routesWith(
  matchWith(
    fc.constantFrom<PathRule>(
      { kind: 'prefix', path: '/a' },
      { kind: 'exact', path: '/a' },
      { kind: 'template', path: '/:x' },
      { kind: 'template', path: '/:x/b' },
      { kind: 'template', path: '/a/{y}' },
      { kind: 'regex', pattern: '/[ab]+' },
      { kind: 'regex', pattern: '/.*' },
      { kind: 'regex', pattern: '/a/.*' },
      { kind: 'regex', pattern: '/a/b?' },
    ),
    6,
  ),
  fc.constantFrom([], [], [], ['a.test'], ['*.test']),
);
/** Tables in which much fits. */
export const routes = fc.oneof(wide, dense, dense);

const values = fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2', '3'), { maxKeys: 2 });
/** Requests for such tables. */
export const asked = fc
  .record({
    path: fc.oneof(
      fc.constantFrom('/a', '/a', '/b', '/a/b', '/a/'),
      fc
        .tuple(
          fc.array(fc.oneof({ weight: 6, arbitrary: segment }, fc.constant('%61')), { maxLength: 4 }),
          fc.constantFrom('', '', '/'),
        )
        .map(([parts, end]) => joined(parts, end)),
    ),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    host: fc.constantFrom('a.test', 'b.a.test', 'c.a.test', 'x.b.a.test', 'z.test', 'else', ''),
    headers: values,
    query: values,
    cookies: values,
    plan: fc.constantFrom('gold', 'tin', undefined),
    body: fc.constantFrom('gold', 'tin', undefined),
    isKnown: fc.boolean(),
  })
  .map(({ query, headers, cookies, plan, body, isKnown, ...facts }): Asked => {
    const pairs = Object.entries(query).map((pair) => pair.join('='));
    const cookie = Object.entries(cookies).map((pair) => pair.join('='));
    const all: Record<string, string> = { ...headers, ...(cookie.length === 0 ? {} : { cookie: cookie.join('; ') }) };
    const identity: Identity = { roles: [], scopes: [], claims: plan === undefined ? {} : { plan } };
    return {
      facts: factsOf({ ...facts, headers: all, query: pairs.length === 0 ? '' : `?${pairs.join('&')}` }),
      headers: all,
      late: { identity: isKnown ? identity : null, body: body === undefined ? null : { value: { t: body } } },
    };
  });
