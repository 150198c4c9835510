import type { FilterSpec } from '../engine/compiled-route.ts';
import { conditionsOf } from '../match/conditions.ts';
import { ANY_TEXT } from '../match/linear-pattern.ts';
import type { MatchSpec, PathRule } from '../match/match-spec.ts';
import { pathRuleOf } from '../match/match-entry.ts';
import type { CompiledCluster, CompiledListener, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import type { SayingKind } from '../snapshot/filter-kind.ts';

/** A match as a line: `GET, HEAD /orders and below; header x-debug is there`. */
export function matchWords(spec: MatchSpec): string {
  const { early, identity, body } = conditionsOf(spec);
  const methods = spec.methods === undefined ? 'any method' : spec.methods.join(', ');
  const conditions = [...early, ...identity, ...body].map(({ words }) => words);
  return [`${methods} ${pathWords(pathRuleOf(spec))}`, ...conditions].join('; ');
}

/** Paths as a phrase. */
export function pathWords(rule: PathRule): string {
  if (rule.kind === 'regex') return expressionWords(rule);
  if (rule.kind === 'prefix') return rule.path === '/' ? 'any path' : `${rule.path.replace(/\/$/, '')} and below`;
  return rule.path;
}

function expressionWords({ pattern, startsWith, unless = [] }: Extract<PathRule, { readonly kind: 'regex' }>): string {
  const parts = [
    ...(startsWith === undefined ? [] : [`begin with ${startsWith}`]),
    ...(pattern === ANY_TEXT ? [] : [`match ${pattern}`]),
  ];
  return `paths that ${parts.join(' and ')}${unless.length === 0 ? '' : `, but not with ${unless.join(' or ')}`}`;
}

/** What a filter does. */
export function filterWords(spec: FilterSpec, kinds: readonly SayingKind[]): string {
  return kinds.find(({ type }) => type === spec.type)?.explain(spec) ?? `is a filter of the type ${spec.type}`;
}

/** Where a route leads, each with its share of requests, from 0 to 1. */
export function sharesOf({
  destinations,
}: SnapshotRoute): readonly { readonly cluster: string; readonly share: number }[] {
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  return destinations.map(({ cluster, weight }) => ({ cluster, share: weight / sum }));
}

/** `host:port`, or `unix:/path`. */
export function addressWords({ address }: CompiledListener): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Who answers for a cluster. */
export function endpointWords({ endpoints }: CompiledCluster): readonly string[] {
  if (endpoints.kind === 'dns') {
    const { host, port, isTls } = endpoints;
    return [`${isTls ? 'https' : 'http'}://${host}:${port} (each address of the name)`];
  }
  return endpoints.endpoints.map(({ endpoint }) => {
    if ('path' in endpoint) return `unix:${endpoint.path}`;
    const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
    return `${endpoint.isTls === true ? 'https' : 'http'}://${host}:${endpoint.port}`;
  });
}

/** Which policy a route or cluster has: `undefined` is none. */
export function policyWords(of: SnapshotRoute | CompiledCluster): string | undefined {
  if (of.policy === undefined) return undefined;
  return of.policyName ?? `one of its own`;
}
