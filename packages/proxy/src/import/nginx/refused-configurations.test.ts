import { expect, test } from 'vitest';
import { imported, problemsOf, serverWith } from './nginx.fixture.ts';

const UP = 'proxy_pass http://10.0.0.1:80;';

/** What stands in a server from line 2 on, and what is said of it. */
test.each<[title: string, inside: string, problems: readonly (string | RegExp)[]]>([
  [
    'an unknown directive',
    'locatoin / { }',
    ['2: locatoin: is no directive that is known here; did you mean location?'],
  ],
  ['one that nobody knows', 'make_coffee on;', ['2: make_coffee: is no directive that is known here']],
  [
    'a directive in the wrong place',
    'worker_processes 4;',
    ['2: worker_processes: has no place in server; it stands in main'],
  ],
  [
    'a directive behind a missing semicolon',
    'server_name a.test\nlocation / { return 200; }',
    ['2: server_name does not end; there is a ; missing'],
  ],
  ['a block where there is none', 'listen 80 { }', [/2: listen: has a block, and takes none/]],
  ['no block where there is one', 'location /;', ['2: location: has no block; it needs one in braces']],
  [
    'files',
    'location / { root /var/www; }',
    [/^2: location: has neither proxy_pass nor return, so that with root nginx serves files/],
  ],
  ['try_files', 'location / { try_files $uri /index.html; }', [/^2: try_files: serves files/]],
  ['another protocol', 'location / { fastcgi_pass 127.0.0.1:9000; }', [/^2: fastcgi_pass: speaks another protocol/]],
  ['a program', 'location / { content_by_lua_block { ngx.say("}") } }', [/^2: content_by_lua_block: runs a program/]],
  [
    'an expression that RE2 has not',
    'location ~ ^/(?!admin) { return 200; }',
    [/^2: location: has an expression that looks ahead or behind/],
  ],
  [
    'an expression that refers back',
    'location ~ "^/(a)\\\\1$" { return 200; }',
    [/^2: location: has an expression that refers back to a group/],
  ],
  [
    'an expression that is none',
    'location ~ "^/(a" { return 200; }',
    [/^2: location: has an expression that is no regular expression/],
  ],
  ['a location twice', `location /a { ${UP} }\nlocation /a { ${UP} }`, ['3: location: is there already, on line 2']],
  [
    'a location outside of its location',
    `location /a/ { ${UP} location /b/ { ${UP} } }`,
    ['2: location: is outside of the location /a/ that it stands in'],
  ],
  [
    'a variable that is not known',
    `location / { ${UP} proxy_set_header X-A $geoip_city; }`,
    ['2: proxy_set_header: names $geoip_city, which is not known here'],
  ],
  [
    'a host that is not known yet',
    'location / { proxy_pass http://$http_x_to; }',
    ['2: proxy_pass: leads to a host that $http_x_to names, which is not known before there is a request'],
  ],
  ['no URL', 'location / { proxy_pass shop; }', ['2: proxy_pass: has "shop", which is no URL of http or https']],
  [
    'a path in a location with an expression',
    'location ~ ^/a { proxy_pass http://10.0.0.1/b; }',
    [/^2: proxy_pass: has a path, which can not stand in a location with an expression/],
  ],
  [
    'a certificate without its key',
    'listen 8443 ssl;\nssl_certificate a.pem;',
    ['3: ssl_certificate: has no key: ssl_certificate_key is missing'],
  ],
  ['TLS without a certificate', 'listen 8443 ssl;', ['2: listen: asks for TLS, and there is no ssl_certificate']],
  [
    'a limit without its zone',
    `location / { limit_req zone=none; ${UP} }`,
    ['2: limit_req: names the zone none, which no limit_req_zone makes'],
  ],
  [
    'a service that decides and is not there',
    `location /a { auth_request /check; ${UP} }`,
    ['2: auth_request: names /check, which no location of this server passes on with proxy_pass'],
  ],
  [
    'an if that rewrites',
    `location / { if ($arg_a) { rewrite ^ /b last; } ${UP} }`,
    [/^2: rewrite: in an if leads to another location/],
  ],
  [
    'an if that passes on',
    `location / { if ($arg_a) { proxy_pass http://10.0.0.2; } ${UP} }`,
    [/^2: proxy_pass: in an if is not known here/],
  ],
  [
    'an if on a file',
    `location / { if (-f $request_filename) { return 404; } ${UP} }`,
    [/^2: if: has the condition -f \$request_filename, which is not known here/],
  ],
  [
    'a rewrite whose end is not known',
    `location / { rewrite ^/(.*)$ /$1/x last; ${UP} } location /b/ { ${UP} }`,
    [/^2: rewrite: leads to \/\$1\/x, whose location depends on the request/],
  ],
  ['a status that is none', 'location / { return 99; }', ['2: return: has the status 99; there are 200 to 599 here']],
  ['an address that is none', 'listen nowhere:99999;', [/^2: listen: has "nowhere:99999", which is no address/]],
  ['HTTP/3', 'listen 443 quic;', ['2: listen: asks for HTTP/3, which the gateway does not speak']],
  [
    'allow and deny in turns',
    `location / { allow 10.0.0.1; deny 10.0.0.0/8; allow 11.0.0.0/8; ${UP} }`,
    [/^2: allow: begins a list in which allow and deny stand in turns/],
  ],
  ['satisfy any', `location / { satisfy any; ${UP} }`, [/^2: satisfy: any is not known here/]],
  [
    'fields that are left out',
    'location / { proxy_pass_request_headers off; proxy_pass http://10.0.0.1; }',
    [/^2: proxy_pass_request_headers: leaves all fields of a request out/],
  ],
  [
    'a size that is none',
    `client_max_body_size lots; location / { ${UP} }`,
    ['2: client_max_body_size: has lots, which is no size'],
  ],
])('%s', (_title, inside, problems) => {
  const found = problemsOf(serverWith(inside));
  expect(found).toHaveLength(problems.length);
  for (const [at, problem] of problems.entries())
    expect(found[at]).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
});

test('all that is wrong is told at once, in the order of the lines', () => {
  const text = serverWith(
    'flux on;\nlocation /a { root /x; }\nlocation ~ (?=a) { }',
    'upstream u { server a; sticky; }',
  );
  expect(problemsOf(`events { }\nhttp {\n${text}}`).map((each) => each.split(':').slice(0, 2).join(':'))).toEqual([
    '4: flux',
    '5: location',
    '6: location',
    '8: sticky',
  ]);
});

test.each([
  ['', /^1: http: has no server/],
  ['events { }\nhttp { }', /^2: http: has no server/],
  ['upstream u { server a; }\nupstream u { server b; }\nserver { return 200; }', /^2: upstream: u is there already/],
  ['stream { server { } }\nhttp { server { return 200; } }', /^1: stream: passes on connections/],
  ['upstream u { }\nserver { return 200; }', /^1: upstream: has no server that may be asked/],
  ['upstream u { server 10.0.0.1 slowly; }\nserver { return 200; }', /^1: server: has slowly, which is not known here/],
  [
    'server { listen 80; return 200; }\nserver { listen 127.0.0.1:80; return 200; }',
    /^2: listen: is at a port at which 0\.0\.0\.0:80 is, too/,
  ],
  [
    'server { listen 80 default_server; return 200; }\nserver { listen 80 default_server; return 200; }',
    /^2: listen: is the second default_server/,
  ],
])('%j has no place here', (text, problem) => {
  expect(problemsOf(text)[0]).toMatch(problem);
});

test('what is wrong in a file that is taken in is told with that file', () => {
  const files = { 'sites/a.conf': 'server {\n  listen 80;\n  frobnicate;\n  return 200; }' };
  expect(problemsOf('events { }\nhttp {\n  include sites/*.conf;\n}', files)).toEqual([
    'undefined: frobnicate: (sites/a.conf, line 3) is no directive that is known here',
  ]);
  const loop = { 'a.conf': 'include a.conf;' };
  expect(problemsOf('include a.conf;', loop)).toEqual([
    'undefined: (a.conf, line 1) a.conf would include itself: a.conf → a.conf',
  ]);
});

test('passwords are taken when they are hashed well, and refused by name', () => {
  const inside = 'location / { auth_basic "shop"; auth_basic_user_file htpasswd; proxy_pass http://10.0.0.1; }';
  const hash = `$scrypt$ln=14,r=8,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
  expect(imported(serverWith(inside), { htpasswd: `# who\nada:${hash}\n` }).written.routes[0]?.filters).toContainEqual(
    expect.objectContaining({ type: 'basic-auth', realm: 'shop', users: [{ name: 'ada', hash }] }),
  );
  expect(problemsOf(serverWith(inside), { htpasswd: `ada:${hash}\nbob:$apr1$x$y\neve:{SHA}z` })[0]).toMatch(
    /^2: auth_basic_user_file: htpasswd has hashes .* \(bob, eve\); hash them anew with `fairlead gateway password`/,
  );
  expect(problemsOf(serverWith(inside))[0]).toMatch(/there is no file htpasswd/);
});

test('what is otherwise here is noted, with its line, once', () => {
  const { notes } = imported(
    serverWith(
      'ssl_stapling on;\nlocation /a { proxy_pass https://10.0.0.1; }\nlocation /b { proxy_pass http://10.0.0.1/; expires 1h; }\nlocation /c { return 444; }',
      'server { listen 8080; listen 8081; listen [::]:8081; server_name b.test; return 200; }',
    ),
  );
  expect(notes.map(({ line, what, note }) => `${line}: ${what}: ${note}`)).toEqual([
    '2: ssl_stapling: answers of OCSP are not stapled',
    expect.stringMatching(/^3: proxy_pass: the certificate of what is behind is verified/),
    expect.stringMatching(/^4: expires: Cache-Control says it/),
    expect.stringMatching(/^4: proxy_pass: nginx sends \/\/… for \/b\/…, with two slashes/),
    expect.stringMatching(/^5: return: nginx closes the connection/),
    expect.stringMatching(/^1: server: what none of its locations takes is answered with 404/),
  ]);
});

test.each([
  ['charset utf-8;', /^Content-Type stays/],
  ['source_charset koi8-r;', /^Content-Type stays/],
  ['gunzip on;', /compressed behind stays so/],
  ['gzip_disable msie6;', /Accept-Encoding alone/],
  ['max_ranges 1;', /a cache gives one/],
  ['proxy_force_ranges on;', /given by what is behind/],
  ['server_name_in_redirect on;', /the host that was asked for/],
  ['absolute_redirect off;', /redirects are absolute/],
  ['port_in_redirect off;', /the port of listen/],
  ['chunked_transfer_encoding off;', /in chunks/],
  ['proxy_ignore_client_abort on;', /is left at once/],
  ['proxy_ssl_protocols TLSv1.1 TLSv1.2;', /TLS 1\.2 or 1\.3/],
  ['proxy_ssl_ciphers HIGH;', /those of the runtime/],
  ['proxy_ssl_verify_depth 2;', /^chains of certificates/],
  ['ssl_verify_depth 1;', /^chains of certificates/],
  ['ssl_early_data on;', /^early data/],
  ['ssl_ecdh_curve X25519;', /those of the runtime/],
  ['ssl_trusted_certificate ca.pem;', /by ssl_client_certificate alone/],
  ['resolver 127.0.0.11;', /as the system does it/],
])('%s changes what is answered or how safe that is, and is noted', (directive, note) => {
  const { notes } = imported(serverWith(`${directive}\nreturn 200;`));
  expect(notes.map((each) => [each.line, each.what])).toEqual([[2, directive.split(' ')[0]]]);
  expect(notes[0]?.note).toMatch(note);
});

test.each([
  ['proxy_bind 10.0.0.7;', /^says from which address/],
  ['proxy_ssl_protocols TLSv1.3;', /^leaves out TLS 1\.2/],
  ['ssl_conf_command MinProtocol TLSv1.3;', /^sets OpenSSL itself/],
  ['proxy_ssl_conf_command CipherString DEFAULT;', /^sets OpenSSL itself/],
])('%s would be less safe without being said, and is refused', (directive, reason) => {
  const [problem = ''] = problemsOf(serverWith(`${directive}\nreturn 200;`));
  expect(problem.slice(`2: ${directive.split(' ')[0]}: `.length)).toMatch(reason);
});

test('what is written as it is anyway is not told', () => {
  const same = [
    'charset off; gunzip off; proxy_force_ranges off; server_name_in_redirect off; absolute_redirect on; proxy_bind off;',
    'port_in_redirect on; chunked_transfer_encoding on; proxy_ignore_client_abort off; ssl_early_data off;',
    'ssl_conf_command Options KTLS;',
  ];
  expect(imported(serverWith(`${same.join('\n')}\nreturn 200;`)).notes).toEqual([]);
});

test('limits say by zone that each process counts for itself', () => {
  const { notes } = imported(
    'limit_req_zone $remote_addr zone=a:1m rate=5r/s;\nlimit_conn_zone $remote_addr zone=b:1m;\nserver { limit_req zone=a; limit_conn b 3; return 200; }',
  );
  expect(notes.map(({ line, what, note }) => `${line}: ${what}: ${note}`)).toEqual([
    expect.stringMatching(/^1: limit_req_zone: nginx's workers count together; .*rate-limit, which counts for all$/),
    expect.stringMatching(/^2: limit_conn_zone: nginx's workers count together; .*divide limit_conn by their number$/),
  ]);
});

test('each server says for itself whether it needs certificates of clients', () => {
  const server = (name: string, more: string) =>
    `server { listen 8443 ssl; server_name ${name}; ssl_certificate a.pem; ssl_certificate_key a.key; ${more} return 200; }`;
  const { written } = imported(
    [
      server('open.test', ''),
      server('closed.test', 'ssl_client_certificate ca.pem; ssl_verify_client on;'),
      server('either.test', 'ssl_client_certificate ca.pem; ssl_verify_client optional;'),
    ].join('\n'),
  );
  expect(written.listeners[0]?.tls?.clients).toEqual({ authority: 'ca.pem', required: false });
  const proofs = written.routes.map(({ filters = [] }) => filters.find(({ type }) => type === 'client-certificate'));
  expect(proofs).toEqual([undefined, { type: 'client-certificate' }, { type: 'client-certificate', optional: true }]);
  expect(problemsOf(server('a.test', 'ssl_verify_client on;'))[0]).toMatch(
    /^1: ssl_verify_client: has no ssl_client_certificate/,
  );
  expect(problemsOf(server('a.test', 'ssl_verify_client optional_no_ca;'))[0]).toMatch(
    /^1: ssl_verify_client: has optional_no_ca/,
  );
});
