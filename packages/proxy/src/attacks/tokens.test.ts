import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { attackedGateway, get, statusesOf, type AttackedGateway } from './attacked-gateway.fixture.ts';

const part = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strange = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwkOf = (key: KeyObject, alg: string, kid: string) => ({ ...key.export({ format: 'jwk' }), alg, kid });
const SECRET = 'a secret of at least 32 octets!!!';

const NOW_S = Date.UTC(2030, 0, 1) / 1_000;
const CLAIMS = { iss: 'https://login.test', aud: 'shop', sub: 'ada', exp: NOW_S + 3_600, roles: ['buyer'] };
const RSA_HEAD = { alg: 'RS256', kid: 'rsa' };

function rs256(head: object, claims: object | string, key: KeyObject = rsa.privateKey): string {
  const content = `${part(head)}.${part(claims)}`;
  return `${content}.${sign('sha256', Buffer.from(content), key).toString('base64url')}`;
}
function es256(head: object, claims: object): string {
  const content = `${part(head)}.${part(claims)}`;
  const made = sign('sha256', Buffer.from(content), { key: elliptic.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${content}.${made.toString('base64url')}`;
}
function hs256(head: object, claims: object, secret: string | Buffer): string {
  const content = `${part(head)}.${part(claims)}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

let gateway: AttackedGateway;
beforeAll(async () => {
  gateway = await attackedGateway((written) => ({
    ...written,
    filters: [
      {
        type: 'jwt',
        issuer: CLAIMS.iss,
        audience: CLAIMS.aud,
        keys: [
          jwkOf(rsa.publicKey, 'RS256', 'rsa'),
          jwkOf(elliptic.publicKey, 'ES256', 'ec'),
          { kty: 'oct', alg: 'HS256', kid: 'secret', k: Buffer.from(SECRET).toString('base64url') },
        ],
        headers: { 'x-user': 'sub' },
      },
    ],
  }));
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function statusOf(...lines: readonly string[]): Promise<number | undefined> {
  gateway.begin();
  return statusesOf(await gateway.attack(get('/', 'Connection: close', ...lines)).closed)[0];
}
const bearer = (token: string): string => `Authorization: Bearer ${token}`;
const [head = '', payload = '', signature = ''] = rs256(RSA_HEAD, CLAIMS).split('.');
const GOOD = `${head}.${payload}.${signature}`;
const ADMIN = { ...CLAIMS, sub: 'root', roles: ['admin'] };
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });

test('good ones of each key pass, and are looked at once', async () => {
  for (const token of [
    GOOD,
    es256({ alg: 'ES256', kid: 'ec' }, CLAIMS),
    hs256({ alg: 'HS256', kid: 'secret' }, CLAIMS, SECRET),
  ])
    for (let times = 0; times < 2; times += 1) expect(await statusOf(bearer(token))).toBe(200);
});

/** Each comes after the good one that it is made of has been verified and is remembered. */
test.each<readonly [title: string, token: string]>([
  ['no signature', `${head}.${payload}.`],
  ['no signature and no dot', `${head}.${payload}`],
  ['alg none', `${part({ alg: 'none' })}.${part(ADMIN)}.`],
  ['alg None and a signature of others', `${part({ alg: 'None', kid: 'rsa' })}.${part(ADMIN)}.${signature}`],
  ['alg none in another spelling', `${part({ alg: 'nOnE' })}.${part(ADMIN)}.`],
  ['the signature of another', `${head}.${part(ADMIN)}.${signature}`],
  ['the signature of another, with another head', `${part({ alg: 'RS256' })}.${part(ADMIN)}.${signature}`],
  ['a public key as a secret (PEM)', hs256({ alg: 'HS256', kid: 'rsa' }, ADMIN, pem)],
  [
    'a public key as a secret (JWK)',
    hs256({ alg: 'HS256', kid: 'rsa' }, ADMIN, JSON.stringify(rsa.publicKey.export({ format: 'jwk' }))),
  ],
  ['an empty secret', hs256({ alg: 'HS256', kid: 'secret' }, ADMIN, '')],
  ['a secret of zeros', hs256({ alg: 'HS256', kid: 'secret' }, ADMIN, Buffer.alloc(32))],
  ['HS512 under a key for HS256', hs256({ alg: 'HS512', kid: 'secret' }, ADMIN, SECRET)],
  ['RS512 under a key for RS256', rs256({ alg: 'RS512', kid: 'rsa' }, ADMIN)],
  ['PS256 under a key for RS256', rs256({ alg: 'PS256', kid: 'rsa' }, ADMIN)],
  [
    'an elliptic signature of zeros',
    `${part({ alg: 'ES256', kid: 'ec' })}.${part(ADMIN)}.${Buffer.alloc(64).toString('base64url')}`,
  ],
  [
    'an elliptic signature in DER',
    `${part({ alg: 'ES256', kid: 'ec' })}.${part(ADMIN)}.${sign('sha256', Buffer.from(`${part({ alg: 'ES256', kid: 'ec' })}.${part(ADMIN)}`), elliptic.privateKey).toString('base64url')}`,
  ],
  [
    'a key of its own (jwk)',
    rs256({ ...RSA_HEAD, kid: 'x', jwk: strange.publicKey.export({ format: 'jwk' }) }, ADMIN, strange.privateKey),
  ],
  [
    'a place for keys of its own (jku)',
    rs256({ ...RSA_HEAD, jku: 'http://127.0.0.1:1/keys' }, ADMIN, strange.privateKey),
  ],
  ['a certificate of its own (x5u)', rs256({ ...RSA_HEAD, x5u: 'http://127.0.0.1:1/cert' }, ADMIN, strange.privateKey)],
  ['a certificate within (x5c)', rs256({ ...RSA_HEAD, x5c: ['AAAA'] }, ADMIN, strange.privateKey)],
  ['a kid that is a path', rs256({ ...RSA_HEAD, kid: '../../dev/null' }, ADMIN, strange.privateKey)],
  ['a kid that is no text', rs256({ ...RSA_HEAD, kid: { $ne: '' } }, ADMIN, strange.privateKey)],
  ['a kid of the prototype', rs256({ ...RSA_HEAD, kid: '__proto__' }, ADMIN, strange.privateKey)],
  ['what must be understood and is not (crit)', rs256({ ...RSA_HEAD, crit: ['exp'], exp: 1 }, CLAIMS)],
  ['a payload that is not encoded (b64)', rs256({ ...RSA_HEAD, crit: ['b64'], b64: false }, CLAIMS)],
  ['five parts, as an encrypted one has', `${head}.${payload}.${signature}.${payload}.${signature}`],
  ['padding', `${GOOD}==`],
  ['a line end in base64', `${head}.${payload}.${signature.slice(0, 9)}%0a${signature.slice(9)}`],
  ['characters of another base64', GOOD.replaceAll('_', '/').replaceAll('-', '+') + '/'],
  ['a payload that is no object', rs256(RSA_HEAD, '[]')],
  ['a payload that is no JSON', rs256(RSA_HEAD, '{"iss":')],
  ['a payload of null', rs256(RSA_HEAD, 'null')],
  ['no end', rs256(RSA_HEAD, { ...CLAIMS, exp: undefined })],
  ['an end that is a text', rs256(RSA_HEAD, { ...CLAIMS, exp: String(CLAIMS.exp) })],
  ['an end without one', rs256(RSA_HEAD, JSON.stringify(CLAIMS).replace(String(CLAIMS.exp), '1e999'))],
  ['an end long ago', rs256(RSA_HEAD, { ...CLAIMS, exp: NOW_S - 61 })],
  ['a beginning that is to come', rs256(RSA_HEAD, { ...CLAIMS, nbf: NOW_S + 61 })],
  ['another issuer', rs256(RSA_HEAD, { ...CLAIMS, iss: 'https://login.test/' })],
  ['issuers', rs256(RSA_HEAD, { ...CLAIMS, iss: [CLAIMS.iss] })],
  ['another audience', rs256(RSA_HEAD, { ...CLAIMS, aud: 'shops' })],
  ['no audience', rs256(RSA_HEAD, { ...CLAIMS, aud: undefined })],
])('a token with %s is refused', async (_title, token) => {
  expect(await statusOf(bearer(GOOD))).toBe(200);
  expect(await statusOf(bearer(token))).toBe(401);
  expect(gateway.arrived).toEqual([]);
});

test('two tokens are none, wherever they stand', async () => {
  expect(await statusOf(bearer(GOOD), bearer('a.b.c'))).toBe(401);
  expect(await statusOf(bearer('a.b.c'), bearer(GOOD))).toBe(401);
  expect(await statusOf(bearer(`${GOOD}, Bearer ${GOOD}`))).toBe(401);
  expect(await statusOf(`Authorization: Basic ${GOOD}`)).toBe(401);
  expect(await statusOf(`Authorization: ${GOOD}`)).toBe(401);
  expect(await statusOf(bearer(GOOD).replace('Bearer', 'bEaReR'))).toBe(200);
});

test('who asks is the token’s to say, and a field of the same name is not', async () => {
  expect(await statusOf(bearer(GOOD), 'X-User: root')).toBe(200);
  expect(gateway.bytes).toMatch(/x-user: ada\r\n/);
  expect(gateway.bytes).not.toMatch(/root|Bearer/);
});

test('a name that is none goes on as one field', async () => {
  const odd = rs256(RSA_HEAD, { ...CLAIMS, sub: 'a\r\nx-admin: 1' });
  expect(await statusOf(bearer(odd))).toBe(200);
  expect(gateway.bytes).not.toMatch(/^x-admin/im);
});

test('whatever a token says of itself breaks out of no line of its refusal', async () => {
  for (const alg of [
    '\u010d\u010aset-cookie: forged',
    '\r\nset-cookie: forged',
    '"\u010d',
    '\u{1f600}',
    'č'.repeat(2_000),
  ]) {
    gateway.begin();
    const token = `${part({ alg, kid: 'x' })}.${part(ADMIN)}.AAAA`;
    const answer = await gateway.attack(get('/', 'Connection: close', bearer(token))).closed;
    expect(statusesOf(answer)).toEqual([401]);
    expect(answer).not.toMatch(/^set-cookie/im);
    const [lines = ''] = answer.split('\r\n\r\n');
    for (const line of lines.split('\r\n').slice(1)) expect(line).toMatch(/^[a-z-]+: [\x20-\x7e]*$/);
  }
});
