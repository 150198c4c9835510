import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kongFaults } from './kong-at-work.fixture.ts';

/** One of everything. */
const WHOLE = {
  _format_version: '3.0',
  _info: { defaults: { route: { strip_path: false }, service: { retries: 2 } } },
  services: [
    {
      name: 'one',
      url: 'http://one.test/base',
      routes: [{ name: 'r', paths: ['/a', '~/b/[0-9]+'], hosts: ['a.test'], headers: { 'x-a': ['1'] } }],
    },
    { name: 'two', host: 'behind', protocol: 'https', port: 443, path: '/p', connect_timeout: 1, read_timeout: 1 },
  ],
  routes: [
    {
      name: 's',
      service: { name: 'two' },
      methods: ['GET'],
      protocols: ['https'],
      https_redirect_status_code: 301,
      sources: [{ ip: '10.0.0.1' }],
    },
  ],
  upstreams: [
    {
      name: 'behind',
      algorithm: 'consistent-hashing',
      hash_on: 'header',
      hash_on_header: 'x-a',
      targets: [{ target: '10.0.0.1:80', weight: 1 }],
      healthchecks: {
        active: { healthy: { interval: 1 }, unhealthy: { interval: 1, http_failures: 2 } },
        passive: { unhealthy: { timeouts: 1 } },
      },
    },
  ],
  consumers: [
    {
      username: 'ada',
      custom_id: 'c',
      keyauth_credentials: [{ key: 'k' }],
      jwt_secrets: [{ key: 'i', secret: 's'.repeat(32) }],
      acls: [{ group: 'g' }],
      groups: [{ name: 'gold' }],
    },
  ],
  consumer_groups: [{ name: 'gold', plugins: [{ name: 'rate-limiting', config: { second: 1, minute: 5 } }] }],
  consumer_group_consumers: [{ consumer: 'ada', consumer_group: 'gold' }],
  consumer_group_plugins: [
    { name: 'request-size-limiting', consumer_group: 'gold', config: { allowed_payload_size: 9 } },
  ],
  plugins_partials: [{ plugin: 'rate-limiting-advanced', partial: 'redis', path: 'config.redis' }],
  plugins: [
    { name: 'key-auth', config: { key_names: ['apikey'], anonymous: 'ada' } },
    { name: 'jwt', service: 'one', config: { claims_to_verify: ['exp'], maximum_expiration: 5 } },
    { name: 'acl', route: 'r', config: { allow: ['g'] } },
    { name: 'cors', config: { origins: ['https://a.test', 'b.test'], max_age: 5 } },
    {
      name: 'request-transformer',
      consumer: 'ada',
      config: { add: { headers: ['x-b:$(headers.x-a)'], querystring: ['q:1'] }, replace: { uri: '/u' } },
    },
    { name: 'response-transformer', config: { rename: { headers: ['a:b'] } } },
    { name: 'proxy-cache', route: 's', config: { strategy: 'memory', cache_ttl: 5 } },
    { name: 'request-size-limiting', config: { allowed_payload_size: 5 } },
    { name: 'ip-restriction', config: { allow: ['10.0.0.0/8'] } },
    { name: 'correlation-id', config: { generator: 'uuid' } },
    { name: 'request-termination', route: 's', config: { status_code: 404, trigger: 'x-t' } },
    { name: 'rate-limiting-advanced', config: { limit: [1, 2], window_size: [1, 60] } },
  ],
};

/** Ways to every part of a value. */
function waysIn(value: unknown, before: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [before];
  return [
    before,
    ...Object.entries(value).flatMap(([key, each]) =>
      waysIn(each, [...before, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: unknown, [step, ...more]: readonly (string | number)[], by: unknown): unknown {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((each, at) => (at === step ? replaced(each, more, by) : each));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, each]) => [key, key === step ? replaced(each, more, by) : each]),
  );
}

const odd = fc.oneof(
  fc.constantFrom(
    null,
    true,
    -1,
    0,
    0.5,
    1e9,
    '',
    ' ',
    '/',
    '*',
    '~(',
    '~/a(?=b)',
    '{vault://env/NO}',
    '${{ env "DECK_NO" }}',
    'http://',
    '[::1]',
    'a:b',
    '\u0000',
    [],
    {},
    [[]],
    [null],
    { id: 'x' },
  ),
  fc.string({ maxLength: 8 }),
  fc.jsonValue({ maxDepth: 2 }),
);

test('whatever stands anywhere, a file loads or is refused, each problem with its line', () => {
  expect(kongFaults(JSON.stringify(WHOLE, undefined, 1))).toEqual([]);
  const ways = waysIn(WHOLE).filter((way) => way.length > 0);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...ways), odd), { minLength: 1, maxLength: 2 }), (edits) => {
      let value: unknown = WHOLE;
      for (const [way, by] of edits) {
        try {
          value = replaced(value, way, by);
        } catch {
          // The first edit has taken the place of the second away.
        }
      }
      for (const fault of kongFaults(JSON.stringify(value, undefined, 1))) expect(fault).toMatch(/^\d+: /);
    }),
    { numRuns: 300 },
  );
});
