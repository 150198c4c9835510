// The table against a matcher that looks at every match of every route and sorts those that fit.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { Identity, PassageFacts } from '../engine/filter.ts';
import type { LateFacts } from './decision.ts';
import { factsOf, routable } from './facts.fixture.ts';
import type { RoutableRoute } from './match-entry.ts';
import type { MatchSpec, PathRule } from './match-spec.ts';
import { compileRoutes } from './route-table.ts';

type Routes = readonly RoutableRoute<CompiledRoute>[];
interface Asked {
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
);
const rule = fc.constantFrom({ exact: '1' }, { present: true }, { present: false }, { regex: '[12]' });
const rules = fc.dictionary(fc.constantFrom('k', 'l'), rule, { maxKeys: 2 });
const value = fc.constantFrom({ oneOf: ['gold'] }, { present: true });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 3) => fc.option(arbitrary, { nil: undefined, freq });
const matchWith = (paths: fc.Arbitrary<PathRule>, freq: number) =>
  fc
    .record({
      path: maybe(paths, 8),
      methods: maybe(fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PUT'), { minLength: 1, maxLength: 2 }), 1),
      headers: maybe(rules, freq),
      query: maybe(rules, freq),
      cookies: maybe(rules, freq),
      claims: maybe(fc.dictionary(fc.constantFrom('plan'), value, { maxKeys: 1 }), 1),
      body: maybe(fc.dictionary(fc.constantFrom('/t'), value, { maxKeys: 1 }), 1),
    })
    // `as`: a record without what is undefined.
    .map((spec) => Object.fromEntries(Object.entries(spec).filter(([, member]) => member !== undefined)) as MatchSpec);
const hosts = fc.uniqueArray(fc.constantFrom('a.test', 'b.a.test', '*.a.test', '*.test', '*.b.a.test'), {
  maxLength: 2,
});
const routesWith = (spec: fc.Arbitrary<MatchSpec>, names: fc.Arbitrary<string[]>) =>
  fc
    .array(fc.tuple(fc.array(spec, { minLength: 1, maxLength: 2 }), names, fc.boolean(), fc.boolean()), {
      maxLength: 12,
    })
    .map((all): Routes =>
      all.map(([matches, own, one, two], index) =>
        routable(`r${index}`, matches, { hosts: own, isExclusive: one && two }),
      ),
    );
/** Many paths, few of which meet. */
const wide = routesWith(matchWith(path, 1), hosts);
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
    4,
  ),
  fc.constantFrom([], [], [], ['a.test'], ['*.test']),
);
const routes = fc.oneof(wide, dense, dense);

const values = fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2', '3'), { maxKeys: 2 });
const asked = fc
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

interface Candidate {
  readonly route: RoutableRoute<CompiledRoute>;
  readonly match: number;
  readonly order: number;
  readonly host: string;
  readonly spec: MatchSpec;
}

/** Which route should answer, by the words of the Gateway API. */
function expected(all: Routes, { facts, headers, late }: Asked): string {
  const requested = decodeURIComponent(facts.path);
  let order = 0;
  const candidates = all.flatMap((route) =>
    route.matches.flatMap((spec, at) => {
      order += 1;
      return (route.hosts.length === 0 ? ['*'] : route.hosts).map((host) => ({ route, match: at, order, host, spec }));
    }),
  );
  const there = candidates
    .filter(({ host, spec }) => hostFits(host, facts.host) && pathFits(pathOf(spec), requested))
    .toSorted((a, b) => hostRank(b.host) - hostRank(a.host) || byPath(pathOf(a.spec), pathOf(b.spec)) || bySpec(a, b));
  let refusal: { readonly host: string; readonly kind: string } | undefined;
  for (const [at, candidate] of there.entries()) {
    const isRegex = pathOf(candidate.spec).kind === 'regex';
    if (refusal !== undefined && (!isRegex || refusal.host !== candidate.host)) return refusal.kind;
    if (fits(candidate.spec, facts, headers, late)) return candidate.route.route.name;
    const siblings = candidates.filter((other) => isSameSpot(other, candidate));
    const isLast = !there.slice(at + 1).some((other) => isSameSpot(other, candidate));
    if (!siblings.some(({ route }) => route.isExclusive) || !(isLast || isRegex)) continue;
    const takes = siblings.some(({ spec }) => spec.methods?.includes(facts.method) ?? true);
    // Expressions are all asked before any of them refuses.
    refusal ??= { host: candidate.host, kind: takes ? 'no-route' : 'method-not-allowed' };
    if (!isRegex) return refusal.kind;
  }
  return refusal?.kind ?? 'no-route';
}

const pathOf = (spec: MatchSpec): PathRule => spec.path ?? { kind: 'prefix', path: '/' };
const textOf = (rule: PathRule): string => (rule.kind === 'regex' ? rule.pattern : rule.path);

function isSameSpot(a: Candidate, b: Candidate): boolean {
  const [one, two] = [pathOf(a.spec), pathOf(b.spec)];
  return a.host === b.host && one.kind === two.kind && shape(one) === shape(two);
}

function shape(rule: PathRule): string {
  const text = textOf(rule);
  if (rule.kind === 'template') return text.replaceAll(/:\w+|\{\w+\}/g, ':');
  return rule.kind === 'prefix' ? text.replace(/(?<=.)\/$/, '') : text;
}

function hostFits(host: string, requestedHost: string): boolean {
  if (host === '*') return true;
  return host.startsWith('*')
    ? requestedHost.endsWith(host.slice(1)) && requestedHost.length > host.length - 1
    : host === requestedHost;
}
const hostRank = (host: string): number => (host === '*' ? 0 : host.startsWith('*') ? host.length : 1_000);

function pathFits(rule: PathRule, requested: string): boolean {
  if (rule.kind === 'exact') return rule.path === requested;
  if (rule.kind === 'prefix') {
    const bare = rule.path.endsWith('/') ? rule.path.slice(0, -1) : rule.path;
    return requested === bare || requested.startsWith(`${bare}/`);
  }
  const source = rule.kind === 'regex' ? rule.pattern : rule.path.replaceAll(/:\w+|\{\w+\}/g, '[^/]+');
  return new RegExp(`^(?:${source})$`).test(requested);
}

function byPath(a: PathRule, b: PathRule): number {
  const rank = { exact: 3, template: 2, regex: 1, prefix: 0 };
  if (a.kind !== b.kind) return rank[b.kind] - rank[a.kind];
  if (a.kind === 'prefix') return shape(b).length - shape(a).length;
  if (a.kind !== 'template') return 0;
  // A segment that stands for itself before one that stands for any, from the left.
  const generality = (rule: PathRule) =>
    shape(rule)
      .split('/')
      .map((part) => (part === ':' ? '1' : '0'))
      .join('');
  return generality(a).localeCompare(generality(b));
}

function bySpec(a: Candidate, b: Candidate): number {
  const count = (spec: MatchSpec, key: 'headers' | 'query' | 'cookies' | 'claims' | 'body') =>
    Object.keys(spec[key] ?? {}).length;
  const others = (spec: MatchSpec) => count(spec, 'cookies') + count(spec, 'claims') + count(spec, 'body');
  return (
    Number(b.spec.methods !== undefined) - Number(a.spec.methods !== undefined) ||
    count(b.spec, 'headers') - count(a.spec, 'headers') ||
    count(b.spec, 'query') - count(a.spec, 'query') ||
    others(b.spec) - others(a.spec) ||
    a.order - b.order
  );
}

function fits(spec: MatchSpec, facts: PassageFacts, headers: Asked['headers'], late: Required<LateFacts>): boolean {
  const cookies = Object.fromEntries((headers['cookie'] ?? '').split('; ').map((pair) => pair.split('=')));
  const query = Object.fromEntries(new URLSearchParams(facts.query));
  const body = late.body?.value as { t?: unknown } | undefined;
  const given = { headers, query, cookies, claims: late.identity?.claims ?? {}, body: { '/t': body?.t } };
  return (
    (spec.methods?.includes(facts.method) ?? true) &&
    (['headers', 'query', 'cookies', 'claims', 'body'] as const).every((part) =>
      Object.entries(spec[part] ?? {}).every(([name, wanted]) => {
        const found = (given[part] as Record<string, unknown>)[name];
        if (wanted.present !== undefined) return wanted.present === (found !== undefined);
        if ('exact' in wanted) return found === wanted.exact;
        return wanted.regex === undefined
          ? wanted.oneOf?.includes(found as string)
          : new RegExp(`^(?:${wanted.regex})$`).test(String(found));
      }),
    )
  );
}

test('whatever the routes and the request: the route that precedence says, also when facts come late', () => {
  fc.assert(
    fc.property(routes, fc.array(asked, { minLength: 1, maxLength: 8 }), (all, requests) => {
      const table = compileRoutes(all);
      for (const each of requests) {
        const late: { -readonly [Key in keyof LateFacts]: LateFacts[Key] } = {};
        let decision = table.find(each.facts, late);
        for (let asks = 0; decision.kind === 'needs'; asks += 1) {
          expect(asks).toBeLessThan(2);
          if (decision.needs === 'identity') late.identity = each.late.identity;
          else late.body = each.late.body;
          decision = table.find(each.facts, late);
        }
        expect(decision.kind === 'route' ? decision.route.name : decision.kind).toBe(expected(all, each));
        expect(table.find(each.facts, each.late)).toBe(decision);
      }
    }),
    { numRuns: 1_000 },
  );
});
