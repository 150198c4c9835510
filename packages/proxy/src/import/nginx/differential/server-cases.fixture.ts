import type { Case, CaseRequest } from './case.fixture.ts';

const server = (listen: string, names: string, text: string): string =>
  `server { listen {address}:${listen}; ${names === '' ? '' : `server_name ${names};`} location / { return 200 "${text}"; } }`;
const hosts = (...all: readonly string[]): readonly string[] => all.map((host) => `GET /\nHost: ${host}`);
const at = (port: number, text: string, isTls = false): CaseRequest => ({ text, port, isTls });

/** Which server takes a request. */
export const SERVER_CASES: readonly Case[] = [
  {
    name: 'servers by name, and the first for all other names',
    config: [server('8080', 'a.test', 'a'), server('8080', 'b.test www.b.test', 'b'), server('8080', '', 'none')].join(
      '\n',
    ),
    requests: [
      ...hosts('a.test', 'b.test', 'www.b.test', 'B.TEST', 'c.test', 'b.test:8080', 'b.test.'),
      'GET / HTTP/1.0',
    ],
    // An HTTP/1.0 request without Host finds the default here, and in nginx the server without a name.
    differs: { body: true },
  },
  {
    name: 'the default server',
    config: [
      server('8080', 'a.test', 'a'),
      server('8080 default_server', '_', 'default'),
      server('8080', 'b.test', 'b'),
    ].join('\n'),
    requests: hosts('a.test', 'b.test', 'c.test', '127.0.0.1'),
  },
  {
    name: 'wildcards before and behind names',
    config: [
      server('8080', 'shop.test', 'exact'),
      server('8080', '*.test', 'test'),
      server('8080', '*.shop.test', 'shop'),
      server('8080', 'shop.*', 'any'),
      server('8080', 'my.shop.*', 'my'),
      server('8080', '.dot.example', 'dot'),
    ].join('\n'),
    requests: hosts(
      'shop.test',
      'x.test',
      'a.b.shop.test',
      'shop.example',
      'my.shop.example',
      'dot.example',
      'x.dot.example',
      'nobody',
    ),
  },
  {
    name: 'names by expressions, in their order',
    config: [
      server('8080', 'first.test', 'first'),
      server('8080', '~^www\\d+\\.(.+)$', 'www'),
      server('8080', '~test$', 'test'),
      server('8080', '*.shop.test', 'wild'),
    ].join('\n'),
    requests: hosts('www1.example', 'www.example', 'www2.test', 'x.test', 'www3.shop.test', 'other'),
  },
  {
    name: 'the name of a default server comes before the wildcards of others',
    config: [server('8080 default_server', 'a.shop.test', 'default'), server('8080', '*.shop.test', 'wild')].join('\n'),
    requests: hosts('a.shop.test', 'b.shop.test', 'else.test'),
  },
  {
    name: 'several ports, and servers at several',
    config: `${server('8081', 'a.test', 'a1')} ${server('8080', '', 'all')} server { listen {address}:8080; listen {address}:8081; server_name both.test; location / { return 200 "both $server_port"; } }`,
    requests: [
      ...hosts('a.test', 'both.test'),
      at(8081, 'GET /\nHost: a.test'),
      at(8081, 'GET /\nHost: both.test'),
      at(8081, 'GET /\nHost: else.test'),
    ],
  },
  {
    name: 'TLS, and plain beside it',
    config: `server { listen {address}:8080; listen {address}:8443 ssl; server_name shop.test; ssl_certificate {folder}/shop.pem; ssl_certificate_key {folder}/shop-key.pem; ssl_protocols TLSv1.2 TLSv1.3; location / { proxy_pass http://{origin}; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Port $server_port; } location /to/ { proxy_pass http://{origin}; } }`,
    requests: [at(8443, 'GET /x', true), 'GET /x', at(8443, 'GET /to', true), 'GET /to'],
  },
  {
    name: 'a server for plain requests that sends them to TLS',
    config: `server { listen {address}:8080; server_name shop.test; return 301 https://$host$request_uri; } server { listen {address}:8443 ssl; server_name shop.test; ssl_certificate {folder}/shop.pem; ssl_certificate_key {folder}/shop-key.pem; location / { return 200 "safe"; } }`,
    requests: ['GET /x?y=1', at(8443, 'GET /x?y=1', true)],
  },
];
