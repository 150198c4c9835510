// What plugins that count and prove do, written from Kong's documentation of them; where ours is otherwise, the row says so.
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { kongAtWork, kongFaults, type KongAsk } from './kong-at-work.fixture.ts';
import { CONSUMERS, testPlugins, withPlugins } from './plugin-case.fixture.ts';

const key = (value: string): KongAsk => ({ request: 'GET /users', headers: { apikey: value } });
const basic = (text: string): KongAsk => ({
  request: 'GET /users',
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
});
testPlugins([
  {
    what: 'rate-limiting counts down and says so, then answers 429 with Retry-After',
    plugins: '- { name: rate-limiting, config: { minute: 2, hour: 100, policy: local } }',
    steps: [
      [
        'GET /users',
        {
          status: 200,
          headers: {
            'x-ratelimit-limit-minute': '2',
            'x-ratelimit-remaining-minute': '1',
            'x-ratelimit-limit-hour': '100',
            'x-ratelimit-remaining-hour': '99',
            'ratelimit-limit': '2',
            'ratelimit-remaining': '1',
          },
        },
      ],
      ['GET /users', { status: 200, headers: { 'x-ratelimit-remaining-minute': '0', 'ratelimit-remaining': '0' } }],
      [
        'GET /users',
        { status: 429, headers: { 'retry-after': /^\d+$/, 'x-ratelimit-remaining-minute': '0' }, body: /RATE_LIMITED/ },
      ],
    ],
  },
  {
    what: 'rate-limiting keeps its fields to itself, and answers with another status and message',
    plugins:
      '- { name: rate-limiting, config: { second: 1, hide_client_headers: true, error_code: 503, error_message: Slow down } }',
    steps: [
      ['GET /users', { status: 200, headers: { 'x-ratelimit-limit-second': undefined, 'ratelimit-limit': undefined } }],
      ['GET /users', { status: 503, body: /Slow down/ }],
    ],
  },
  {
    what: 'rate-limiting by header counts each value by itself, and requests without it by address',
    plugins: '- { name: rate-limiting, config: { hour: 1, limit_by: header, header_name: X-Tenant } }',
    steps: [
      [{ request: 'GET /users', headers: { 'x-tenant': 'a' } }, 200],
      [{ request: 'GET /users', headers: { 'x-tenant': 'b' } }, 200],
      [{ request: 'GET /users', headers: { 'x-tenant': 'a' } }, 429],
      ['GET /users', 200],
      ['GET /users', 429],
    ],
  },
  {
    what: 'rate-limiting by consumer counts each by himself',
    plugins: '- { name: key-auth }\n- { name: rate-limiting, config: { hour: 1, limit_by: consumer } }',
    rest: CONSUMERS,
    steps: [
      [key('ada-key'), 200],
      [key('bob-key'), 200],
      [key('ada-key'), 429],
    ],
  },
  {
    what: 'rate-limiting by path counts one path only',
    plugins: '- { name: rate-limiting, config: { hour: 1, limit_by: path, path: /users/1 } }',
    steps: [
      ['GET /users/1', 200],
      ['GET /users/1', 429],
      ['GET /users/2', 200],
      ['GET /users/2', 429],
    ],
  },
  {
    what: 'key-auth wants a key in the header or the query, and tells the service who asks',
    plugins: '- { name: key-auth }',
    rest: CONSUMERS,
    steps: [
      ['GET /users', 401],
      [key('eve-key'), 401],
      [
        key('ada-key'),
        {
          status: 200,
          seen: {
            'x-consumer-username': 'ada',
            'x-consumer-custom-id': 'c-1',
            'x-consumer-id': '11111111-1111-4111-8111-111111111111',
            apikey: 'ada-key',
          },
        },
      ],
      [
        'GET /users?apikey=bob-key',
        {
          status: 200,
          target: '/users?apikey=bob-key',
          seen: { 'x-consumer-username': 'bob', 'x-consumer-custom-id': undefined },
        },
      ],
      [
        {
          request: 'GET /users',
          headers: { apikey: 'bob-key', 'x-consumer-custom-id': 'forged', 'x-consumer-groups': 'admin' },
        },
        { status: 200, seen: { 'x-consumer-custom-id': undefined, 'x-consumer-groups': undefined } },
      ],
    ],
  },
  {
    what: 'key-auth hides keys, looks under other names, and lets preflights pass when it is told to',
    plugins:
      '- { name: key-auth, config: { key_names: [X-Key, token], hide_credentials: true, run_on_preflight: false } }',
    rest: CONSUMERS,
    steps: [
      [
        { request: 'GET /users', headers: { 'x-key': 'ada-key' } },
        { status: 200, seen: { 'x-key': undefined, 'x-consumer-username': 'ada' } },
      ],
      ['GET /users?token=ada-key&a=1', { status: 200, target: '/users?a=1' }],
      ['OPTIONS /users', 200],
      ['GET /users', 401],
    ],
  },
  {
    what: 'key-auth takes whoever has no key for the anonymous consumer, who is refused by acl',
    plugins: '- { name: key-auth, config: { anonymous: guest } }\n- { name: acl, config: { deny: [guests] } }',
    rest: CONSUMERS,
    steps: [
      ['GET /users', 403],
      [key('wrong'), 403],
      [key('ada-key'), { status: 200, seen: { 'x-anonymous-consumer': undefined } }],
    ],
  },
  {
    what: 'key-auth refuses whoever has no key when the anonymous consumer is nobody (401; Kong answers 500)',
    plugins: '- { name: key-auth, config: { anonymous: nobody-here } }',
    rest: CONSUMERS,
    steps: [
      ['GET /users', 401],
      [key('wrong'), 401],
      [key('ada-key'), { status: 200, seen: { 'x-consumer-username': 'ada' } }],
    ],
  },
  {
    what: 'two proofs with an anonymous consumer are either-or',
    plugins: '- { name: key-auth, config: { anonymous: guest } }\n- { name: basic-auth, config: { anonymous: guest } }',
    rest: CONSUMERS,
    steps: [
      [key('ada-key'), { status: 200, seen: { 'x-consumer-username': 'ada' } }],
      [basic('ada:correct'), { status: 200, seen: { 'x-consumer-username': 'ada' } }],
      ['GET /users', { status: 200, seen: { 'x-consumer-username': 'guest', 'x-anonymous-consumer': 'true' } }],
    ],
  },
  {
    what: 'two proofs without one are both asked for',
    plugins: '- { name: key-auth }\n- { name: basic-auth }',
    rest: CONSUMERS,
    steps: [
      [key('ada-key'), 401],
      [basic('ada:correct'), 401],
      [{ request: 'GET /users', headers: { apikey: 'ada-key', ...basic('ada:correct').headers } }, 200],
    ],
  },
  {
    what: 'basic-auth asks for user and password',
    plugins: '- { name: basic-auth, config: { realm: shop, hide_credentials: true } }',
    rest: CONSUMERS,
    steps: [
      ['GET /users', { status: 401, headers: { 'www-authenticate': /^Basic realm="shop"/ } }],
      [basic('ada:wrong'), 401],
      [basic('ada:correct'), { status: 200, seen: { authorization: undefined, 'x-consumer-username': 'ada' } }],
    ],
  },
  {
    what: 'acl lets groups in, tells the service which, and hides them when it is told to',
    plugins: '- { name: key-auth }\n- { name: acl, config: { allow: [admin] } }',
    rest: CONSUMERS,
    steps: [
      [key('ada-key'), { status: 200, seen: { 'x-consumer-groups': 'admin, staff' } }],
      [key('bob-key'), 403],
      ['GET /users', 401],
    ],
  },
  {
    what: 'acl keeps groups out',
    plugins: '- { name: key-auth }\n- { name: acl, config: { deny: [admin], hide_groups_header: true } }',
    rest: CONSUMERS,
    steps: [
      [key('ada-key'), 403],
      [key('bob-key'), { status: 200, seen: { 'x-consumer-groups': undefined } }],
    ],
  },
]);

const SECRET = 'a-secret-of-two-and-thirty-bytes';
const token = (claims: Record<string, unknown>, secret = SECRET) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(Buffer.from(secret));
const nowS = Date.UTC(2030, 0, 1) / 1_000;
const WITH_SECRET = `
consumers:
  - { username: ada, jwt_secrets: [{ key: ada-app, algorithm: HS256, secret: ${SECRET} }], acls: [{ group: admin }] }
`;

test('jwt finds the consumer by iss, verifies by his secret, and looks at the claims that it is told to', async () => {
  const { ask } = await kongAtWork(
    withPlugins(
      '- { name: jwt, config: { claims_to_verify: [exp, nbf] } }\n- { name: acl, config: { allow: [admin] } }',
      WITH_SECRET,
    ),
  );
  const told = async (text: string) =>
    (await ask({ request: 'GET /users', headers: { authorization: `Bearer ${text}` } })).status;
  const good = { iss: 'ada-app', exp: nowS + 60, nbf: nowS - 60 };
  const { seen } = await ask({ request: 'GET /users', headers: { authorization: `Bearer ${await token(good)}` } });
  expect(seen?.headers).toMatchObject({
    'x-consumer-username': 'ada',
    'x-credential-identifier': 'ada-app',
    authorization: expect.stringMatching(/^Bearer /),
  });
  expect((await ask({ request: `GET /users?jwt=${await token(good)}` })).status).toBe(200);
  expect((await ask({ request: 'GET /users' })).status).toBe(401);
  expect(await told(await token({ ...good, iss: 'eve-app' }))).toBe(401);
  expect(await told(await token(good, 'e'.repeat(32)))).toBe(401);
  expect(await told(await token({ ...good, exp: nowS - 1 }))).toBe(401);
  expect(await told(await token({ iss: 'ada-app', exp: nowS + 60 }))).toBe(401);
  expect(
    (
      await ask({
        request: `GET /users?jwt=${await token(good)}`,
        headers: { authorization: `Bearer ${await token({ ...good, jti: '2' })}` },
      })
    ).status,
  ).toBe(401);
});

test('jwt finds the key under another claim and in cookies, limits how long tokens are good, and lets preflights pass', async () => {
  const plugin =
    '- { name: jwt, config: { key_claim_name: kid, cookie_names: [session], uri_param_names: [], claims_to_verify: [exp], maximum_expiration: 300, run_on_preflight: false } }';
  const { ask } = await kongAtWork(withPlugins(plugin, WITH_SECRET));
  const cookie = async (claims: Record<string, unknown>) =>
    (await ask({ request: 'GET /users', headers: { cookie: `session=${await token(claims)}` } })).status;
  expect(await cookie({ kid: 'ada-app', exp: nowS + 300 })).toBe(200);
  expect(await cookie({ kid: 'ada-app', exp: nowS + 301 })).toBe(401);
  expect(await cookie({ iss: 'ada-app', exp: nowS + 300 })).toBe(401);
  expect((await ask({ request: 'OPTIONS /users' })).status).toBe(200);
});

test('groups, what works for them, and shared parts of plugins are read as files without a database write them', async () => {
  const text = `_format_version: "3.0"
_transform: false
services: [{ name: one, url: SERVICE, routes: [{ name: a, paths: [/users] }] }]
consumers: [{ username: ada }, { username: bob }]
keyauth_credentials: [{ consumer: ada, key: ada-key }, { consumer: bob, key: bob-key }]
consumer_groups: [{ name: gold }]
consumer_group_consumers: [{ consumer: ada, consumer_group: gold }]
consumer_group_plugins:
  - { name: rate-limiting-advanced, consumer_group: gold, config: { limit: [2], window_size: [3600] } }
partials: [{ id: p1, name: redis, type: redis-ee, config: { host: 127.0.0.1 } }]
plugins:
  - { name: key-auth }
  - { id: rla, name: rate-limiting-advanced, config: { limit: [1], window_size: [3600], strategy: redis } }
plugins_partials:
  - { plugin: rla, partial: p1, path: config.redis }
`;
  const { ask, imported } = await kongAtWork(text);
  const told = async (value: string) => (await ask(key(value))).status;
  expect([await told('ada-key'), await told('ada-key'), await told('ada-key')]).toEqual([200, 200, 429]);
  expect([await told('bob-key'), await told('bob-key')]).toEqual([200, 429]);
  expect(imported.notes.filter(({ note }) => note.includes('partials say')).map(({ line }) => line)).toEqual([13]);
  expect(kongFaults(text.replace('plugin: rla', 'plugin: rlb'))).toEqual([
    expect.stringMatching(/^15: plugins_partials\[0\]\.plugin: there is no plugin "rlb"/),
  ]);
  expect(kongFaults(text.replace('plugin: rla', 'plugin: key-auth'))).toEqual([
    expect.stringMatching(/^12: .*takes parts of other entities in/),
  ]);
  expect(kongFaults(text.replace('ada, consumer_group: gold', 'eve, consumer_group: silver'))).toHaveLength(2);
  expect(kongFaults(text.replace(', consumer_group: gold, config', ', config')).join()).toMatch(/^9: .*consumer_group/);
});
