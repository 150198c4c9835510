import type { Identity, Passage } from '../../engine/filter.ts';

/** What requests for the same thing have in common. */
export interface KeySettings {
  /** Whether the host tells things apart. */
  readonly byHost: boolean;
  /** Which of the query's parameters do. */
  readonly query: 'all' | 'none' | { readonly without: readonly string[] };
  /** Who shares answers of requests that say who asks: those of a tenant, or each subject by itself. */
  readonly per: 'tenant' | 'subject';
}

/** What of a request its key is made of. */
export interface KeyFacts {
  readonly isTls: boolean;
  readonly host: string;
  readonly path: string;
  /** Empty, or beginning with `?`. */
  readonly query: string;
}

/** What is asked for: the URL as far as it counts. */
export function resourceOf(facts: KeyFacts, { byHost, query }: KeySettings): string {
  const origin = byHost ? (facts.isTls ? `https://${facts.host}` : `http://${facts.host}`) : '';
  if (facts.query === '' || query === 'none') return origin + facts.path;
  return origin + facts.path + (query === 'all' ? facts.query : queryWithout(facts.query, query.without));
}

/** Of a request, what says whose its answers are and where they come from. */
export type PartitionFacts = Pick<
  Passage,
  'identity' | 'cluster' | 'path' | 'query' | 'upstreamTarget' | 'upstreamHost'
>;

/**
 * Whose answers they are, and from where: those of another tenant, of another destination, or of nobody in particular are never
 * given, nor those to what filters have made another request of. The parts are written as JSON, so that no name can be read as two.
 */
export function partitionOf(facts: PartitionFacts, { per }: KeySettings): string {
  const { identity, cluster, upstreamHost } = facts;
  const target = isRewritten(facts) ? facts.upstreamTarget : undefined;
  if (identity === undefined && target === undefined && upstreamHost === undefined) return cluster;
  const to = [cluster, target ?? null, upstreamHost ?? null];
  if (identity === undefined) return JSON.stringify(to);
  const { tenant = null, subject = null, consumer = null } = identity;
  return JSON.stringify(per === 'tenant' ? [...to, tenant] : [...to, tenant, subject, consumer]);
}

function isRewritten({ path, query, upstreamTarget }: PartitionFacts): boolean {
  if (upstreamTarget.length !== path.length + query.length) return true;
  return !upstreamTarget.startsWith(path) || !upstreamTarget.endsWith(query);
}

/** Whether answers to this one are kept apart from those to others. */
export function isToldApart(identity: Identity | undefined, { per }: KeySettings): boolean {
  if (per === 'tenant') return identity?.tenant !== undefined;
  return identity?.subject !== undefined || identity?.consumer !== undefined;
}

/** Names end with `*` when they are beginnings. Compared as they are spelled: another spelling is another parameter. */
function queryWithout(query: string, names: readonly string[]): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => !names.some((name) => isNamed(pair.split('=', 1)[0] ?? '', name)));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function isNamed(parameter: string, name: string): boolean {
  return name.endsWith('*') ? parameter.startsWith(name.slice(0, -1)) : parameter === name;
}

/**
 * A URL that an answer names, as a key's facts; `undefined` when it is of another origin, whose answers are not this one's to
 * invalidate (RFC 9111, section 4.4), or none. `authority` is the request's `Host`, with its port.
 */
export function sameOrigin(facts: KeyFacts, authority: string, location: string | undefined): KeyFacts | undefined {
  if (location === undefined) return undefined;
  const base = `${facts.isTls ? 'https' : 'http'}://${authority}`;
  const url = URL.parse(location, base + facts.path);
  if (url === null || url.origin !== URL.parse(base)?.origin) return undefined;
  return { isTls: facts.isTls, host: facts.host, path: url.pathname, query: url.search };
}
