import { site, type Case } from './case.fixture.ts';

const UP = 'proxy_pass http://{origin};';
const times = (count: number, text: string): readonly string[] => Array.from({ length: count }, () => text);

/** Who may pass, and how often. */
export const GUARD_CASES: readonly Case[] = [
  {
    name: 'a service decides',
    config: site(
      `location / { auth_request /validate; ${UP} } location = /validate { internal; proxy_pass http://{origin}/validate; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri; }`,
    ),
    requests: [
      'GET /a?b=c',
      'GET /a\nX-Auth: 401',
      'GET /a\nX-Auth: 403',
      'POST /a\n\nbody',
      'GET /a\nX-Auth: 204',
      'GET /a\nAuthorization: Bearer x',
      'GET /a\nX-Auth: 500',
      'GET /a\nX-Auth: 302',
      'GET /validate',
    ],
  },
  {
    name: 'what the service says goes on',
    config: site(
      `location / { auth_request /validate; auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user; add_header X-Known $user; ${UP} } location = /validate { internal; proxy_pass http://{origin}; proxy_pass_request_body off; proxy_set_header Content-Length ""; }`,
    ),
    requests: ['GET /a', 'GET /a\nX-User: forged', 'GET /a\nX-Auth: 401'],
    differs: { answer: ['x-known'] },
  },
  {
    name: 'a location without auth_request',
    config: site(
      `auth_request /validate; location /open { auth_request off; ${UP} } location / { ${UP} } location = /validate { internal; proxy_pass http://{origin}/validate?of=edge; proxy_pass_request_body off; proxy_set_header Content-Length ""; }`.replace(
        '?of=edge',
        '',
      ),
    ),
    requests: ['GET /open\nX-Auth: 401', 'GET /x\nX-Auth: 401', 'GET /x'],
  },
  {
    name: 'nobody decides',
    config: site(
      `location / { auth_request /validate; ${UP} } location = /validate { internal; proxy_pass http://{dead}; }`,
    ),
    requests: ['GET /a'],
    // 503, as for every service that is not there, instead of 500.
    differs: { status: true },
  },
  {
    name: 'keys by a map, decided by a location itself, and a path that leads to an internal one',
    config: site(
      `location /api/ { auth_request /key; location /api/stock { set $to stock_{id}; rewrite ^ /_stock last; } location /api/price { set $to price_{id}; rewrite ^ /_price last; } return 404; } location = /_stock { internal; proxy_pass http://$to$request_uri; } location = /_price { internal; auth_request /key; proxy_pass http://$to$request_uri; } location = /key { internal; if ($http_apikey = "") { return 401; } if ($client_{id} = "") { return 403; } return 204; }`,
      'map $http_apikey $client_{id} { default ""; "k1" "one"; k2 two; k3 ""; } upstream stock_{id} { server {origin}; } upstream price_{id} { server {other}; }',
    ),
    requests: [
      'GET /api/stock/7',
      'GET /api/price/7?x=1',
      ...['k1', 'k2', 'k3', 'k4'].map((key) => `GET /api/price/7\nApikey: ${key}`),
      'GET /api/else',
      'GET /_stock',
    ],
  },
  {
    name: 'addresses that trusted proxies tell',
    config: site(
      `set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on; location / { allow 10.1.2.3; deny all; ${UP} proxy_set_header X-Real-IP $remote_addr; }`,
    ),
    requests: [
      'GET /',
      'GET /\nX-Forwarded-For: 10.1.2.3',
      'GET /\nX-Forwarded-For: 10.1.2.3, 127.0.0.9',
      'GET /\nX-Forwarded-For: 10.1.2.3, 10.9.9.9',
    ],
    // Who asked and who passed it on, anew.
    differs: { asked: ['x-forwarded-for'] },
  },
  {
    name: 'addresses may, or may not',
    config: site(
      `location /a { allow 127.0.0.1; deny all; ${UP} } location /b { deny 127.0.0.0/8; ${UP} } location /c { allow 10.0.0.0/8; deny all; ${UP} } location /d { deny all; } location /e { allow 127.0.0.1; deny 127.0.0.0/8; ${UP} } location /f { deny 127.0.0.1; allow 127.0.0.0/8; deny all; ${UP} } location /g { allow all; ${UP} }`,
    ),
    requests: ['GET /a', 'GET /b', 'GET /c', 'GET /d', 'GET /e', 'GET /f', 'GET /g'],
  },
  {
    name: 'methods that may not',
    config: site(`location / { limit_except GET POST { deny all; } ${UP} }`),
    requests: ['GET /', 'HEAD /', 'POST /\n\nx', 'DELETE /', 'PUT /\n\nx'],
  },
  {
    name: 'so many in a minute, and no more',
    config: site(
      `location /a { limit_req zone=a_{id}; ${UP} } location /b { limit_req zone=b_{id} burst=2 nodelay; ${UP} } location /c { limit_req zone=b_{id} burst=2 nodelay; limit_req_status 429; ${UP} }`,
      'limit_req_zone $binary_remote_addr zone=a_{id}:1m rate=1r/m; limit_req_zone $binary_remote_addr zone=b_{id}:1m rate=1r/m;',
    ),
    requests: [...times(3, 'GET /a'), ...times(2, 'GET /b'), ...times(3, 'GET /c')],
  },
  {
    name: 'who has no key has no limit',
    config: site(`location / { limit_req zone=k_{id}; ${UP} }`, 'limit_req_zone $http_x_key zone=k_{id}:1m rate=1r/m;'),
    requests: [...times(3, 'GET /'), 'GET /\nX-Key: a', 'GET /\nX-Key: a', 'GET /\nX-Key: b'],
  },
  {
    name: 'who comes too soon waits',
    config: site(
      `location / { limit_req zone=w_{id} burst=5; ${UP} } location /d { limit_req zone=w_{id} burst=5 delay=3; ${UP} }`,
      'limit_req_zone $binary_remote_addr zone=w_{id}:1m rate=50r/s;',
    ),
    requests: [...times(4, 'GET /'), ...times(4, 'GET /d')],
  },
  {
    name: 'so many at a time',
    config: site(
      `location / { limit_conn c_{id} 1; ${UP} } location /e { limit_conn c_{id} 1; limit_conn_status 429; ${UP} }`,
      'limit_conn_zone $binary_remote_addr zone=c_{id}:1m;',
    ),
    requests: ['GET /', { text: 'GET /held\nX-Hold: 1', isHeld: true }, 'GET /', 'GET /e'],
  },
];
