import { createHmac } from 'node:crypto';
import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { apiKeyHash } from '../api-key/api-key.ts';
import { filterWorld, type TestFacts } from '../passage.fixture.ts';
import { anyOfKind } from './any-of-kind.ts';

const SECRET = 'a secret of at least 32 octets!!!';
/** Of "password", as passlib's documentation has it. */
const HASH = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E';

const jwt = {
  type: 'jwt',
  issuer: 'https://login.test',
  audience: 'shop',
  keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(SECRET).toString('base64url') }],
  requireExpiry: false,
  headers: { 'x-user': 'sub' },
};
const apiKey = { type: 'api-key', consumers: [{ name: 'partner', keys: [apiKeyHash('good-key')] }] };
const basic = { type: 'basic-auth', realm: 'shop', users: [{ name: 'bob', hash: HASH }] };
const extAuth = { type: 'ext-auth', cluster: 'login', path: '/verify' };

function token(claims: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: 'HS256' })}.${part({ iss: 'https://login.test', aud: 'shop', sub: 'ada', ...claims })}`;
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

function world(options: object, status = 401) {
  const made = filterWorld({
    ask: () => ({ status, fields: new Fields(['www-authenticate', 'Negotiate']), body: Buffer.alloc(0) }),
  });
  const spec = anyOfKind.schema.parse({ type: 'any-of', ...options });
  const filter = anyOfKind.make(spec, made);
  return async (headers: Record<string, string> = {}, facts: TestFacts = {}) => {
    const passage = made.passage({ headers, ...facts });
    return { passage, verdict: await filter.request?.(passage), identity: passage.identity };
  };
}

test('the first that proves who asks wins', async () => {
  const ask = world({ of: [jwt, apiKey, basic] });
  expect((await ask(bearer(token()))).identity?.subject).toBe('ada');
  expect((await ask({ 'x-api-key': 'good-key' })).identity?.consumer).toBe('partner');
  const bob = { authorization: `Basic ${Buffer.from('bob:password').toString('base64')}` };
  expect((await ask(bob)).identity?.consumer).toBe('bob');
  const both = await ask({ ...bearer(token()), 'x-api-key': 'good-key' });
  expect(both.identity?.subject).toBe('ada');
  // Nothing of what is only claimed goes on, whoever it was that proved who asks.
  const claimed = await ask({ 'x-api-key': 'good-key', 'x-user': 'root' });
  expect(claimed.passage.upstream.get('x-user')).toBeUndefined();
  expect(claimed.passage.upstream.has('x-user')).toBe(true);
  // Nor does what only those behind would have looked at, or taken away.
  const first = world({ of: [apiKey, jwt, { type: 'client-certificate' }, { ...extAuth, upstream: ['x-plan'] }] });
  const forged = { ...bearer(token()), 'x-user': 'root', 'x-plan': 'gold', 'client-cert': ':YQ==:' };
  const { passage, identity } = await first({ 'x-api-key': 'good-key', ...forged });
  expect(identity?.consumer).toBe('partner');
  for (const field of ['authorization', 'x-user', 'x-plan', 'client-cert', 'client-cert-chain', 'x-api-key']) {
    expect(passage.upstream.has(field)).toBe(true);
    expect(passage.upstream.get(field)).toBeUndefined();
  }
  const forwarding = world({ of: [apiKey, { ...jwt, forward: true }, basic] });
  const kept = await forwarding({ 'x-api-key': 'good-key', ...forged });
  expect(kept.passage.upstream.has('authorization')).toBe(false);
  // What is wrong in one way is not held against who is right in another.
  expect((await ask({ ...bearer('a.b.c'), 'x-api-key': 'good-key' })).identity?.consumer).toBe('partner');
});

test('who shows nothing hears of all the ways that there are', async () => {
  const { verdict, identity } = await world({ of: [jwt, apiKey, basic, extAuth] })();
  expect(verdict).toMatchObject({
    status: 401,
    fields: {
      'www-authenticate': ['Bearer', 'Key header="x-api-key"', 'Basic realm="shop", charset="UTF-8"', 'Negotiate'],
    },
  });
  expect(identity).toBeUndefined();
});

test('who shows nothing is who was said, and who shows what is wrong is refused', async () => {
  const ask = world({ of: [jwt, apiKey, basic], anonymous: { consumer: 'guest', roles: ['reader'] } });
  const nobody = await ask();
  expect(nobody.verdict).toBeUndefined();
  expect(nobody.identity).toEqual({ consumer: 'guest', roles: ['reader'], scopes: [], claims: {} });
  const wrong: Record<string, string>[] = [
    bearer(`${token().slice(0, -4)}AAAA`),
    bearer('nonsense'),
    bearer(token({ exp: 1 })),
    { 'x-api-key': 'guess' },
    { authorization: `Basic ${Buffer.from('bob:wrong').toString('base64')}` },
    { authorization: 'Basic ?' },
    { authorization: 'Digest username="bob"' },
  ];
  for (const headers of wrong) {
    const { verdict, identity } = await ask(headers);
    expect(verdict).toMatchObject({ status: 401 });
    expect(identity).toBeUndefined();
  }
});

test('an Authorization that is for the upstream makes nobody wrong', async () => {
  const ask = world({ of: [apiKey, { ...jwt, header: 'x-token', forward: false }], anonymous: { consumer: 'guest' } });
  expect((await ask({ authorization: 'Digest username="bob"' })).identity?.consumer).toBe('guest');
});

test('without an anonymous one, nobody is let through who has proved nothing', async () => {
  for (const headers of [{}, { authorization: 'Digest x' }, { cookie: 'a=b' }] as Record<string, string>[]) {
    const { verdict, identity } = await world({ of: [jwt, apiKey] })(headers);
    expect(verdict).toMatchObject({ status: 401 });
    expect(identity).toBeUndefined();
  }
});

test('of several refusals the one is told that says most', async () => {
  const needs = { ...jwt, require: { scopes: ['write'] } };
  const ask = world({ of: [needs, apiKey] });
  expect((await ask(bearer(token()))).verdict).toMatchObject({ status: 403, cause: 'FORBIDDEN' });
  expect((await ask({ 'x-api-key': 'guess' })).verdict).toMatchObject({
    cause: 'KEY_UNKNOWN',
    fields: { 'www-authenticate': ['Bearer', 'Key header="x-api-key"'] },
  });
  const down = world({ of: [apiKey, extAuth] }, 500);
  expect((await down({ 'x-api-key': 'guess' })).verdict).toMatchObject({ status: 503, cause: 'AUTH_INVALID' });
  expect((await down({ 'x-api-key': 'good-key' })).verdict).toBeUndefined();
});

test('clusters that are named inside are known to be named', () => {
  const spec = anyOfKind.schema.parse({ type: 'any-of', of: [jwt, extAuth] });
  const inside = () => [{ cluster: 'login', path: ['cluster'] }];
  expect(anyOfKind.clusters?.(spec, inside).at(-1)).toEqual({ cluster: 'login', path: ['of', 1, 'cluster'] });
});

test.each([
  ['nothing', { of: [] }, ''],
  ['what proves nothing', { of: [{ type: 'ip', allow: ['10.0.0.0/8'] }] }, 'is no filter; there are: jwt'],
  ['one that lets everybody through', { of: [{ ...jwt, optional: true }] }, 'use \\"anonymous\\"'],
  [
    'one that lets everybody through when nobody decides',
    { of: [{ ...extAuth, failOpen: true }] },
    'lets everybody through',
  ],
  ['a service beside an anonymous one', { of: [extAuth], anonymous: { consumer: 'guest' } }, 'its service knows'],
  ['an anonymous one without a name', { of: [jwt], anonymous: {} }, 'consumer'],
  ['a mistake inside', { of: [{ ...jwt, isuer: 'x' }] }, 'isuer'],
])('%s is refused', (_what, options, message) => {
  const read = anyOfKind.schema.safeParse({ type: 'any-of', ...options });
  expect(read.success).toBe(false);
  expect(JSON.stringify(read.error?.issues)).toContain(message);
});
