// What each plugin does, written from Kong's documentation of it; where ours is otherwise, the row says so.
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { kongAtWork, type KongAnswer, type KongAsk } from './kong-at-work.fixture.ts';

/** A service with one route, /users, and these plugins. */
const withPlugins = (plugins: string, rest = '') => `
_format_version: "3.0"
services:
  - name: users
    url: SERVICE
    routes:
      - { name: users, paths: [/users], strip_path: false }
    plugins:
${plugins
  .trim()
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
${rest}
`;

const CONSUMERS = `
consumers:
  - username: ada
    custom_id: c-1
    id: 11111111-1111-4111-8111-111111111111
    keyauth_credentials: [{ key: ada-key }]
    basicauth_credentials: [{ username: ada, password: correct }]
    acls: [{ group: admin }, { group: staff }]
  - username: bob
    keyauth_credentials: [{ key: bob-key }]
  - username: guest
    acls: [{ group: guests }]
`;

interface Case {
  readonly what: string;
  readonly plugins: string;
  readonly rest?: string;
  readonly lines?: readonly string[];
  readonly steps: readonly (readonly [ask: KongAsk | string, wanted: number | Wanted])[];
}

interface Wanted {
  readonly status: number;
  /** Fields of the answer; `undefined`: not there. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
  readonly body?: string | RegExp;
  /** What the service was asked; `undefined` members of its fields: not there. */
  readonly target?: string;
  readonly seen?: Readonly<Record<string, string | RegExp | undefined>>;
}

function check(answer: KongAnswer, wanted: number | Wanted): void {
  const { status, headers = {}, body, target, seen = {} } = typeof wanted === 'number' ? { status: wanted } : wanted;
  expect(answer.status).toBe(status);
  const fits = (found: string | undefined, one: string | RegExp | undefined) =>
    one instanceof RegExp ? expect(found).toMatch(one) : expect(found).toBe(one);
  for (const [name, value] of Object.entries(headers)) fits(answer.headers[name], value);
  for (const [name, value] of Object.entries(seen)) fits(answer.seen?.headers[name], value);
  if (body !== undefined) fits(answer.body, body);
  if (target !== undefined) expect(answer.seen?.target).toBe(target);
}

const key = (value: string): KongAsk => ({ request: 'GET /users', headers: { apikey: value } });
const basic = (text: string): KongAsk => ({
  request: 'GET /users',
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
});
const preflight = (origin: string, more: Record<string, string> = {}): KongAsk => ({
  request: 'OPTIONS /users',
  headers: { origin, 'access-control-request-method': 'PUT', ...more },
});

const CASES: readonly Case[] = [
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
  {
    what: 'cors answers preflights (204 here), and names the origin that may read',
    plugins:
      '- { name: cors, config: { origins: [https://example.com], methods: [GET, PUT], headers: [X-A], exposed_headers: [X-B], max_age: 3600, credentials: true } }',
    steps: [
      [
        preflight('https://example.com'),
        {
          status: 204,
          headers: {
            'access-control-allow-origin': 'https://example.com',
            'access-control-allow-methods': 'GET, PUT',
            'access-control-allow-headers': 'X-A',
            'access-control-max-age': '3600',
            'access-control-allow-credentials': 'true',
            vary: /Origin/,
          },
        },
      ],
      [
        { request: 'GET /users', headers: { origin: 'https://example.com' } },
        {
          status: 200,
          headers: { 'access-control-allow-origin': 'https://example.com', 'access-control-expose-headers': 'X-B' },
        },
      ],
      [
        { request: 'GET /users', headers: { origin: 'https://evil.test' } },
        { status: 200, headers: { 'access-control-allow-origin': undefined } },
      ],
    ],
  },
  {
    what: 'cors without origins is for all, and knows expressions and hosts',
    plugins: '- { name: cors }',
    steps: [
      [
        { request: 'GET /users', headers: { origin: 'https://any.test' } },
        { status: 200, headers: { 'access-control-allow-origin': '*' } },
      ],
      [
        preflight('https://any.test'),
        {
          status: 204,
          headers: { 'access-control-allow-methods': /PATCH/, 'access-control-allow-headers': '*, authorization' },
        },
      ],
    ],
  },
  {
    what: 'cors takes expressions and hosts for origins',
    plugins: String.raw`- { name: cors, config: { origins: ['https://[a-z]+\.example\.com', 'plain.test'] } }`,
    steps: [
      [
        { request: 'GET /users', headers: { origin: 'https://a.example.com' } },
        { status: 200, headers: { 'access-control-allow-origin': 'https://a.example.com' } },
      ],
      [
        { request: 'GET /users', headers: { origin: 'http://plain.test:8080' } },
        { status: 200, headers: { 'access-control-allow-origin': 'http://plain.test:8080' } },
      ],
      [
        { request: 'GET /users', headers: { origin: 'https://a.example.com.evil.test' } },
        { status: 200, headers: { 'access-control-allow-origin': undefined } },
      ],
    ],
  },
  {
    what: 'cors lets preflights go on when it is told to',
    plugins: '- { name: cors, config: { preflight_continue: true } }',
    steps: [[preflight('https://any.test'), { status: 200, target: '/users' }]],
  },
  {
    what: 'request-transformer removes, renames, replaces, adds and appends fields, in this order',
    plugins: `
- name: request-transformer
  config:
    remove: { headers: [x-gone] }
    rename: { headers: ['x-old:x-new'] }
    replace: { headers: ['x-there:replaced', 'x-missing:never', 'host:inside.test'] }
    add: { headers: ['x-there:not', 'x-added:$(headers.x-name)'] }
    append: { headers: ['x-list:b'] }`,
    steps: [
      [
        {
          request: 'GET /users',
          headers: { 'x-gone': '1', 'x-old': '2', 'x-there': '3', 'x-name': 'ada', 'x-list': 'a' },
        },
        {
          status: 200,
          seen: {
            'x-gone': undefined,
            'x-old': undefined,
            'x-new': '2',
            'x-there': 'replaced',
            'x-missing': undefined,
            'x-added': 'ada',
            'x-list': 'a, b',
            host: 'inside.test',
          },
        },
      ],
    ],
  },
  {
    what: 'request-transformer does the same with the query, and writes another path',
    plugins: `
- name: request-transformer
  config:
    remove: { querystring: [gone] }
    rename: { querystring: ['old:new'] }
    replace: { querystring: ['there:r', 'missing:m'], uri: /elsewhere }
    add: { querystring: ['there:n', 'added:1'] }
    append: { querystring: ['list:b'] }`,
    steps: [
      [
        'GET /users?gone=1&old=2&there=3&list=a',
        { status: 200, target: '/elsewhere?new=2&list=a&there=r&added=1&list=b' },
      ],
    ],
  },
  {
    what: 'response-transformer does it with fields of answers',
    plugins: `
- name: response-transformer
  config:
    remove: { headers: [x-gone] }
    rename: { headers: ['x-old:x-new'] }
    replace: { headers: ['x-there:r', 'x-missing:m'] }
    add: { headers: ['x-there:n', 'x-added:1'] }
    append: { headers: ['x-list:b'] }`,
    lines: ['x-gone: 1', 'x-old: 2', 'x-there: 3', 'x-list: a'],
    steps: [
      [
        'GET /users',
        {
          status: 200,
          headers: {
            'x-gone': undefined,
            'x-old': undefined,
            'x-new': '2',
            'x-there': 'r',
            'x-missing': undefined,
            'x-added': '1',
            'x-list': 'a, b',
          },
        },
      ],
    ],
  },
  {
    what: 'request-size-limiting refuses larger bodies with 413',
    plugins: '- { name: request-size-limiting, config: { allowed_payload_size: 4, size_unit: bytes } }',
    steps: [
      [{ request: 'POST /users', body: 'four' }, 200],
      [{ request: 'POST /users', body: 'fives' }, 413],
    ],
  },
  {
    what: 'request-size-limiting asks for Content-Length when it is told to',
    plugins: '- { name: request-size-limiting, config: { allowed_payload_size: 1, require_content_length: true } }',
    steps: [
      [{ request: 'POST /users', headers: { 'transfer-encoding': 'chunked' }, body: undefined as never }, 411],
      [{ request: 'POST /users', body: 'ok' }, 200],
    ],
  },
  {
    what: 'ip-restriction lets addresses in or keeps them out, with a message of its own',
    plugins: '- { name: ip-restriction, config: { deny: [127.0.0.0/8], status: 404, message: Not for you } }',
    steps: [['GET /users', { status: 404, body: /Not for you/ }]],
  },
  {
    what: 'ip-restriction lets in who is allowed',
    plugins: '- { name: ip-restriction, config: { allow: [127.0.0.1] } }',
    steps: [['GET /users', 200]],
  },
  {
    what: 'correlation-id makes an id, keeps one that came, and echoes it',
    plugins: '- { name: correlation-id, config: { header_name: X-Id, generator: uuid, echo_downstream: true } }',
    steps: [
      ['GET /users', { status: 200, headers: { 'x-id': /^[0-9a-f-]{36}$/ }, seen: { 'x-id': /^[0-9a-f-]{36}$/ } }],
      [
        { request: 'GET /users', headers: { 'x-id': 'mine' } },
        { status: 200, headers: { 'x-id': 'mine' }, seen: { 'x-id': 'mine' } },
      ],
    ],
  },
  {
    what: 'correlation-id counts by default, under Kong-Request-ID',
    plugins: '- { name: correlation-id }',
    steps: [
      [
        'GET /users',
        { status: 200, headers: { 'kong-request-id': undefined }, seen: { 'kong-request-id': /^[0-9a-f-]{36}#1$/ } },
      ],
      ['GET /users', { status: 200, seen: { 'kong-request-id': /#2$/ } }],
    ],
  },
  {
    what: 'request-termination answers by itself',
    plugins: '- { name: request-termination, config: { status_code: 403, message: So long } }',
    steps: [['GET /users', { status: 403, body: '{"message":"So long"}' }]],
  },
  {
    what: 'request-termination has a message for statuses that are known, and bodies of any type',
    plugins: '- { name: request-termination }',
    steps: [['GET /users', { status: 503, body: '{"message":"Service unavailable"}' }]],
  },
  {
    what: 'request-termination answers with a body, when it is triggered',
    plugins:
      "- { name: request-termination, config: { status_code: 200, content_type: text/html, body: '<b>', trigger: X-Stop } }",
    steps: [
      ['GET /users', { status: 200, target: '/users' }],
      [
        { request: 'GET /users', headers: { 'x-stop': '1' } },
        { status: 200, body: '<b>', headers: { 'content-type': 'text/html' } },
      ],
      ['GET /users?X-Stop', { status: 200, body: '<b>' }],
    ],
  },
  {
    what: 'proxy-cache keeps answers for cache_ttl, and says so by Cache-Status here',
    plugins: '- { name: proxy-cache, config: { strategy: memory, cache_ttl: 30 } }',
    steps: [
      ['GET /users', { status: 200, headers: { 'cache-status': /fwd=(?:uri-)?miss/ } }],
      ['GET /users', { status: 200, headers: { 'cache-status': /hit/ } }],
      ['GET /users?other', { status: 200, headers: { 'cache-status': /miss/ } }],
    ],
  },
  {
    what: 'proxy-cache keeps nothing that a service forbids to be kept, unlike Kong',
    plugins: '- { name: proxy-cache, config: { strategy: memory } }',
    lines: ['cache-control: no-store'],
    steps: [
      ['GET /users', 200],
      ['GET /users', { status: 200, headers: { 'cache-status': /miss/ } }],
    ],
  },
];

test.each(CASES.map((each) => [each.what, each] as const))(
  '%s',
  async (_what, { plugins, rest = '', lines = [], steps }) => {
    const { ask } = await kongAtWork(withPlugins(plugins, rest), { lines });
    for (const [request, wanted] of steps)
      check(await ask(typeof request === 'string' ? { request } : request), wanted);
  },
);

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
