import { site, type Case } from './case.fixture.ts';

const UP = 'proxy_pass http://{origin};';

/** Fields, both ways. */
export const FIELD_CASES: readonly Case[] = [
  {
    name: 'Host as the client says it, without and with its port',
    config: site(
      `location /a { ${UP} proxy_set_header Host $host; } location /b { ${UP} proxy_set_header Host $http_host; } location /c { ${UP} proxy_set_header Host api.internal; } location /d { ${UP} }`,
    ),
    requests: ['GET /a', 'GET /b', 'GET /c', 'GET /d', 'GET /a\nHost: UPPER.test:99', 'GET /b\nHost: UPPER.test:99'],
  },
  {
    name: 'who asks',
    config: site(
      `location / { ${UP} proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; }`,
    ),
    requests: [
      'GET /',
      'GET /\nX-Forwarded-For: 10.0.0.1',
      'GET /\nX-Forwarded-For: 10.0.0.1\nX-Forwarded-For: 10.0.0.2',
      'GET /\nX-Real-IP: 1.2.3.4\nX-Forwarded-Proto: https',
    ],
  },
  {
    name: 'what was asked',
    config: site(
      `location / { ${UP} proxy_set_header X-Uri $request_uri; proxy_set_header X-Method $request_method; proxy_set_header X-Args $args; proxy_set_header X-Arg $arg_page; proxy_set_header X-Cookie $cookie_ring; proxy_set_header X-Agent "agent $http_user_agent"; proxy_set_header X-Server "$server_name:$server_port"; proxy_set_header X-Path $uri; proxy_set_header X-Type \${content_type}x; } server_name shop.test;`,
    ),
    requests: [
      'GET /p?page=2&x=%20',
      'GET /\nCookie: a=1; ring=2\nUser-Agent: me',
      'POST /\nContent-Type: text/x\n\na',
    ],
  },
  {
    name: 'an empty value leaves a field out',
    config: site(
      `location / { ${UP} proxy_set_header Authorization ""; proxy_set_header X-User $http_x_who; proxy_set_header Accept-Encoding ""; }`,
    ),
    requests: ['GET /\nAuthorization: Basic x\nX-User: me', 'GET /\nX-Who: ada\nAccept-Encoding: gzip'],
  },
  {
    name: 'a level that sets any field inherits none',
    config: site(
      `proxy_set_header X-Outer 1; proxy_set_header X-Both outer; location /a { ${UP} } location /b { ${UP} proxy_set_header X-Inner 2; } location /c/ { proxy_set_header X-C 3; ${UP} location /c/d/ { ${UP} } location /c/e/ { ${UP} proxy_set_header X-E 4; } }`,
    ),
    requests: ['GET /a', 'GET /b', 'GET /c/', 'GET /c/d/', 'GET /c/e/'],
  },
  {
    name: 'fields of a connection are its own',
    config: site(
      `location / { ${UP} proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Upgrade $http_upgrade; }`,
    ),
    requests: ['GET /', 'POST /\n\nabc'],
  },
  {
    name: 'answers get fields when they went well, or always',
    config: site(
      `location / { ${UP} add_header X-Ok yes; add_header X-All yes always; add_header X-Ok more; } location /own { return 200 "own"; add_header X-Own 1; } location /not { return 404; add_header X-Not 1; add_header X-Yes 1 always; }`,
    ),
    requests: [
      'GET /',
      'GET /\nX-Want: 404',
      'GET /\nX-Want: 301;location=/x',
      'GET /\nX-Want: 500;x-ok=mine',
      'GET /\nX-Want: 200;x-ok=mine',
      'GET /own',
      'GET /not',
    ],
  },
  {
    name: 'a level that adds a field inherits none',
    config: site(`add_header X-Outer 1 always; location /a { ${UP} } location /b { ${UP} add_header X-Inner 2; }`),
    requests: ['GET /a', 'GET /b'],
  },
  {
    name: 'fields with something of the request',
    config: site(
      `server_name shop.test; location / { ${UP} add_header X-Uri $request_uri; add_header X-Host "$scheme://$host/"; add_header X-None $http_x_none; }`,
    ),
    requests: ['GET /a?b=c', 'GET /'],
  },
  {
    name: 'fields of answers are hidden',
    config: site(
      `proxy_hide_header X-Powered-By; location / { ${UP} } location /own { ${UP} proxy_hide_header X-Other; } location /set { ${UP} proxy_hide_header X-Powered-By; add_header X-Powered-By nobody; }`,
    ),
    requests: [
      'GET /\nX-Want: 200;x-powered-by=php;x-other=1',
      'GET /own\nX-Want: 200;x-powered-by=php;x-other=1',
      'GET /set\nX-Want: 200;x-powered-by=php',
    ],
  },
  {
    name: 'how long answers may be kept',
    config: site(
      `location /a { ${UP} expires 1h; } location /b { ${UP} expires -1; } location /c { ${UP} expires off; }`,
    ),
    requests: ['GET /a', 'GET /b', 'GET /c', 'GET /a\nX-Want: 404'],
    differs: { answer: ['expires'] },
  },
];
