import { site, type Case } from './case.fixture.ts';

const paths = (...all: readonly string[]): readonly string[] => all.map((path) => `GET ${path}`);

/** What goes upstream. */
export const PASSING_CASES: readonly Case[] = [
  {
    name: 'a proxy_pass without a path sends the path as it came',
    config: site('location /api/ { proxy_pass http://{origin}; }'),
    requests: paths('/api/', '/api/a%20b?x=%20y', '/api/caf%C3%A9', '/api/?', '/api/%41'),
  },
  {
    name: 'a proxy_pass with / takes the location away',
    config: site('location /api/ { proxy_pass http://{origin}/; }'),
    requests: paths('/api/', '/api/orders/7?x=1', '/api/a%20b', '/api/caf%C3%A9'),
  },
  {
    name: 'a proxy_pass with a path puts it in place of the location',
    config: site(
      'location /api/ { proxy_pass http://{origin}/v1/; } location /old { proxy_pass http://{origin}/new; } location /cut/ { proxy_pass http://{origin}/x; } location / { proxy_pass http://{origin}/root/; }',
    ),
    requests: paths('/api/orders', '/old', '/old/x', '/older', '/cut/y', '/', '/z', '/z/?q'),
  },
  {
    name: 'a whole path becomes another',
    config: site('location = /health { proxy_pass http://{origin}/status/ready; }'),
    requests: paths('/health', '/health?full=1'),
  },
  {
    name: 'a missing slash in the location',
    config: site('location /api { proxy_pass http://{origin}/; }'),
    requests: paths('/api', '/apix', '/api/x'),
    differs: { asked: ['target'], body: true },
  },
  {
    name: 'groups of an expression make the path',
    config: site(
      'location ~ ^/v(\\d+)/(.*)$ { proxy_pass http://{origin}/$2/of/$1; } location ~ ^/q/(.*)$ { proxy_pass http://{origin}/$1$is_args$args; }',
    ),
    requests: paths('/v1/orders/7', '/v2/x?lost=1', '/q/x?kept=1', '/q/x'),
  },
  {
    name: 'variables that say what came',
    config: site(
      'location /a/ { proxy_pass http://{origin}$request_uri; } location /b/ { proxy_pass http://{origin}/pre$uri$is_args$args; } location /c/ { set $to http://{origin}; proxy_pass $to; }',
    ),
    requests: paths('/a/x?y=1', '/b/x?y=1', '/b/x', '/c/x?y=1'),
  },
  {
    name: 'an upstream block, and the name that it reads in Host',
    config: site('location / { proxy_pass http://users_{id}; }', 'upstream users_{id} { server {origin}; }'),
    requests: ['GET /', 'GET /\nHost: other.test', 'GET / HTTP/1.0'],
  },
  {
    name: 'methods, bodies and fields go on',
    config: site('location / { proxy_pass http://{origin}; }'),
    requests: [
      'POST /orders\nContent-Type: application/json\n\n{"a":1}',
      'PUT /orders/7\nX-A: 1\nX-A: 2\nCookie: a=b\n\nxyz',
      'DELETE /orders/7',
      'PATCH /p\n\nabc',
      'OPTIONS /p',
      'HEAD /p',
      'POST /chunks\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n0\r\n\r\n',
      'GET /x\nX_Under: 1\nX-Over: 2',
      'GET /x\nAccept-Encoding: gzip\nUser-Agent: test\nReferer: http://a.test/',
    ],
  },
  {
    name: 'answers come back with their status and fields',
    config: site('location / { proxy_pass http://{origin}; }'),
    requests: [
      'GET /\nX-Want: 404;x-a=1',
      'GET /\nX-Want: 500',
      'GET /\nX-Want: 201;location=/orders/7;etag="x"',
      'GET /\nX-Want: 200;set-cookie=a=1;set-cookie=b=2;cache-control=no-store',
      'GET /\nX-Want: 204',
      'GET /\nX-Want: 304;etag="x"',
      'GET /\nX-Want: 418;x-accel-expires=5;x-accel-buffering=no',
    ],
  },
  {
    name: 'several servers take turns',
    config: site(
      'location / { proxy_pass http://both_{id}; }',
      'upstream both_{id} { server {origin}; server {other} weight=2; }',
    ),
    requests: paths('/1', '/2', '/3', '/4', '/5', '/6'),
    // Whose turn it is first is nobody's promise.
    differs: { body: true, answer: ['x-origin'], asked: ['origin'] },
  },
  {
    name: 'a server that refuses is passed over',
    config: site(
      'location / { proxy_pass http://some_{id}; }',
      'upstream some_{id} { server {dead}; server {origin}; }',
    ),
    requests: paths('/1', '/2', '/3', '/4'),
  },
  {
    name: 'a backup is asked when nobody else is there, and one that is down never',
    config: site(
      'location /a { proxy_pass http://a_{id}; } location /b { proxy_pass http://b_{id}; } location /c { proxy_pass http://c_{id}; }',
      'upstream a_{id} { server {origin}; server {other} backup; } upstream b_{id} { server {dead}; server {other} backup; } upstream c_{id} { server {dead} down; server {other}; }',
    ),
    requests: paths('/a', '/a', '/a', '/b', '/b', '/c', '/c'),
  },
  {
    name: 'nobody is there',
    config: site('location / { proxy_pass http://{dead}; }'),
    requests: paths('/'),
    // 503 with processed: no, instead of 502.
    differs: { status: true },
  },
  {
    name: 'another server is asked after a status that is named',
    config: site(
      'location / { proxy_pass http://next_{id}; proxy_next_upstream error http_503; }',
      'upstream next_{id} { server {origin} max_fails=0; server {origin} max_fails=0; }',
    ),
    requests: ['GET /\nX-Want: 503', 'POST /\nX-Want: 503', 'GET /\nX-Want: 500'],
  },
  {
    name: 'a body may be so large and no larger',
    config: site(
      'client_max_body_size 5; location / { proxy_pass http://{origin}; } location /more { client_max_body_size 1k; proxy_pass http://{origin}; } location /any { client_max_body_size 0; proxy_pass http://{origin}; }',
    ),
    requests: ['POST /\n\n12345', 'POST /\n\n123456', 'POST /more\n\n123456', `POST /any\n\n${'x'.repeat(5_000)}`],
  },
  {
    name: 'answers are kept and given again',
    config: site(
      'location / { proxy_pass http://{origin}; proxy_cache kept_{id}; proxy_cache_valid 200 1m; }',
      'proxy_cache_path {folder}/kept_{id} keys_zone=kept_{id}:1m;',
    ),
    requests: [
      ...paths('/a', '/a', '/a?1', '/a?1', '/a'),
      'HEAD /a',
      'POST /a\n\nx',
      ...['404', '200;cache-control=no-store', '200;cache-control=max-age=60'].flatMap((want) => [
        `GET /${want.length}\nX-Want: ${want}`,
        `GET /${want.length}\nX-Want: ${want}`,
      ]),
    ],
    differs: { answer: ['age', 'cache-status'] },
  },
  {
    name: 'redirects to names that only the gateway knows',
    config: site(
      'location /one/ { proxy_pass http://red_{id}/two/; } location /all/ { proxy_pass http://red_{id}; } location /off/ { proxy_pass http://red_{id}; proxy_redirect off; } location /own/ { proxy_pass http://red_{id}; proxy_redirect http://else.test/ $scheme://$host/else/; }',
      'upstream red_{id} { server {origin}; }',
    ),
    requests: [
      ...['http://red_{id}/two/x', 'http://red_{id}/x', '/two/x'].map((to) => `GET /one/y\nX-Want: 302;location=${to}`),
      'GET /all/y\nX-Want: 301;location=http://red_{id}/all/z?q',
      'GET /off/y\nX-Want: 301;location=http://red_{id}/z',
      'GET /own/y\nX-Want: 303;location=http://else.test/z',
      'GET /own/y\nX-Want: 303;location=http://red_{id}/z',
    ],
  },
  {
    name: 'redirects of what is behind',
    config: site('location /one/ { proxy_pass http://{origin}/two/; }'),
    requests: ['GET /one/x\nX-Want: 302;location=http://elsewhere.test/y', 'GET /one/x\nX-Want: 302;location=/y'],
  },
];
