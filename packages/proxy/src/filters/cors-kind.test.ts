import { once } from 'node:events';
import { connect } from 'node:http2';
import { realClock, realRandom } from '@fairlead/core';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { answering, running } from '../engine/engine.fixture.ts';
import { startEngine } from '../engine/engine.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../snapshot/read-snapshot.ts';
import { corsKind } from './cors-kind.ts';

const SHOP = 'https://shop.test';

interface Asked {
  readonly origin?: string;
  readonly method?: string;
  /** `Access-Control-Request-Method`: it is a preflight. */
  readonly wants?: string;
  readonly lines?: readonly string[];
}

/** A gateway with the filter before an upstream that answers with these lines; asks and gives the answer's head. */
async function gateway(spec: object, lines: readonly string[] = [], filters: readonly object[] = []) {
  const answer = `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}content-length: 0\r\n\r\n`;
  const upstream = await answering(answer);
  const { client } = await running({
    clusters: { shop: { endpoints: [upstream.origin] } },
    filters: [{ type: 'cors', ...spec }, ...filters],
  });
  const ask = async ({ origin, wants, lines: more = [], method = wants === undefined ? 'GET' : 'OPTIONS' }: Asked) => {
    const own = [
      ...(origin === undefined ? [] : [`Origin: ${origin}`]),
      ...(wants === undefined ? [] : [`Access-Control-Request-Method: ${wants}`]),
      ...more,
    ];
    const head = `${method} / HTTP/1.1\r\nHost: a.test\r\n${own.map((line) => `${line}\r\n`).join('')}\r\n`;
    return (await client().send(head).got('\r\n\r\n')).toLowerCase();
  };
  return { ask, upstream };
}

/** The fields of the protocol in an answer, in the order of their names. */
const told = (head: string) =>
  head
    .split('\r\n')
    .filter((line) => /^(?:access-control-|vary)/.test(line))
    .map((line) => line.replace('access-control-', ''))
    .toSorted();

// The Fetch standard's CORS protocol (section 3.3): what answers say of origins.
test.each([
  ['any, of a page', { origins: ['*'] }, { origin: SHOP }, ['allow-origin: *']],
  ['any, of nobody', { origins: ['*'] }, {}, ['allow-origin: *']],
  ['one that is named', { origins: [SHOP] }, { origin: SHOP }, [`allow-origin: ${SHOP}`, 'vary: origin']],
  ['another', { origins: [SHOP] }, { origin: 'https://evil.test' }, ['vary: origin']],
  ['nobody', { origins: [SHOP] }, {}, ['vary: origin']],
  ['a sandbox', { origins: [SHOP] }, { origin: 'null' }, ['vary: origin']],
  ['another scheme', { origins: [SHOP] }, { origin: 'http://shop.test' }, ['vary: origin']],
  ['another port', { origins: [SHOP] }, { origin: `${SHOP}:8443` }, ['vary: origin']],
  [
    'with credentials',
    { origins: [SHOP], credentials: true },
    { origin: SHOP },
    ['allow-credentials: true', `allow-origin: ${SHOP}`, 'vary: origin'],
  ],
  ['another, with credentials', { origins: [SHOP], credentials: true }, { origin: 'https://b.test' }, ['vary: origin']],
  [
    'fields that are read',
    { origins: ['*'], exposed: ['x-total', 'x-page'] },
    { origin: SHOP },
    ['allow-origin: *', 'expose-headers: x-total, x-page'],
  ],
])('%s', async (_what, spec, asked, lines) => {
  const { ask, upstream } = await gateway(spec);
  const head = await ask(asked);
  expect(head).toMatch(/^http\/1\.1 200 /);
  expect(told(head)).toEqual(lines);
  expect(upstream.sockets).toHaveLength(1);
});

test.each([
  ['https://a.shop.test', true],
  ['https://b.a.shop.test', true],
  ['https://shop.test', false],
  ['https://.shop.test', false],
  ['https://evilshop.test', false],
  ['https://evil.test/.shop.test', false],
  ['https://evil.test:80.shop.test', false],
  ['https://evil.test#.shop.test', false],
  ['https://a@b.shop.test', false],
  ['http://a.shop.test', false],
  ['http://aa.shop.test', false],
  ['https://a.shop.test:8443', false],
  ['https://a.shop.test.evil.test', false],
  ['https://a..shop.test', false],
])('whether %s is below https://*.shop.test: %s', async (origin, isWelcome) => {
  const { ask } = await gateway({ origins: ['https://*.shop.test'] });
  expect(told(await ask({ origin }))).toEqual(
    isWelcome ? [`allow-origin: ${origin}`, 'vary: origin'] : ['vary: origin'],
  );
});

// Preflights (sections 3.3.3 and 4.9), answered without asking the upstream.
test.each([
  ['says little by default', { origins: ['*'] }, {}, ['allow-origin: *', 'max-age: 5']],
  [
    'says what may be',
    { origins: [SHOP], methods: ['PUT', 'DELETE'], headers: ['X-A', 'authorization'], maxAge: '10m' },
    {},
    [
      'allow-headers: x-a, authorization',
      'allow-methods: put, delete',
      `allow-origin: ${SHOP}`,
      'max-age: 600',
      'vary: origin',
    ],
  ],
  [
    'says * where browsers read it so',
    { origins: [SHOP], methods: ['*'], headers: ['*'], maxAge: '0s' },
    {},
    ['allow-headers: *', 'allow-methods: *', `allow-origin: ${SHOP}`, 'max-age: 0', 'vary: origin'],
  ],
  [
    'repeats what is asked for where * is a name',
    { origins: [SHOP], methods: ['*'], headers: ['*'], credentials: true },
    { lines: ['Access-Control-Request-Headers: x-b,x-c'] },
    [
      'allow-credentials: true',
      'allow-headers: x-b,x-c',
      'allow-methods: put',
      `allow-origin: ${SHOP}`,
      'max-age: 5',
      'vary: origin',
    ],
  ],
  [
    'says nothing to others',
    { origins: ['https://b.test'], methods: ['PUT'], headers: ['*'], credentials: true },
    {},
    ['vary: origin'],
  ],
  [
    'lets into a private network',
    { origins: ['*'], privateNetwork: true },
    { lines: ['Access-Control-Request-Private-Network: true'] },
    ['allow-origin: *', 'allow-private-network: true', 'max-age: 5'],
  ],
  [
    'lets nobody into it by itself',
    { origins: ['*'] },
    { lines: ['Access-Control-Request-Private-Network: true'] },
    ['allow-origin: *', 'max-age: 5'],
  ],
])('a preflight %s', async (_what, spec, asked, lines) => {
  const { ask, upstream } = await gateway(spec);
  const head = await ask({ origin: SHOP, wants: 'PUT', ...asked });
  expect(head).toMatch(/^http\/1\.1 204 /);
  expect(told(head)).toEqual(lines);
  expect(upstream.sockets).toHaveLength(0);
});

test('OPTIONS that is no preflight goes on', async () => {
  const { ask, upstream } = await gateway({ origins: [SHOP] });
  expect(await ask({ method: 'OPTIONS', origin: SHOP })).toMatch(/^http\/1\.1 200 /);
  expect(upstream.sockets).toHaveLength(1);
});

test('HTTP/2 is told the same, in its own spelling', async () => {
  const snapshot = snapshotFrom(
    {
      listeners: [{ name: 'web', address: '127.0.0.1:0', http2: true }],
      routes: [{ name: 'a', filters: [{ type: 'cors', origins: [SHOP] }, { type: 'respond' }] }],
      clusters: {},
    },
    { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
  );
  const ports = { clock: realClock(), random: realRandom(), telemetry: noTelemetry() };
  await using engine = await startEngine({ snapshot, ...ports });
  const session = connect(engine.urls.get('web') ?? '');
  const [fields] = await once(session.request({ ':path': '/', origin: SHOP }), 'response');
  session.destroy();
  expect(fields).toMatchObject({ ':status': 200, 'access-control-allow-origin': SHOP, vary: 'Origin' });
});

test('fields that may be read are told to who may read them', async () => {
  const { ask } = await gateway({ origins: [SHOP], exposed: ['x-total'] }, ['Access-Control-Expose-Headers: x-secret']);
  for (const asked of [{ origin: SHOP }, { origin: SHOP, wants: 'PUT' }])
    expect(told(await ask(asked))).toContain('expose-headers: x-total');
  for (const asked of [{ origin: 'https://b.test' }, {}, { origin: 'https://b.test', wants: 'PUT' }])
    expect((await ask(asked)).includes('expose-headers')).toBe(false);
});

test('what the upstream says of origins is replaced, and what else its answers depend on stays', async () => {
  const { ask } = await gateway({ origins: [SHOP] }, [
    'Access-Control-Allow-Origin: *',
    'Access-Control-Allow-Credentials: true',
    'Vary: Accept-Encoding',
  ]);
  expect(told(await ask({ origin: SHOP }))).toEqual([`allow-origin: ${SHOP}`, 'vary: accept-encoding', 'vary: origin']);
  expect(told(await ask({}))).toEqual(['vary: accept-encoding', 'vary: origin']);
});

test('pages can read why they are refused', async () => {
  const { hash } = { hash: `sha256:${'0'.repeat(64)}` };
  const { ask } = await gateway(
    { origins: [SHOP] },
    [],
    [{ type: 'api-key', consumers: [{ name: 'ann', keys: [hash] }] }],
  );
  const head = await ask({ origin: SHOP });
  expect(head).toMatch(/^http\/1\.1 401 /);
  expect(told(head)).toEqual([`allow-origin: ${SHOP}`, 'vary: origin']);
  expect(await ask({ origin: SHOP, wants: 'GET' })).toMatch(/^http\/1\.1 204 /);
});

test.each([
  ['any origin with credentials', { origins: ['*'], credentials: true }, 'any page could act as its reader'],
  ['any beside one', { origins: ['*', SHOP] }, 'beside others'],
  ['null', { origins: ['null'] }, 'every sandboxed page'],
  ['a URL', { origins: [`${SHOP}/`] }, `write ${SHOP}`],
  ['a name', { origins: ['shop.test'] }, 'is no origin'],
  ['a * within', { origins: ['https://a.*.test'] }, 'elsewhere than as its first label'],
  ['a * for a host', { origins: ['https://*'] }, 'elsewhere than as its first label'],
  ['any exposed field with credentials', { origins: [SHOP], exposed: ['*'], credentials: true }, 'read it as a name'],
  ['a broken name', { origins: [SHOP], methods: ['a b'] }, 'is no name of HTTP'],
])('%s can not be written', (_what, spec, message) => {
  expect(JSON.stringify(corsKind.schema.safeParse({ type: 'cors', ...spec }).error?.issues)).toContain(message);
});
