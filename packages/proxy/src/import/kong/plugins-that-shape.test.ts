// What plugins that answer, edit and keep do, written from Kong's documentation of them; where ours is otherwise, the row says so.
import type { KongAsk } from './kong-at-work.fixture.ts';
import { testPlugins } from './plugin-case.fixture.ts';

const preflight = (origin: string, more: Record<string, string> = {}): KongAsk => ({
  request: 'OPTIONS /users',
  headers: { origin, 'access-control-request-method': 'PUT', ...more },
});

const sized = (key: string, body: string): KongAsk => ({ request: 'POST /users', headers: { apikey: key }, body });
const chunked = (key: string, bytes: number): KongAsk => ({ ...sized(key, 'x'.repeat(bytes)), isChunked: true });
const SENDERS = `
consumers:
  - { username: ada, keyauth_credentials: [{ key: ada-key }] }
  - { username: bob, keyauth_credentials: [{ key: bob-key }] }
  - { username: eve, keyauth_credentials: [{ key: eve-key }] }
`;

testPlugins([
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
    what: 'request-size-limiting of a consumer counts instead of that for everybody, be it larger or smaller, also for chunks',
    plugins:
      '- { name: key-auth }\n- { name: request-size-limiting, config: { allowed_payload_size: 4, size_unit: bytes } }',
    rest: `${SENDERS}
plugins:
  - { name: request-size-limiting, consumer: ada, config: { allowed_payload_size: 8, size_unit: bytes } }
  - { name: request-size-limiting, consumer: bob, config: { allowed_payload_size: 2, size_unit: bytes } }
`,
    steps: [
      [sized('ada-key', 'eight...'), 200],
      [sized('ada-key', 'nine.....'), 413],
      [chunked('ada-key', 8), 200],
      [chunked('ada-key', 9), 413],
      [sized('bob-key', 'ok'), 200],
      [sized('bob-key', 'not'), 413],
      [chunked('bob-key', 1), 411],
      [sized('eve-key', 'four'), 200],
      [sized('eve-key', 'fives'), 413],
      [chunked('eve-key', 1), 411],
      [{ request: 'GET /users', headers: { apikey: 'bob-key' } }, 200],
    ],
  },
  {
    what: 'request-size-limiting of one consumer alone leaves others without a limit',
    plugins: '- { name: key-auth }',
    rest: `${SENDERS}
plugins: [{ name: request-size-limiting, consumer: bob, config: { allowed_payload_size: 2, size_unit: bytes } }]
`,
    steps: [
      [sized('ada-key', 'x'.repeat(2_000_000)), 200],
      [chunked('ada-key', 100), 200],
      [sized('bob-key', 'not'), 413],
      [chunked('bob-key', 3), 411],
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
]);
