import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK } from 'jose';
import type { CryptoKey } from 'jose';
import { expect, test } from 'vitest';
import { openEdge, signingKey } from '../../fixtures/edge.ts';

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each(['ES256', 'EdDSA', 'RS256'])('tokens signed with %s are accepted', async (alg) => {
  await using edge = await openEdge();
  const key = await signingKey('other', alg);
  edge.published.keys = [key.jwk];
  await edge.clock.advance(5_000);
  expect((await edge.ask('GET', '/orders', { token: await edge.token({}, key) })).status).toBe(200);
});

test('without a token, or with another scheme, the answer asks for one', async () => {
  await using edge = await openEdge();
  for (const headers of [{}, { authorization: 'Basic YTpi' }, { authorization: '' }]) {
    const answer = await edge.ask('GET', '/orders', { headers });
    expect(answer).toMatchObject({ status: 401, json: { code: 'TOKEN_MISSING' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  }
});

test('tokens that are not the platform’s are refused, each with its reason', async () => {
  await using edge = await openEdge();
  const good = await edge.token();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const secret = await exportSPKI((await importJWK(edge.key.jwk, 'ES256')) as CryptoKey);
  const hmacHead = `${base64url({ alg: 'HS256', kid: 'first' })}.${payload}`;
  const stranger = { ...(await signingKey('first')) };
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  const cases: [string, string, string][] = [
    ['alg none', `${base64url({ alg: 'none' })}.${payload}.`, 'algorithm'],
    ['alg none with kid', `${base64url({ alg: 'none', kid: 'first' })}.${payload}.${signature}`, 'algorithm'],
    [
      'HS256 with the public key',
      `${hmacHead}.${createHmac('sha256', secret).update(hmacHead).digest('base64url')}`,
      'algorithm',
    ],
    [
      'another alg than the key’s',
      `${base64url({ alg: 'RS256', kid: 'first' })}.${payload}.${signature}`,
      'unknown-key',
    ],
    ['a key of the same name', await edge.token({}, stranger), 'signature'],
    ['a changed payload', `${header}.${base64url({ ...claims, tenant: 'globex' })}.${signature}`, 'signature'],
    ['a changed signature', `${header}.${payload}.${flipped}`, 'signature'],
    ['another issuer', await edge.token({ iss: 'urn:other' }), 'issuer'],
    ['another audience', await edge.token({ aud: 'urn:other' }), 'audience'],
    ['no audience', await edge.token({ aud: undefined }), 'audience'],
    ['no issuer', await edge.token({ iss: undefined }), 'issuer'],
    ['no expiry', await edge.token({ exp: undefined }), 'claims'],
    ['no subject', await edge.token({ sub: undefined }), 'claims'],
    ['no tenant', await edge.token({ tenant: undefined }), 'claims'],
    ['an empty tenant', await edge.token({ tenant: '' }), 'claims'],
    ['a tenant that is no name', await edge.token({ tenant: 'a/b' }), 'claims'],
    ['a list of tenants', await edge.token({ tenant: ['acme'] }), 'claims'],
    ['roles that are no list', await edge.token({ roles: 'admin' }), 'claims'],
    ['a role with a comma', await edge.token({ roles: ['a,admin'] }), 'claims'],
    ['not valid yet', await edge.token({ nbf: Math.floor(edge.clock.now() / 1000) + 60 }), 'not-yet-valid'],
    [
      'a critical extension',
      `${base64url({ alg: 'ES256', kid: 'first', crit: ['x'], x: 1 })}.${payload}.${signature}`,
      'malformed',
    ],
    ['no JWT', 'garbage', 'malformed'],
    ['a header of garbage', `e30x.${payload}.${signature}`, 'malformed'],
    ['a token beyond reason', `${header}.${'A'.repeat(9_000)}.${signature}`, 'malformed'],
  ];
  for (const [name, token, reason] of cases) {
    const answer = await edge.ask('GET', '/orders', { token });
    expect([name, answer.status, answer.json['code'], answer.json['reason']]).toEqual([
      name,
      401,
      'TOKEN_INVALID',
      reason,
    ]);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer error="invalid_token", error_description="[\x20-\x7e]+"$/,
    );
  }
  expect(edge.seen).toEqual([]);
  expect((await edge.ask('GET', '/orders', { token: good })).status).toBe(200);
});

test('a token ends on the second that it says, also one that was verified before', async () => {
  await using edge = await openEdge();
  const token = await edge.token({ exp: Math.floor(edge.clock.now() / 1000) + 60 });
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
  await edge.clock.advance(59_999);
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
  await edge.clock.advance(1);
  expect(await edge.ask('GET', '/orders', { token })).toMatchObject({ status: 401, json: { code: 'TOKEN_EXPIRED' } });
});

test('a new key is fetched when a token names it, at most once in a cooldown', async () => {
  await using edge = await openEdge({ jwksCooldownMs: 5_000 });
  expect((await edge.ask('GET', '/orders', { token: await edge.token() })).status).toBe(200);
  const second = await signingKey('second');
  edge.published.keys = [second.jwk];
  const rotated = await edge.token({}, second);
  expect(await edge.ask('GET', '/orders', { token: rotated })).toMatchObject({
    status: 401,
    json: { reason: 'unknown-key' },
  });
  expect(edge.published.fetches).toBe(1);
  await edge.clock.advance(5_000);
  expect((await edge.ask('GET', '/orders', { token: rotated })).status).toBe(200);
  expect(edge.published.fetches).toBe(2);
});

test('a key that has been withdrawn takes the tokens it verified with it, cached or not', async () => {
  await using edge = await openEdge({ jwksCooldownMs: 5_000 });
  const token = await edge.token();
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
  const second = await signingKey('second');
  edge.published.keys = [second.jwk];
  await edge.clock.advance(5_000);
  expect((await edge.ask('GET', '/orders', { token: await edge.token({}, second) })).status).toBe(200);
  expect(await edge.ask('GET', '/orders', { token })).toMatchObject({ status: 401, json: { reason: 'unknown-key' } });
});

test('who publishes the keys may be down for days: traffic goes on', async () => {
  await using edge = await openEdge();
  expect((await edge.ask('GET', '/orders', { token: await edge.token() })).status).toBe(200);
  edge.published.down = true;
  await edge.clock.advance(3 * 24 * 3600_000);
  for (const sub of ['ada', 'grace']) {
    expect((await edge.ask('GET', '/orders', { token: await edge.token({ sub }) })).status).toBe(200);
  }
  expect(edge.published.fetches).toBeGreaterThan(1);
  expect(edge.gateway.ready()).toBe(true);
});

test('before the first keys have come requests are told to come back, and then they are served', async () => {
  const key = await signingKey('first');
  let down = true;
  await using edge = await openEdge({
    jwks: async () => {
      if (down) throw new Error('not up yet');
      return { keys: [key.jwk] };
    },
  });
  const token = await edge.token({}, key);
  const refused = await edge.ask('GET', '/orders', { token });
  expect(refused).toMatchObject({ status: 503, json: { code: 'KEYS_UNAVAILABLE' } });
  expect(refused.headers['retry-after']).toBe('1');
  down = false;
  await edge.clock.advance(1_000);
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
});

test('keys that could be used to forge tokens are not taken', async () => {
  await using edge = await openEdge();
  const key = await signingKey('first', 'EdDSA');
  edge.published.keys = [
    { kty: 'oct', kid: 'shared', k: 'c2VjcmV0', alg: 'HS256' },
    { ...key.jwk, use: 'enc' },
    { ...key.jwk, alg: 'ES256' },
    { ...key.jwk, d: 'AAAA' },
  ];
  await edge.clock.advance(5_000);
  expect((await edge.ask('GET', '/orders', { token: await edge.token({}, key) })).json['reason']).toBe('unknown-key');
});

test('where the platform lists its tenants, a token for any other is refused, however well it is signed', async () => {
  await using edge = await openEdge({ tenants: ['acme', 'globex'] });
  expect((await edge.ask('GET', '/orders', { token: await edge.token() })).status).toBe(200);
  for (const tenant of ['initech', 'ACME', 'acm']) {
    const answer = await edge.ask('GET', '/orders', { token: await edge.token({ tenant }) });
    expect(answer).toMatchObject({ status: 401, json: { code: 'TOKEN_INVALID', reason: 'tenant' } });
    expect(answer.json['detail']).toContain(`no tenant "${tenant}"`);
  }
  expect(edge.seen).toHaveLength(1);
});
