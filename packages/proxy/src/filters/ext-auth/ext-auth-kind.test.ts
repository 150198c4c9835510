import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import type { SideAnswer, Verdict } from '../../engine/filter.ts';
import { fail } from '../../errors.ts';
import { filterWorld, type TestFacts } from '../passage.fixture.ts';
import { extAuthKind } from './ext-auth-kind.ts';

const answer = (status: number, ...lines: readonly string[]): SideAnswer => ({
  status,
  fields: new Fields(lines),
  body: Buffer.alloc(0),
});

/** A filter, and a service that says what it is told to. */
function world(options: object, said: SideAnswer | (() => SideAnswer) = answer(200)) {
  let says = said;
  const made = filterWorld({ ask: () => (typeof says === 'function' ? says() : says) });
  const spec = extAuthKind.schema.parse({ type: 'ext-auth', cluster: 'login', path: '/verify', ...options });
  const filter = extAuthKind.make(spec, made);
  return {
    ...made,
    says: (next: SideAnswer) => (says = next),
    async ask(facts: TestFacts = {}) {
      const passage = made.passage(facts);
      const verdict: Verdict = await filter.request?.(passage);
      return { passage, verdict };
    },
  };
}

test('the service is told what is asked for, and by whom, but no body and nothing that clients only claim', async () => {
  const { ask, asked } = world({ request: { set: { 'x-api': '{scheme} {client-address}' } }, host: 'login.test' });
  await ask({
    method: 'POST',
    path: '/orders/7',
    query: '?a=b',
    headers: {
      host: 'shop.test:8443',
      cookie: 'sid=1',
      authorization: 'Bearer x',
      'content-length': '12',
      'content-type': 'text/plain',
      'transfer-encoding': 'chunked',
      expect: '100-continue',
      connection: 'x-private, keep-alive',
      'x-private': 'yes',
      'if-none-match': '"a"',
      'x-original-uri': '/public',
      'x-original-url': 'https://shop.test/public',
      'x-original-method': 'GET',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-user': 'root',
      'x-remote-user': 'root',
      'x-fairlead-tenant': 'other',
      remote_user: 'root',
    },
  });
  expect(asked[0]).toMatchObject({
    cluster: 'login',
    method: 'GET',
    target: '/verify',
    host: 'login.test',
    timeoutMs: 2_000,
  });
  expect(asked[0]?.body).toBeUndefined();
  expect(asked[0]?.fields).toEqual({
    cookie: 'sid=1',
    authorization: 'Bearer x',
    'x-original-uri': '/orders/7?a=b',
    'x-original-method': 'POST',
    'x-original-url': 'https://shop.test:8443/orders/7?a=b',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-host': 'shop.test:8443',
    'x-forwarded-method': 'POST',
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': '/orders/7?a=b',
    'x-api': 'https 192.0.2.1',
  });
});

test('of the client’s fields only those are told that are named, and none that are removed', async () => {
  const named = world({ request: { fields: ['Cookie'], remove: ['x-original-url'] } });
  await named.ask({ headers: { cookie: 'sid=1', authorization: 'Bearer x' } });
  expect(named.asked[0]?.fields).toMatchObject({ cookie: 'sid=1', 'x-original-method': 'GET' });
  expect(Object.keys(named.asked[0]?.fields ?? {})).not.toContain('authorization');
  expect(Object.keys(named.asked[0]?.fields ?? {})).not.toContain('x-original-url');
});

test('2xx lets through, with fields and who asks; what clients send under those names goes nowhere', async () => {
  const { ask, says } = world(
    {
      upstream: { 'x-user': 'x-auth-user', 'x-plan': 'x-auth-plan' },
      answer: ['set-cookie'],
      identity: { subject: 'x-auth-user', tenant: 'x-tenant', roles: 'x-groups', scopes: 'x-scopes' },
    },
    answer(
      204,
      'x-auth-user',
      'ada',
      'x-tenant',
      'acme',
      'x-groups',
      'clerk, admin',
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
    ),
  );
  const { passage, verdict } = await ask({ headers: { 'x-user': 'root', 'x-plan': 'gold' } });
  expect(verdict).toBeUndefined();
  expect(Object.fromEntries(passage.upstream)).toEqual({ 'x-user': 'ada', 'x-plan': undefined });
  expect(passage.answerAdds).toEqual(['set-cookie: a=1', 'set-cookie: b=2']);
  expect(passage.identity).toEqual({
    subject: 'ada',
    tenant: 'acme',
    roles: ['clerk', 'admin'],
    scopes: [],
    claims: expect.anything(),
  });
  // A name that can't be one is no decision.
  says(answer(200, 'x-auth-user', 'ada', 'x-tenant', '../acme'));
  expect((await ask()).verdict).toMatchObject({ status: 503, cause: 'AUTH_INVALID' });
});

test.each([
  [
    '401',
    answer(401, 'www-authenticate', 'Basic realm="a"', 'www-authenticate', 'Bearer'),
    { status: 401, cause: 'AUTH_REQUIRED', fields: { 'www-authenticate': ['Basic realm="a"', 'Bearer'] } },
  ],
  ['403', answer(403, 'www-authenticate', 'Bearer'), { status: 403, cause: 'FORBIDDEN', fields: {} }],
  ['302', answer(302, 'location', '/login'), { status: 503, cause: 'AUTH_INVALID' }],
  ['404', answer(404), { status: 503, cause: 'AUTH_INVALID' }],
  ['500', answer(500), { status: 503, cause: 'AUTH_INVALID', retryAfterMs: 1_000 }],
])('%s lets nobody through', async (_status, said, verdict) => {
  const { ask } = world({ upstream: ['x-user'] }, said);
  const { passage, verdict: told } = await ask({ headers: { 'x-user': 'root' } });
  expect(told).toMatchObject(verdict);
  expect(passage.identity).toBeUndefined();
});

test('when nobody answers it is closed, with the status that was chosen, unless it was asked for to be open', async () => {
  const gone = () => {
    throw fail('UPSTREAM_TIMEOUT', 'login did not answer in time.');
  };
  expect((await world({}, gone).ask()).verdict).toMatchObject({
    status: 503,
    cause: 'AUTH_UNAVAILABLE',
    retryAfterMs: 1_000,
  });
  expect((await world({ failureStatus: 500 }, gone).ask()).verdict).toMatchObject({
    status: 500,
    cause: 'AUTH_UNAVAILABLE',
  });
  const unreachable = () => {
    throw fail('UPSTREAM_UNAVAILABLE', 'login can not be reached.');
  };
  const told = { failureStatus: 500, unavailableStatus: 503 };
  expect((await world(told, unreachable).ask()).verdict).toMatchObject({ status: 503 });
  expect((await world(told, gone).ask()).verdict).toMatchObject({ status: 500 });
  const { passage, verdict } = await world({ failOpen: true, upstream: ['x-user'] }, gone).ask({
    headers: { 'x-user': 'root' },
  });
  expect(verdict).toBeUndefined();
  expect(passage.identity).toBeUndefined();
  expect(passage.upstream.get('x-user')).toBeUndefined();
  expect(passage.upstream.has('x-user')).toBe(true);
  // Open does not mean that a refusal counts for nothing.
  expect((await world({ failOpen: true }, answer(401)).ask()).verdict).toMatchObject({ status: 401 });
});

test('a request that its client has given up is not held against the service', async () => {
  const { ask } = world({ failOpen: true }, () => {
    throw Object.assign(fail('INTERNAL', 'over'), { code: 'CANCELLED' });
  });
  await expect(ask()).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('browsers that ask for a page are sent to log in, with what they asked for encoded; programs hear 401', async () => {
  const options = { login: { to: 'https://login.test/start?rd={url}' } };
  const { ask } = world(options, answer(401));
  const page = { accept: 'text/html,application/xhtml+xml', host: 'shop.test' };
  const sent = await ask({ path: '/orders', query: '?a=b&c=d', headers: page });
  expect(sent.verdict).toMatchObject({
    status: 302,
    fields: { location: 'https://login.test/start?rd=https%3A%2F%2Fshop.test%2Forders%3Fa%3Db%26c%3Dd' },
  });
  const programs: TestFacts[] = [
    { headers: { accept: 'application/json' } },
    { headers: {} },
    { headers: { ...page, 'sec-fetch-mode': 'cors' } },
    { headers: { ...page, 'x-requested-with': 'XMLHttpRequest' } },
    { method: 'POST', headers: page },
  ];
  for (const facts of programs) expect((await ask(facts)).verdict).toMatchObject({ status: 401 });
  const all = world({ login: { to: '/login', for: 'all' } }, answer(401));
  expect((await all.ask({ method: 'POST' })).verdict).toMatchObject({ status: 302, fields: { location: '/login' } });
  expect((await world(options, answer(403)).ask({ headers: page })).verdict).toMatchObject({ status: 403 });
});

test('a leave is remembered as long as it was said, for the same request by the same credentials only', async () => {
  const { ask, asked, clock } = world({ cache: { by: ['authorization'], maxAge: '5s' } });
  const ada = { authorization: 'Bearer ada' };
  await ask({ headers: ada });
  await ask({ headers: ada });
  expect(asked).toHaveLength(1);
  const others: TestFacts[] = [
    { headers: { authorization: 'Bearer bob' } },
    { headers: ada, path: '/other' },
    { headers: ada, query: '?a' },
    { headers: ada, method: 'DELETE' },
    { headers: ada, host: 'other.test' },
    { headers: ada, clientAddress: '192.0.2.2' },
  ];
  for (const facts of others) await ask(facts);
  expect(asked).toHaveLength(1 + others.length);
  await clock.advance(5_000);
  await ask({ headers: ada });
  expect(asked).toHaveLength(2 + others.length);
});

test('who shows nothing, is refused, or gets a cookie, is asked about each time', async () => {
  const { ask, asked, says } = world({
    cache: { by: ['cookie'], of: 'credentials', maxAge: '5s' },
    answer: ['set-cookie'],
  });
  await ask();
  await ask();
  expect(asked).toHaveLength(2);
  const sid = { headers: { cookie: 'sid=1' } };
  for (const said of [
    answer(401),
    answer(500),
    answer(200, 'set-cookie', 'a=1'),
    answer(200, 'cache-control', 'no-store'),
  ]) {
    says(said);
    await ask(sid);
    await ask(sid);
  }
  expect(asked).toHaveLength(10);
  says(answer(200));
  await ask(sid);
  await ask({ ...sid, path: '/elsewhere' });
  expect(asked).toHaveLength(11);
});

test.each([
  ['a path that is none', { path: 'verify' }, 'write a path'],
  ['a leave for ever', { cache: { by: ['cookie'], maxAge: '2m' } }, 'at most 1m'],
  ['a leave by nothing', { cache: { by: [], maxAge: '1s' } }, ''],
  ['no time', { timeout: '0s' }, 'above 0'],
  ['an unknown placeholder', { request: { set: { 'x-a': '{nothing}' } } }, 'there is no {nothing}'],
  ['a login that leads to another host by its path', { login: { to: '//evil.test' } }, 'write a URL'],
])('%s is refused', (_what, options, message) => {
  const read = extAuthKind.schema.safeParse({ type: 'ext-auth', cluster: 'login', path: '/verify', ...options });
  expect(read.success).toBe(false);
  expect(JSON.stringify(read.error?.issues)).toContain(message);
});
