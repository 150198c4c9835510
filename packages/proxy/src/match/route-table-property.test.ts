// The table against a matcher that looks at every match of every route and sorts those that fit.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import { asked, routes, type Asked, type Routes } from './any-routes.fixture.ts';
import type { LateFacts } from './decision.ts';
import type { RoutableRoute } from './match-entry.ts';
import type { MatchSpec, PathRule } from './match-spec.ts';
import { compileRoutes } from './route-table.ts';

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
    .toSorted(
      (a, b) =>
        (b.route.priority ?? 0) - (a.route.priority ?? 0) ||
        hostRank(b.host) - hostRank(a.host) ||
        byPath(pathOf(a.spec), pathOf(b.spec)) ||
        bySpec(a, b),
    );
  let refusal: { readonly host: string; readonly kind: string; readonly priority: number | undefined } | undefined;
  for (const [at, candidate] of there.entries()) {
    const isRegex = pathOf(candidate.spec).kind === 'regex';
    if (
      refusal !== undefined &&
      (!isRegex || refusal.host !== candidate.host || refusal.priority !== candidate.route.priority)
    )
      return refusal.kind;
    if (fits(candidate.spec, facts, headers, late)) return candidate.route.route.name;
    const siblings = candidates.filter((other) => isSameSpot(other, candidate));
    const isLast = !there.slice(at + 1).some((other) => isSameSpot(other, candidate));
    if (!siblings.some(({ route }) => route.isExclusive) || !(isLast || isRegex)) continue;
    const takes = siblings.some(({ spec }) => spec.methods?.includes(facts.method) ?? true);
    // Expressions are all asked before any of them refuses.
    refusal ??= {
      host: candidate.host,
      priority: candidate.route.priority,
      kind: takes ? 'no-route' : 'method-not-allowed',
    };
    if (!isRegex) return refusal.kind;
  }
  return refusal?.kind ?? 'no-route';
}

const pathOf = (spec: MatchSpec): PathRule => spec.path ?? { kind: 'prefix', path: '/' };
const textOf = (rule: PathRule): string => (rule.kind === 'regex' ? JSON.stringify(rule) : rule.path);

function isSameSpot(a: Candidate, b: Candidate): boolean {
  const [one, two] = [pathOf(a.spec), pathOf(b.spec)];
  return (
    a.route.priority === b.route.priority && a.host === b.host && one.kind === two.kind && shape(one) === shape(two)
  );
}

function shape(rule: PathRule): string {
  const text = textOf(rule);
  if (rule.kind === 'template') return text.replaceAll(/:\w+|\{\w+\}/g, ':');
  return rule.kind === 'prefix' ? text.replace(/(?<=.)\/$/, '') : text;
}

function hostFits(host: string, requestedHost: string): boolean {
  if (host === '*') return true;
  if (host.endsWith('*')) return requestedHost.startsWith(host.slice(0, -1)) && requestedHost.length > host.length - 1;
  return host.startsWith('*')
    ? requestedHost.endsWith(host.slice(1)) && requestedHost.length > host.length - 1
    : host === requestedHost;
}
const hostRank = (host: string): number =>
  host === '*' ? 0 : host.startsWith('*') ? 100 + host.length : host.endsWith('*') ? host.length : 1_000;

function pathFits(rule: PathRule, requested: string): boolean {
  if (rule.kind === 'exact') return rule.path === requested;
  if (rule.kind === 'prefix') {
    const bare = rule.path.endsWith('/') ? rule.path.slice(0, -1) : rule.path;
    return requested === bare || requested.startsWith(`${bare}/`);
  }
  const { startsWith = '', unless = [] } = rule.kind === 'regex' ? rule : {};
  if (!requested.startsWith(startsWith) || unless.some((beginning) => requested.startsWith(beginning))) return false;
  const source = rule.kind === 'regex' ? rule.pattern : rule.path.replaceAll(/:\w+|\{\w+\}/g, '[^/]+');
  return new RegExp(`^(?:${source.replace('(?s:.*)', '.*')})$`).test(requested);
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
