import type { FilterKind } from './filter-kind.ts';

/**
 * The kinds of filters by their types, in the order in which documentation lists them. A kind is loaded, with all that it needs, when a
 * configuration has a filter of it. A new one is registered here and in `filter-kinds.ts`, and then in the schema for editors:
 * `npx vitest run packages/proxy/src/snapshot/json-schema.test.ts -u`.
 */
const KINDS: Readonly<Record<string, () => Promise<FilterKind>>> = {
  jwt: async () => (await import('../filters/jwt/jwt-kind.ts')).jwtKind,
  'api-key': async () => (await import('../filters/api-key/api-key-kind.ts')).apiKeyKind,
  'basic-auth': async () => (await import('../filters/basic-auth/basic-auth-kind.ts')).basicAuthKind,
  'consumer-token': async () => (await import('../filters/consumer-token/consumer-token-kind.ts')).consumerTokenKind,
  'client-certificate': async () =>
    (await import('../filters/client-certificate/client-certificate-kind.ts')).clientCertificateKind,
  'ext-auth': async () => (await import('../filters/ext-auth/ext-auth-kind.ts')).extAuthKind,
  oidc: async () => (await import('../filters/oidc/oidc-kind.ts')).oidcKind,
  'any-of': async () => (await import('../filters/any-of/any-of-kind.ts')).anyOfKind,
  acl: async () => (await import('../filters/acl-kind.ts')).aclKind,
  ip: async () => (await import('../filters/ip-kind.ts')).ipKind,
  'request-size': async () => (await import('../filters/request-size-kind.ts')).requestSizeKind,
  'rate-limit': async () => (await import('../filters/rate-limit/rate-limit-kind.ts')).rateLimitKind,
  pace: async () => (await import('../filters/pace/pace-kind.ts')).paceKind,
  concurrency: async () => (await import('../filters/concurrency-kind.ts')).concurrencyKind,
  headers: async () => (await import('../filters/headers-kind.ts')).headersKind,
  cors: async () => (await import('../filters/cors-kind.ts')).corsKind,
  rewrite: async () => (await import('../filters/rewrite/rewrite-kind.ts')).rewriteKind,
  redirect: async () => (await import('../filters/redirect-kind.ts')).redirectKind,
  relocate: async () => (await import('../filters/relocate-kind.ts')).relocateKind,
  respond: async () => (await import('../filters/respond-kind.ts')).respondKind,
  'error-page': async () => (await import('../filters/error-page-kind.ts')).errorPageKind,
  'answer-size': async () => (await import('../filters/answer-size-kind.ts')).answerSizeKind,
  compress: async () => (await import('../filters/compress/compress-kind.ts')).compressKind,
  cache: async () => (await import('../filters/cache/cache-kind.ts')).cacheKind,
  compose: async () => (await import('../filters/compose/compose-kind.ts')).composeKind,
  split: async () => (await import('../filters/split-kind.ts')).splitKind,
  affinity: async () => (await import('../filters/affinity-kind.ts')).affinityKind,
  mirror: async () => (await import('../filters/mirror-kind.ts')).mirrorKind,
  fault: async () => (await import('../filters/fault-kind.ts')).faultKind,
  when: async () => (await import('../filters/when-kind.ts')).whenKind,
  'correlation-id': async () => (await import('../filters/correlation-id-kind.ts')).correlationIdKind,
  'server-timing': async () => (await import('../filters/server-timing-kind.ts')).serverTimingKind,
  'by-consumer': async () => (await import('../filters/by-consumer-kind.ts')).byConsumerKind,
};

/** The types of all that there are. */
export const FILTER_TYPES: readonly string[] = Object.keys(KINDS);

/** The kinds of the filters that stand anywhere in what was written, right or not. */
export async function kindsIn(written: unknown): Promise<readonly FilterKind[]> {
  const types = new Set<string>();
  addTypes(written, types, []);
  return Promise.all(Object.entries(KINDS).flatMap(([type, load]) => (types.has(type) ? [load()] : [])));
}

/** Nothing that can be meant is deeper. */
const MOST_DEPTH = 1_000;

/**
 * Adds every text that stands as `type`, whatever of.
 * @param around what `value` stands in: with aliases of YAML, that may be itself
 */
function addTypes(value: unknown, types: Set<string>, around: unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (around.length === MOST_DEPTH || around.includes(value)) return;
  if ('type' in value && typeof value.type === 'string') types.add(value.type);
  around.push(value);
  if (Array.isArray(value)) for (const item of value) addTypes(item, types, around);
  else {
    // `as`: any object has members by name.
    const members = value as Readonly<Record<string, unknown>>;
    for (const name in members) addTypes(members[name], types, around);
  }
  around.pop();
}
