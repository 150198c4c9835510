import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { expect, test } from 'vitest';
import { filterWorld, type TestPassage, type TestWorld } from '../passage.fixture.ts';
import { makeJwtFilter } from './jwt-filter.ts';
import { jwtSchema, type JwtSpec } from './jwt-spec.ts';

const ISSUER = 'https://login.test';
const AUDIENCE = 'https://api.test';

interface Key {
  readonly sign: CryptoKey;
  readonly jwk: JWK;
}

async function keyPair(alg: string, kid?: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg, ...(kid === undefined ? {} : { kid }) };
  return { sign: privateKey, jwk };
}

const elliptic = await keyPair('ES256', 'first');

function spec(rest: Record<string, unknown> = {}): JwtSpec {
  return jwtSchema.parse({ type: 'jwt', issuer: ISSUER, audience: AUDIENCE, keys: [elliptic.jwk], ...rest });
}

/** A token of the key, good for a minute unless claims say otherwise. */
function token(
  { clock }: TestWorld,
  key: Key | Uint8Array = elliptic,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
) {
  const nowS = Math.floor(clock.now() / 1_000);
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', exp: nowS + 60, ...claims };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const isSecret = key instanceof Uint8Array;
  return new SignJWT(given)
    .setProtectedHeader({
      alg: isSecret ? 'HS256' : (key.jwk.alg ?? ''),
      ...(isSecret ? {} : { kid: key.jwk.kid }),
      ...header,
    })
    .sign(isSecret ? key : key.sign);
}

/** What the filter says of a token, and of whom it takes it to be. */
async function ask(
  world: TestWorld,
  written: JwtSpec,
  bearer: string | undefined,
  headers: Record<string, string> = {},
) {
  const filter = makeJwtFilter(written, world);
  const passage = world.passage({
    headers: bearer === undefined ? headers : { authorization: `Bearer ${bearer}`, ...headers },
  });
  const verdict = await filter.request?.(passage);
  return { verdict, passage };
}

const told = ({ verdict }: { verdict: { cause: string; members?: Readonly<Record<string, unknown>> } | undefined }) =>
  verdict === undefined ? 'passes' : [verdict.cause, verdict.members?.['reason']].filter(Boolean).join(' ');

test.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'RS384', 'PS256', 'PS512'])(
  'a token signed with %s passes, by the key that is pinned to it',
  async (alg) => {
    const world = filterWorld();
    const key = await keyPair(alg, 'k');
    const { verdict, passage } = await ask(world, spec({ keys: [key.jwk] }), await token(world, key));
    expect(verdict).toBeUndefined();
    expect(passage.identity).toMatchObject({ subject: 'ada', roles: [], scopes: [] });
  },
);

test('a token signed with a secret passes when the secret is written down, and only then', async () => {
  const world = filterWorld();
  const secret = Buffer.alloc(32, 7);
  const jwk = { kty: 'oct', k: secret.toString('base64url'), alg: 'HS256' };
  const signed = await token(world, secret);
  expect(told(await ask(world, spec({ keys: [jwk] }), signed))).toBe('passes');
  const { jwks, close } = await published([jwk, elliptic.jwk]);
  await using _server = { [Symbol.asyncDispose]: close };
  const fetched = await ask(world, spec({ keys: undefined, jwks }), signed);
  expect(told(fetched)).toBe('TOKEN_INVALID algorithm');
});

test('who asks is in the claims that the filter is told of, and goes on in fields that nobody else can set', async () => {
  const world = filterWorld();
  const written = spec({
    claims: { tenant: 'https://shop.test/tenant', roles: 'realm_access.roles' },
    headers: { 'x-user': 'sub', 'x-groups': 'groups', 'x-missing': 'nothing' },
  });
  const signed = await token(world, elliptic, {
    'https://shop.test/tenant': 'acme',
    realm_access: { roles: ['buyer'] },
    scope: 'orders:read orders:write',
    groups: ['a', 'b'],
    sub: 'Zoë',
  });
  const { passage } = await ask(world, written, signed, { 'x-missing': 'forged' });
  expect(passage.identity).toMatchObject({
    subject: 'Zoë',
    tenant: 'acme',
    roles: ['buyer'],
    scopes: ['orders:read', 'orders:write'],
  });
  expect(upstream(passage)).toEqual({
    authorization: undefined,
    'x-user': 'Zo%C3%AB',
    'x-groups': 'a,b',
    'x-missing': undefined,
  });
});

const upstream = ({ upstream: fields }: TestPassage) => Object.fromEntries(fields);

test('the token goes no further, unless the filter says so', async () => {
  const world = filterWorld();
  const signed = await token(world);
  expect((await ask(world, spec(), signed)).passage.upstream.get('authorization')).toBeUndefined();
  expect((await ask(world, spec(), signed)).passage.upstream.has('authorization')).toBe(true);
  expect((await ask(world, spec({ forward: true }), signed)).passage.upstream.has('authorization')).toBe(false);
});

/** The next letter of base64url: the last one of 64 octets has four bits that mean nothing. */
const beside = (letter: string) => String.fromCharCode(letter.charCodeAt(0) + 1);

test('with an RSA key whose exponent is 1 anybody could sign: it is no key', async () => {
  const world = filterWorld();
  const key = await keyPair('RS256', 'k');
  const signed = await token(world, key);
  expect(told(await ask(world, spec({ keys: [key.jwk] }), signed))).toBe('passes');
  for (const e of ['AQ', 'AAE'])
    expect(told(await ask(world, spec({ keys: [{ ...key.jwk, e }, elliptic.jwk] }), signed))).toBe(
      'TOKEN_INVALID unknown-key',
    );
});

test('tokens that are not genuine are refused, each with its reason', async () => {
  const world = filterWorld();
  const good = await token(world);
  const [header = '', payload = '', signature = ''] = good.split('.');
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const publicText = JSON.stringify(elliptic.jwk);
  const confused = `${encoded({ alg: 'HS256', kid: 'first' })}.${payload}`;
  const stranger = await keyPair('ES256', 'first');
  const nowS = Math.floor(world.clock.now() / 1_000);
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const cases: readonly (readonly [name: string, token: string, told: string])[] = [
    ['alg none', `${encoded({ alg: 'none' })}.${payload}.`, 'TOKEN_INVALID algorithm'],
    ['alg None', `${encoded({ alg: 'None' })}.${payload}.`, 'TOKEN_INVALID algorithm'],
    ['no alg', `${encoded({ kid: 'first' })}.${payload}.${signature}`, 'TOKEN_INVALID algorithm'],
    [
      'the public key as a secret',
      `${confused}.${createHmac('sha256', publicText).update(confused).digest('base64url')}`,
      'TOKEN_INVALID unknown-key',
    ],
    [
      'another algorithm than the key’s',
      `${encoded({ alg: 'ES384', kid: 'first' })}.${payload}.${signature}`,
      'TOKEN_INVALID unknown-key',
    ],
    ['another key of the same name', await token(world, stranger), 'TOKEN_INVALID signature'],
    [
      'a key that the token brings along',
      await token(world, stranger, {}, { jwk: stranger.jwk, jku: 'https://evil.test/keys' }),
      'TOKEN_INVALID signature',
    ],
    ['a kid that is a path', await token(world, elliptic, {}, { kid: '../../first' }), 'TOKEN_INVALID unknown-key'],
    [
      'a signature of zeros',
      `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
      'TOKEN_INVALID signature',
    ],
    ['an empty signature', `${header}.${payload}.`, 'TOKEN_INVALID signature'],
    ['a signature cut short', `${header}.${payload}.${signature.slice(0, 40)}`, 'TOKEN_INVALID signature'],
    ['another payload', `${header}.${encoded({ ...claims, sub: 'eve' })}.${signature}`, 'TOKEN_INVALID signature'],
    [
      'a critical extension',
      `${encoded({ alg: 'ES256', kid: 'first', crit: ['x'], x: 1 })}.${payload}.${signature}`,
      'TOKEN_INVALID malformed',
    ],
    [
      'an unencoded payload',
      `${encoded({ alg: 'ES256', kid: 'first', b64: false, crit: ['b64'] })}.${payload}.${signature}`,
      'TOKEN_INVALID signature',
    ],
    [
      'bits beyond the last octet of its signature',
      `${header}.${payload}.${signature.slice(0, -1)}${beside(signature.slice(-1))}`,
      'TOKEN_INVALID malformed',
    ],
    ['a part that is no whole octet', `${header}.A.${signature}`, 'TOKEN_INVALID malformed'],
    ['padding', `${header}.${payload}.${signature}=`, 'TOKEN_INVALID malformed'],
    ['five parts', `${header}.${payload}.${signature}.a.b`, 'TOKEN_INVALID malformed'],
    ['no JWT', 'garbage', 'TOKEN_INVALID malformed'],
    ['two tokens', `${good},${good}`, 'TOKEN_INVALID several'],
    ['beyond reason', `${header}.${'A'.repeat(9_000)}.${signature}`, 'TOKEN_INVALID malformed'],
    ['another issuer', await token(world, elliptic, { iss: 'https://evil.test' }), 'TOKEN_INVALID issuer'],
    ['no issuer', await token(world, elliptic, { iss: undefined }), 'TOKEN_INVALID issuer'],
    ['another audience', await token(world, elliptic, { aud: 'https://other.test' }), 'TOKEN_INVALID audience'],
    ['no audience', await token(world, elliptic, { aud: undefined }), 'TOKEN_INVALID audience'],
    ['no end', await token(world, elliptic, { exp: undefined }), 'TOKEN_INVALID claims'],
    ['over', await token(world, elliptic, { exp: nowS - 61 }), 'TOKEN_EXPIRED'],
    ['not yet', await token(world, elliptic, { nbf: nowS + 61 }), 'TOKEN_INVALID not-yet-valid'],
    ['a tenant that is no name', await token(world, elliptic, { tenant: '../x' }), 'TOKEN_INVALID claims'],
    ['a role with a comma', await token(world, elliptic, { roles: ['a,admin'] }), 'TOKEN_INVALID claims'],
    ['roles that are text', await token(world, elliptic, { roles: 'admin' }), 'TOKEN_INVALID claims'],
  ];
  for (const [name, bearer, expected] of cases) {
    expect([name, told(await ask(world, spec(), bearer))]).toEqual([name, expected]);
  }
});

test('without a token nobody passes, unless the filter is optional; one that is there is always looked at', async () => {
  const world = filterWorld();
  expect((await ask(world, spec(), undefined)).verdict).toMatchObject({
    status: 401,
    cause: 'TOKEN_MISSING',
    fields: { 'www-authenticate': 'Bearer' },
  });
  const optional = spec({ optional: true });
  const { verdict, passage } = await ask(world, optional, undefined);
  expect(verdict).toBeUndefined();
  expect(passage.identity).toBeUndefined();
  expect(told(await ask(world, optional, 'a.b.c'))).toBe('TOKEN_INVALID malformed');
});

test('what a token lacks is said', async () => {
  const world = filterWorld();
  const signed = await token(world, elliptic, { scope: 'read', roles: ['buyer'], plan: 'free', tenant: 'acme' });
  const verdictOf = async (rest: Record<string, unknown>) => (await ask(world, spec(rest), signed)).verdict;
  expect(
    await verdictOf({ require: { scopes: ['read'], roles: ['seller', 'buyer'], claims: { plan: ['free', 'paid'] } } }),
  ).toBeUndefined();
  expect(await verdictOf({ require: { scopes: ['read', 'write'] } })).toMatchObject({
    status: 403,
    cause: 'FORBIDDEN',
    detail: 'This needs the scope write.',
  });
  expect(await verdictOf({ require: { roles: ['seller'] } })).toMatchObject({
    detail: 'This needs one of the roles seller.',
  });
  expect(await verdictOf({ require: { claims: { plan: 'paid' } } })).toMatchObject({
    detail: 'This needs the claim plan to be paid.',
  });
  expect(await verdictOf({ tenants: ['globex'] })).toMatchObject({
    cause: 'TOKEN_INVALID',
    members: { reason: 'tenant' },
  });
});

test('a token that was verified passes at once, until its time is over, give or take what clocks may be off', async () => {
  const world = filterWorld();
  const filter = makeJwtFilter(spec({ clockSkew: '10s' }), world);
  const signed = await token(world);
  const again = () => filter.request?.(world.passage({ headers: { authorization: `Bearer ${signed}` } }));
  expect(again()).toBeInstanceOf(Promise);
  await again();
  expect(again()).toBeUndefined();
  await world.clock.advance(69_999);
  expect(again()).toBeUndefined();
  await world.clock.advance(1);
  expect(await again()).toMatchObject({ cause: 'TOKEN_EXPIRED' });
});

test('keys are fetched anew for a kid that is not known, at most once in the cooldown, and old ones stay when that fails', async () => {
  const world = filterWorld();
  const keys: JWK[] = [elliptic.jwk];
  const { jwks, close, state } = await published(keys);
  await using _server = { [Symbol.asyncDispose]: close };
  const written = spec({ keys: undefined, jwks, cooldown: '5s', maxAge: '1h' });
  expect(told(await ask(world, written, await token(world)))).toBe('passes');
  expect(state.asked).toBe(1);

  const second = await keyPair('ES256', 'second');
  keys.push(second.jwk);
  expect(told(await ask(world, written, await token(world, second)))).toBe('TOKEN_INVALID unknown-key');
  await world.clock.advance(5_000);
  expect(told(await ask(world, written, await token(world, second)))).toBe('passes');
  expect(state.asked).toBe(2);

  state.status = 500;
  await world.clock.advance(3_600_000);
  expect(told(await ask(world, written, await token(world)))).toBe('passes');
});

test('a key that is withdrawn is not trusted any more, whatever was verified before', async () => {
  const world = filterWorld();
  const second = await keyPair('ES256', 'second');
  const keys: JWK[] = [elliptic.jwk, second.jwk];
  const { jwks, close } = await published(keys);
  await using _server = { [Symbol.asyncDispose]: close };
  const written = spec({ keys: undefined, jwks, cooldown: '5s' });
  const mine = await token(world);
  const theirs = await token(world, second);
  expect(told(await ask(world, written, theirs))).toBe('passes');
  keys.pop();
  await world.clock.advance(5_000);
  // An unknown kid makes it look.
  await ask(world, written, await token(world, await keyPair('ES256', 'third')));
  expect(told(await ask(world, written, theirs))).toBe('TOKEN_INVALID unknown-key');
  expect(told(await ask(world, written, mine))).toBe('passes');
});

test('before any keys have come, the answer says to come back', async () => {
  const world = filterWorld();
  const { verdict } = await ask(
    world,
    spec({ keys: undefined, jwks: 'unix:/nowhere/at/all.sock' }),
    await token(world),
  );
  expect(verdict).toMatchObject({ status: 503, cause: 'KEYS_UNAVAILABLE', retryAfterMs: 1_000 });
});

test.each([
  [{ keys: undefined }, 'write either jwks or keys'],
  [{ jwks: 'https://login.test/keys' }, 'write either jwks or keys'],
  [{ header: 'x-token' }, 'say with forward'],
  [{ clockSkew: 5 }, 'write a duration'],
  [{ audiences: 'x' }, 'Unrecognized key'],
])('%o is refused', (wrong, message) => {
  const read = jwtSchema.safeParse({ type: 'jwt', issuer: ISSUER, audience: AUDIENCE, keys: [elliptic.jwk], ...wrong });
  expect(JSON.stringify(read.error?.issues)).toContain(message);
});

/** A server that publishes keys. */
async function published(keys: readonly JWK[]) {
  const state = { asked: 0, status: 200 };
  const server = createServer((_request, response) => {
    state.asked += 1;
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // `as`: it listens on TCP.
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  return { jwks: `http://127.0.0.1:${port}/keys`, state, close };
}

test.each([
  ['a private one', { ...elliptic.jwk, d: 'AAAA' }],
  ['one for encryption', { ...elliptic.jwk, use: 'enc' }],
  ['a curve that isn’t asked for', { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' }],
  ['garbage', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }],
  ['a secret that is too short', { kty: 'oct', alg: 'HS256', k: 'c2hvcnQ' }],
  ['RSA below 2048 bits', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }],
])('keys that all can verify nothing are refused when they are read: %s', (_what, key) => {
  const read = (keys: readonly object[]) =>
    jwtSchema
      .safeParse({ type: 'jwt', issuer: ISSUER, audience: AUDIENCE, keys })
      .error?.issues.map(({ path, message }) => `${path.join()} ${message}`);
  expect(read([key])?.join()).toMatch(/^keys hold none that verifies a token/);
  expect(read([key, elliptic.jwk])).toBeUndefined();
});

test('keys of algorithms that aren’t taken verify nothing', () => {
  expect(() => spec({ algorithms: ['RS256'] })).toThrow('hold none that verifies a token');
});
