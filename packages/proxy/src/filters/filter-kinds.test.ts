import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Identity, Verdict } from '../engine/filter.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { newApiKey } from './api-key/api-key.ts';
import { filterWorld, type TestWorld } from './passage.fixture.ts';
import { clientOf } from './who.ts';

const ADA: Identity = { subject: 'ada', tenant: 'acme', roles: [], scopes: [], claims: { sub: 'ada', plan: 'paid' } };

function kindOf(type: string) {
  const kind = FILTER_KINDS.find((each) => each.type === type);
  if (kind === undefined) throw new Error(`there is no filter ${type}`);
  return kind;
}

/** A filter as it is written down. */
function filterOf(world: TestWorld, written: { readonly type: string; readonly [option: string]: unknown }) {
  const kind = kindOf(written.type);
  return kind.make(kind.schema.parse(written), world);
}

const causeOf = async (verdict: Verdict | Promise<Verdict> | undefined) => (await verdict)?.cause ?? 'passes';
const faultsOf = (written: { readonly type: string; readonly [option: string]: unknown }) =>
  JSON.stringify(kindOf(written.type).schema.safeParse(written).error?.issues);

test('every kind refuses what it does not know, and says in a sentence what it does', () => {
  const { hash } = newApiKey(seededRandom(1));
  const written = [
    {
      type: 'jwt',
      issuer: 'https://a.test',
      audience: 'b',
      jwks: 'https://a.test/keys',
      require: { roles: ['buyer'] },
    },
    { type: 'api-key', consumers: [{ name: 'robot', keys: [hash] }] },
    { type: 'basic-auth', users: [{ name: 'ada', hash: `$scrypt$ln=14,r=8,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}` }] },
    { type: 'consumer-token', consumers: [{ name: 'robot', issuer: 'r', keys: [{ kty: 'oct' }] }] },
    { type: 'acl', allow: ['buyer'], denyConsumers: ['eve'] },
    { type: 'ip', allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] },
    { type: 'request-size', max: '1KiB', requireLength: true },
    { type: 'rate-limit', by: 'tenant', rates: ['100/s', { rate: '1000/m', burst: 50 }] },
    { type: 'pace', by: '{client-address}', rate: '10/s', burst: 20, delayAfter: 5 },
    { type: 'concurrency', by: '{client-address}', max: 10 },
    { type: 'headers', request: { set: { 'x-a': 'b' }, remove: ['x-c'] } },
    { type: 'cors', origins: ['https://*.shop.test'], methods: ['PUT'], credentials: true },
    {
      type: 'rewrite',
      path: [
        { prefix: '/api', to: '/' },
        { template: '/o/{id}', to: '/orders/{id}' },
        { regex: '/v.', to: '/' },
      ],
      query: { set: { a: '1' }, remove: ['b', 'c'] },
    },
    { type: 'redirect', scheme: 'https', host: 'shop.test', path: { to: '/new' }, status: 308 },
    { type: 'relocate', rules: [{ from: 'http://orders/', to: '/api/' }] },
    { type: 'respond', status: 410, code: 'GONE' },
    { type: 'compose', parts: { order: { to: 'now', path: '/' } } },
    {
      type: 'split',
      rings: [{ by: 'tenant', values: ['acme'], to: 'next' }],
      weights: { now: 95, next: 5 },
      sticky: 'ip',
    },
    { type: 'affinity', by: '{cookie:session}' },
    { type: 'mirror', to: 'next', share: '10%' },
    {
      type: 'fault',
      until: '2030-01-01T01:00:00Z',
      delay: { time: '2s', share: '10%' },
      abort: { status: 503, share: '1%' },
    },
    { type: 'error-page', on: [502, 504], answer: { status: 200, body: 'Sorry.' } },
    { type: 'when', isNot: { method: 'GET' }, filters: [{ type: 'respond', status: 405 }] },
    { type: 'correlation-id', header: 'x-id', echo: true },
    { type: 'by-consumer', cases: [{ consumers: ['ada'], filters: [{ type: 'ip', deny: ['10.0.0.0/8'] }] }] },
  ];
  // Others have tests of their own, which say the same of them.
  expect(FILTER_KINDS.map(({ type }) => type)).toEqual(expect.arrayContaining(written.map(({ type }) => type)));
  expect(written.map((each) => kindOf(each.type).explain(kindOf(each.type).schema.parse(each)))).toEqual([
    'needs a token of https://a.test for b, with one of the roles buyer',
    'needs a key in x-api-key of robot',
    'needs a user and password of ada',
    'needs a token that robot signed, by iss',
    'lets only the roles buyer in, keeps the consumers eve out',
    'lets only 10.0.0.0/8 in and keeps 10.1.0.0/16 out',
    'takes bodies of at most 1024 bytes, takes no body without its length',
    'lets 100/s and 1000/m through for each tenant',
    'lets 10/s through for each {client-address}, and 20 more at once, of whom 15 wait for their turn',
    'lets 10 requests at a time through for each {client-address}',
    'sets x-a of the request, removes x-c of the request',
    'lets pages of https://*.shop.test read answers and send PUT, with credentials',
    '/api and below becomes /, else /o/{id} becomes /orders/{id}, else what matches /v. becomes /, sets a of the query, removes b, c of the query',
    'sends clients to https, host shop.test, every path becomes /new, with 308',
    'sends clients to /api/ instead of http://orders/',
    'answers everything with 410 GONE',
    'makes one answer of one part: order from now',
    'sends acme (tenant) to next; splits 95 to now, 5 to next, by ip',
    'keeps requests of one {cookie:session} together',
    'sends copies of 10 % to next, at most 100 at once',
    'holds 10 % back for 2000 ms, answers 1 % with 503, until 2030-01-01T01:00:00Z',
    'answers 200 with a page of its own where the gateway says 502, 504',
    'respond for requests that do not fit',
    'gives requests an id in x-id, and tells it in answers',
    'has other filters for ada (ip)',
  ]);
  for (const each of written) expect(faultsOf({ ...each, surprise: 1 })).toContain('Unrecognized key');
});

test('an API key says who asks, goes no further, and is kept as a hash only', async () => {
  const world = filterWorld();
  const { key, hash } = newApiKey(seededRandom(1));
  const filter = filterOf(world, {
    type: 'api-key',
    query: 'api_key',
    consumers: [{ name: 'robot', keys: [hash], tenant: 'acme', roles: ['reader'] }],
  });
  const inHeader = world.passage({ headers: { 'x-api-key': key } });
  expect(await causeOf(filter.request?.(inHeader))).toBe('passes');
  expect(inHeader.identity).toMatchObject({ consumer: 'robot', tenant: 'acme', roles: ['reader'] });
  expect(inHeader.upstream.get('x-api-key')).toBeUndefined();
  const inQuery = Object.assign(world.passage(), { upstreamTarget: `/orders?a=1&api_key=${key}&b=2` });
  expect(await causeOf(filter.request?.(inQuery))).toBe('passes');
  expect(inQuery.upstreamTarget).toBe('/orders?a=1&b=2');
  for (const wrong of [`${key}x`, hash, 'x'.repeat(1_000)]) {
    expect(await causeOf(filter.request?.(world.passage({ headers: { 'x-api-key': wrong } })))).toBe('KEY_UNKNOWN');
  }
  // Whoever is refused with 401 is told how to ask (RFC 9110, section 15.5.2).
  expect(filter.request?.(world.passage())).toMatchObject({
    cause: 'KEY_MISSING',
    detail: 'Send an API key in x-api-key or ?api_key=.',
    fields: { 'www-authenticate': 'Key header="x-api-key"' },
  });
  expect(faultsOf({ type: 'api-key', consumers: [{ name: 'a', keys: [key] }] })).toContain('hash');
  const twice = [
    { name: 'a', keys: [hash] },
    { name: 'b', keys: [hash] },
  ];
  expect(faultsOf({ type: 'api-key', consumers: twice })).toContain('two consumers have one key');
});

test('addresses are let in and kept out by blocks; those who are kept out are so whatever lets them in', async () => {
  const world = filterWorld();
  const filter = filterOf(world, { type: 'ip', allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.1.0.0/16'] });
  const ask = (clientAddress: string) => causeOf(filter.request?.(world.passage({ clientAddress })));
  expect(await ask('10.2.0.1')).toBe('passes');
  expect(await ask('2001:db8::7')).toBe('passes');
  expect(await ask('::ffff:10.2.0.1')).toBe('passes');
  expect(await ask('10.1.0.1')).toBe('ADDRESS_REFUSED');
  expect(await ask('192.0.2.1')).toBe('ADDRESS_REFUSED');
  // The peer of a Unix socket has no address.
  expect(await ask('')).toBe('ADDRESS_REFUSED');
});

test('a limit counts each by itself, tells how it stands, and survives a change of the snapshot', async () => {
  const world = filterWorld();
  const written = { type: 'rate-limit', by: 'tenant', rates: ['2/s', { rate: '100/m', burst: 100 }] };
  const filter = filterOf(world, written);
  const ask = async (tenant: string | undefined, by = filter) => {
    const passage = world.passage();
    passage.identity = tenant === undefined ? undefined : { ...ADA, tenant };
    const verdict = await by.request?.(passage);
    return { verdict, passage };
  };
  const { passage } = await ask('acme');
  expect(passage.answered.get('ratelimit-policy')).toBe('"orders";q=2;w=1, "orders-1";q=100;w=60');
  expect(passage.answered.get('ratelimit')).toBe('"orders";r=1;t=1');
  await ask('acme');
  expect((await ask('acme')).verdict).toMatchObject({ status: 429, cause: 'RATE_LIMITED', retryAfterMs: 500 });
  expect((await ask('acme', filterOf(world, written))).verdict).toMatchObject({ cause: 'RATE_LIMITED' });
  expect((await ask('globex')).verdict).toBeUndefined();
  await world.clock.advance(500);
  expect((await ask('acme')).verdict).toBeUndefined();
  expect(() => filterOf(world, { ...written, rates: ['a lot'] })).toThrow("'a lot' is no rate");
});

test.each([
  ['192.0.2.77', '192.0.2.77'],
  ['::ffff:192.0.2.77', '192.0.2.77'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:0:0:0:0/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2:0:0:0:0/64'],
  ['::1', '0:0:0:0:0:0:0:0/64'],
  ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:0/64'],
])('the client of %s is %s', (address, client) => {
  expect(clientOf(address, { ipv4: 32, ipv6: 64 })).toBe(client);
});

test('fields are set and left out on both ways, and what people are called breaks no line', () => {
  const world = filterWorld();
  const filter = filterOf(world, {
    type: 'headers',
    request: { set: { 'x-who': '{subject} of {tenant} ({claim:plan})', 'x-via': 'gate' }, remove: ['x-debug'] },
    answer: { set: { 'x-path': '{method} {path}' }, remove: ['server'] },
  });
  const passage = world.passage();
  passage.identity = { ...ADA, subject: 'a\r\nx-admin: 1' };
  void filter.request?.(passage);
  filter.answer?.(passage, 200);
  expect(Object.fromEntries(passage.upstream)).toEqual({
    'x-debug': undefined,
    'x-who': 'a%0D%0Ax-admin%3A%201 of acme (paid)',
    'x-via': 'gate',
  });
  expect(Object.fromEntries(passage.answered)).toEqual({ server: undefined, 'x-path': 'GET /orders' });
  expect(faultsOf({ type: 'headers', request: { set: { 'content-length': '1' } } })).toContain('written by the proxy');
  expect(faultsOf({ type: 'headers', request: { set: { 'x-a': '{claims}' } } })).toContain('there is no {claims}');
  expect(faultsOf({ type: 'headers', request: { set: { 'x-a': 'a\r\nb: c' } } })).toContain('printable ASCII');
});

test('a split keeps who is asked for together, and a share that grows only takes from the others', () => {
  const world = filterWorld();
  const clusterOf = (weights: Record<string, number>, subject: string) => {
    const passage = world.passage();
    passage.identity = { ...ADA, subject };
    void filterOf(world, { type: 'split', weights, sticky: 'subject' }).request?.(passage);
    return passage.cluster;
  };
  const people = Array.from({ length: 1_000 }, (_, index) => `person-${index}`);
  const before = people.filter((person) => clusterOf({ next: 10, now: 90 }, person) === 'next');
  const after = people.filter((person) => clusterOf({ next: 30, now: 70 }, person) === 'next');
  expect(before.length).toBeGreaterThan(60);
  expect(before.length).toBeLessThan(140);
  expect(after.length).toBeGreaterThan(250);
  expect(before.every((person) => after.includes(person))).toBe(true);
  expect(clusterOf({ next: 10, now: 90 }, 'person-1')).toBe(clusterOf({ next: 10, now: 90 }, 'person-1'));
});

test('rings come before weights, and without weights others go where they would', () => {
  const world = filterWorld();
  const filter = filterOf(world, { type: 'split', rings: [{ by: 'tenant', values: ['acme'], to: 'next' }] });
  const passage = Object.assign(world.passage(), { identity: ADA });
  void filter.request?.(passage);
  expect(passage.cluster).toBe('next');
  const other = Object.assign(world.passage(), { identity: { ...ADA, tenant: 'globex' } });
  void filter.request?.(other);
  expect(other.cluster).toBe('orders');
  expect(faultsOf({ type: 'split', weights: { a: 0 } })).toContain('all weights are 0');
});

test('faults are made for a share, for whom they are meant, and end by themselves', async () => {
  const world = filterWorld();
  const filter = filterOf(world, {
    type: 'fault',
    until: '2030-01-01T00:10:00Z',
    header: { name: 'x-chaos', value: 'yes' },
    delay: { time: '2s', share: '100%' },
    abort: { status: 503, share: '100%' },
  });
  const meant = () => world.passage({ headers: { 'x-chaos': 'yes' } });
  expect(await causeOf(filter.request?.(world.passage()))).toBe('passes');
  const verdict = filter.request?.(meant());
  await world.clock.advance(2_000);
  expect(await verdict).toMatchObject({ status: 503, cause: 'FAULT_INJECTED' });
  await world.clock.advance(10 * 60_000);
  expect(await causeOf(filter.request?.(meant()))).toBe('passes');
  expect(faultsOf({ type: 'fault', abort: { status: 503, share: '1%' } })).toContain('expected string');
  expect(faultsOf({ type: 'fault', until: '2030-01-01T00:10:00Z' })).toContain('write delay, abort or both');
});
