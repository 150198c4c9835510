import { site, type Case } from './case.fixture.ts';

const UP = 'proxy_pass http://{origin};';

/** `rewrite`, `return`, `if` and `error_page`. */
export const REWRITE_CASES: readonly Case[] = [
  {
    name: 'a return of a text, of a status, and of nothing',
    config: site(
      'location /a { return 200 "hello"; } location /b { return 204; } location /c { return 403; } location /d { return 200; } location /e { default_type application/json; return 200 \'{"ok":true}\'; } location /f { return 418 "tea"; } location /g { return 503 "later"; }',
    ),
    requests: ['GET /a', 'HEAD /a', 'POST /a\n\nx', 'GET /b', 'GET /c', 'GET /d', 'GET /e', 'GET /f', 'GET /g'],
  },
  {
    name: 'a return with something of the request',
    config: site(
      'location /ip { return 200 "$remote_addr\\n"; } location /echo { return 200 "$request_method $request_uri $http_x_a $scheme $host"; }',
    ),
    requests: ['GET /ip', 'GET /echo?x=1\nX-A: b', 'POST /echo\n\nx'],
  },
  {
    name: 'redirects',
    config: site(
      'location /a { return 301 https://$host$request_uri; } location /b { return 302 /new; } location /c { return 307 http://else.test/; } location /d { return https://else.test/d; } location /e { return 308 $scheme://$http_host/x$is_args$args; } location /f { return 303 /f?from=$uri; }',
    ),
    requests: ['GET /a/x?y=1', 'GET /b', 'GET /c', 'POST /d\n\nx', 'GET /e?q=1', 'GET /e', 'GET /f'],
  },
  {
    name: 'a whole server sends clients elsewhere',
    config: site('return 301 https://shop.test$request_uri;'),
    requests: ['GET /x?y=1', 'GET /'],
  },
  {
    name: 'rewrites that send clients elsewhere',
    config: site(
      'rewrite ^/old/(.*)$ /new/$1 permanent; rewrite ^/tmp/(.*)$ /new/$1 redirect; rewrite ^/far/(.*)$ https://far.test/$1; location / { rewrite ^/inner/(.*)$ /outer/$1 redirect; rewrite ^/drop$ /dropped? permanent; return 200 "stays"; }',
    ),
    requests: ['GET /old/a?x=1', 'GET /tmp/a%20b', 'GET /far/x?y', 'GET /inner/z', 'GET /drop?x=1', 'GET /else'],
  },
  {
    name: 'a rewrite with break changes what goes upstream',
    config: site(
      `location /api/ { rewrite ^/api/v1/(.*)$ /one/$1 break; rewrite ^/api/(.*)$ /other/$1 break; ${UP} } location /came/ { rewrite ^ /gone break; proxy_pass http://{origin}$request_uri; } location /base/ { rewrite ^/base/x/(.*)$ /changed/$1 break; proxy_pass http://{origin}/root/; }`,
    ),
    requests: ['GET /api/v1/x?q=1', 'GET /api/v2/x', 'GET /api/', 'GET /came/x?y=1', 'GET /base/x/y', 'GET /base/z'],
  },
  {
    name: 'a rewrite with last leads to another location',
    config: site(
      `location /old/ { rewrite ^/old/(.*)$ /new/$1 last; } location /new/ { ${UP} add_header X-New 1; } location /app { rewrite ^/app$ /new/index last; return 200 "app"; } location / { return 200 "root"; }`,
    ),
    requests: ['GET /old/x?y=1', 'GET /new/x', 'GET /app', 'GET /apps', 'GET /else'],
  },
  {
    name: 'a rewrite of the server leads to a location',
    config: site(
      `rewrite ^/v1/(.*)$ /api/$1 last; rewrite ^/x$ /exact last; location /api/ { proxy_pass http://{origin}/; } location = /exact { return 200 "exact"; } location / { return 200 "root"; }`,
    ),
    requests: ['GET /v1/orders?x=1', 'GET /api/orders', 'GET /x', 'GET /exact', 'GET /else'],
  },
  {
    name: 'an if on the method',
    config: site(
      `location / { if ($request_method !~ ^(GET|HEAD)$) { return 405; } if ($request_method = HEAD) { return 204; } ${UP} }`,
    ),
    requests: ['GET /', 'POST /\n\nx', 'HEAD /', 'DELETE /'],
  },
  {
    name: 'an if on fields, cookies and parameters',
    config: site(
      `location / { if ($http_x_key = "") { return 401; } if ($http_user_agent ~* bot) { return 403 "no bots"; } if ($arg_debug) { return 200 "debug"; } if ($cookie_ring = gold) { return 200 "gold"; } if ($http_x_no != "") { return 400 "no"; } ${UP} }`,
    ),
    requests: [
      'GET /',
      'GET /\nX-Key: a',
      'GET /\nX-Key: a\nUser-Agent: GoogleBOT',
      'GET /?debug=1\nX-Key: a',
      'GET /?debug=0\nX-Key: a',
      'GET /?debug=\nX-Key: a',
      'GET /\nX-Key: a\nCookie: ring=gold',
      'GET /\nX-Key: a\nX-No: 1',
    ],
  },
  {
    name: 'an if on the host and the path, at the server',
    config: site(
      `if ($host = old.test) { return 301 https://new.test$request_uri; } if ($uri ~ ^/secret) { return 404; } if ($scheme = https) { return 200 "tls"; } location / { ${UP} }`,
    ),
    requests: ['GET /x\nHost: old.test', 'GET /x\nHost: OLD.test:8080', 'GET /x', 'GET /secret/y'],
  },
  {
    name: 'pages in place of failures',
    config: site(
      `error_page 404 = /missing; error_page 403 /forbidden; error_page 500 502 503 504 =200 /sorry; error_page 401 =302 https://login.test/?to=$request_uri; location = /missing { return 200 "missing"; } location = /forbidden { return 200 "forbidden"; } location = /sorry { return 200 "sorry"; } location /a { return 404; } location /b { deny all; } location /c { proxy_pass http://{dead}; } location /d { ${UP} } location /e { if ($http_x_key = "") { return 401; } ${UP} }`,
    ),
    requests: ['GET /a', 'GET /b', 'GET /c', 'GET /d\nX-Want: 503', 'GET /e', 'GET /missing', 'GET /d\nX-Want: 404'],
  },
  {
    name: 'pages in place of what is behind says',
    config: site(
      `proxy_intercept_errors on; error_page 500 503 /sorry; location = /sorry { return 200 "sorry"; } location / { ${UP} }`,
    ),
    requests: ['GET /\nX-Want: 503', 'GET /\nX-Want: 404', 'GET /\nX-Want: 500'],
  },
  {
    name: 'a page at a named location',
    config: site(
      `error_page 404 = @gone; location @gone { return 410 "gone"; } location /a { return 404; } location / { ${UP} }`,
    ),
    requests: ['GET /a', 'GET /b'],
  },
];
