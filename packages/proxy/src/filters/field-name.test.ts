import { expect, test } from 'vitest';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { readSnapshot } from '../snapshot/read-snapshot.ts';

/** What is said of a filter, with the line of what it is said of. */
function saidOf(filter: string): readonly string[] {
  const text = `listeners: [{ name: web, address: ':80' }]
clusters: { orders: { endpoints: [] } }
routes:
  - name: all
    to: orders
    filters:
      - ${filter}
`;
  try {
    readSnapshot(text, { origin: 'gateway.yaml', loadedAtMs: 0, kinds: FILTER_KINDS });
    return [];
  } catch (error) {
    // `as`: it throws SNAPSHOT_INVALID.
    const { problems } = (error as { details: { problems: { path: string; message: string; line: number }[] } })
      .details;
    return problems.map(
      ({ path, message, line }) => `${line} ${path.replace('routes[0].filters[0].', '')}: ${message}`,
    );
  }
}

const JWT = 'type: jwt, issuer: urn:a, audience: urn:b, jwks: https://keys.test/';

test.each([
  ['headers of requests', (field: string) => `{ type: headers, request: { set: { ${field}: a } } }`],
  ['headers of requests, added', (field: string) => `{ type: headers, request: { append: { ${field}: a } } }`],
  ['headers of requests, renamed', (field: string) => `{ type: headers, request: { rename: { x-a: ${field} } } }`],
  ['headers of answers', (field: string) => `{ type: headers, answer: { set: { ${field}: a } } }`],
  ['claims', (field: string) => `{ ${JWT}, headers: { ${field}: sub } }`],
  [
    'what a service says who asks',
    (field: string) => `{ type: ext-auth, cluster: orders, path: /, upstream: [${field}] }`,
  ],
  [
    'the same by another name',
    (field: string) => `{ type: ext-auth, cluster: orders, path: /, upstream: { ${field}: x-a } }`,
  ],
  ['what it tells clients', (field: string) => `{ type: ext-auth, cluster: orders, path: /, answer: [${field}] }`],
  [
    'what it is told',
    (field: string) => `{ type: ext-auth, cluster: orders, path: /, request: { set: { ${field}: a } } }`,
  ],
  ['an id', (field: string) => `{ type: correlation-id, header: ${field} }`],
  ['an answer', (field: string) => `{ type: respond, headers: { ${field}: a } }`],
  ['a page for failures', (field: string) => `{ type: error-page, on: [502], answer: { headers: { ${field}: a } } }`],
])('what frames a message is written by the proxy only: %s', (_name, filter) => {
  for (const field of [
    'content-length',
    'Content-Length',
    'TRANSFER-ENCODING',
    'connection',
    'te',
    'trailer',
    'upgrade',
  ])
    expect(saidOf(filter(field)).join()).toMatch(/^7 .*: is written by the proxy itself; leave it out$/);
  expect(saidOf(filter('X-Tenant'))).toEqual([]);
});

test('a field of which something is said twice, in two spellings, is refused where the second one stands', () => {
  expect(saidOf('{ type: headers, request: { set: { X-Tenant: a, x-tenant: b } } }')).toEqual([
    '7 request.set.x-tenant: is there twice: x-tenant is the same in any case',
  ]);
  expect(saidOf(`{ ${JWT}, headers: { X-A: sub, x-a: tenant } }`)).toEqual([
    '7 headers.x-a: is there twice: x-a is the same in any case',
  ]);
});

test('names of fields are read in lower case, however they are written', () => {
  const { routes } = readSnapshot(
    `listeners: [{ name: web, address: ':80' }]
clusters: { orders: { endpoints: [] } }
routes:
  - name: all
    to: orders
    filters:
      - { type: headers, answer: { set: { X-Frame-Options: DENY }, remove: [Server] } }
      - { type: api-key, header: X-Key, consumers: [] }
      - { type: rate-limit, by: { header: X-Who }, rates: [{ rate: 1/s }] }
`,
    { origin: 'gateway.yaml', loadedAtMs: 0, kinds: FILTER_KINDS },
  );
  expect(routes[0]?.filters).toMatchObject([
    { answer: { set: { 'x-frame-options': 'DENY' }, remove: ['server'] } },
    { header: 'x-key' },
    { by: { header: 'x-who' } },
  ]);
});

test('what is no name of a field is told as that', () => {
  expect(saidOf('{ type: headers, request: { set: { "x a": a } } }')).toEqual([
    '7 request.set["x a"]: is no name of a header field',
  ]);
});

test('what is missing is told as that, also where it could be one of several things', () => {
  expect(saidOf('{ type: rate-limit, rates: [{ rate: 1/s }] }')).toEqual([
    '7 by: is missing; it must be "ip", "consumer", "subject", "tenant", "host" or "route", an object or a list',
  ]);
});
