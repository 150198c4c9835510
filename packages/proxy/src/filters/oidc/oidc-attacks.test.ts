import { Agent, request } from 'node:http';
import { CompactEncrypt, EncryptJWT, SignJWT } from 'jose';
import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { Browser, type Page } from './browser.fixture.ts';
import { falseProvider, type FalseProvider, type Lies } from './false-provider.fixture.ts';
import { CLIENT_SECRET } from './foreign-provider.fixture.ts';
import { gateway, KEY_PLACE, oidcSpec, OTHER_KEY_PLACE, SESSION_KEY } from './oidc-world.fixture.ts';
import { Seal } from './seal.ts';

const PROGRAM = { headers: { accept: 'application/json' } };
const told = (page: Page): Record<string, unknown> => JSON.parse(page.text) as Record<string, unknown>;

/** Comes back from a provider that asks nobody anything. */
async function backFrom(
  provider: FalseProvider,
  browser: Browser,
  origin: string,
  path = '/',
  query = '',
): Promise<Page> {
  const sent = new URL((await browser.visit(origin + path)).location ?? '');
  provider.nonce = sent.searchParams.get('nonce') ?? '';
  const state = sent.searchParams.get('state') ?? '';
  return browser.visit(`${origin}/oauth2/callback?code=a-code&state=${state}${query}`);
}

async function world(options: object = {}) {
  const provider = await falseProvider();
  return { provider, ...(await gateway([oidcSpec(provider.issuer, options)])) };
}

test('a provider that tells the truth is believed', async () => {
  const { provider, origin } = await world();
  const browser = new Browser();
  expect((await backFrom(provider, browser, origin)).status).toBe(303);
  expect(told(await browser.visit(`${origin}/`))).toMatchObject({ 'x-user': 'ada' });
});

const LIES: readonly [string, Lies, string][] = [
  ['another issuer', { claims: { iss: 'https://evil.test' } }, 'issuer'],
  ['another client', { claims: { aud: 'other' } }, 'audience'],
  ['several clients, none of them by name', { claims: { aud: ['shop', 'other'] } }, 'audience'],
  ['several clients, and it is the other', { claims: { aud: ['shop', 'other'], azp: 'other' } }, 'audience'],
  ['a nonce of another login', { claims: { nonce: 'stale' } }, 'nonce'],
  ['no nonce', { claims: { nonce: undefined } }, 'answer'],
  ['a token that has ended', { claims: { exp: 1_000 } }, 'time'],
  ['a token of tomorrow', { claims: { nbf: 9_999_999_999 } }, 'time'],
  ['no subject', { claims: { sub: undefined } }, 'answer'],
  ['the access token of another', { claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } }, 'at-hash'],
  ['roles that are none', { claims: { roles: { admin: true } } }, 'claims'],
  ['a signature of somebody else', { signer: 'stranger' }, 'signature'],
  ['a key that nobody knows', { kid: 'unknown' }, 'unknown-key'],
  ['no signature', { signer: 'none' }, 'algorithm'],
  ['a signature with the public key as a secret', { signer: 'public-key' }, 'algorithm'],
  ['no ID token', { answer: { id_token: undefined } }, 'answer'],
  ['a token of another kind', { answer: { token_type: 'mac' } }, 'algorithm'],
  ['no JSON', { raw: { status: 200, body: '<html>' } }, 'answer'],
];

test.each(LIES)('of %s nobody is logged in, and nothing of it is told', async (_what, lies, reason) => {
  const { provider, origin, telemetry } = await world();
  provider.lies = lies;
  const browser = new Browser();
  const page = await backFrom(provider, browser, origin);
  expect(told(page)).toMatchObject({ status: 502, code: 'PROVIDER_INVALID', reason });
  expect([...browser.cookies(origin).keys()]).toEqual([]);
  const line = telemetry.logs.find(({ msg }) => msg === 'a login did not succeed');
  expect(line).toMatchObject({ code: 'PROVIDER_INVALID', reason });
  const all = JSON.stringify([telemetry.logs, telemetry.spans, page]);
  for (const secret of ['access-1', 'refresh-1', 'a-code', CLIENT_SECRET, SESSION_KEY, 'eyJ']) {
    // The page's own address has its code.
    expect(all.replaceAll(page.url, '')).not.toContain(secret);
  }
});

test.each([
  ['access_denied', 403, 'LOGIN_REFUSED', { error: 'access_denied' }],
  ['<script>', 403, 'LOGIN_REFUSED', { error: 'unknown' }],
  ['temporarily_unavailable', 503, 'PROVIDER_UNAVAILABLE', {}],
])('a login that ends with %s is refused', async (error, status, code, more) => {
  const { provider, origin } = await world();
  const page = await backFrom(provider, new Browser(), origin, '/', `&error=${encodeURIComponent(error)}`);
  expect(told(page)).toMatchObject({ status, code, ...more });
});

test('an answer that another provider gave is none (RFC 9207), and one whose metadata name another is not asked', async () => {
  const { provider, origin } = await world();
  const mixed = await backFrom(provider, new Browser(), origin, '/', '&iss=https%3A%2F%2Fevil.test');
  expect(told(mixed)).toMatchObject({ status: 502, reason: 'issuer' });
  expect(provider.tokens).toEqual([]);
  const liar = await falseProvider();
  liar.lies = { metadata: { issuer: 'https://evil.test' } };
  const other = await gateway([oidcSpec(liar.issuer)]);
  expect(told(await new Browser().visit(`${other.origin}/`))).toMatchObject({
    status: 502,
    code: 'PROVIDER_INVALID',
    reason: 'issuer',
  });
  // One that mends its ways is asked again.
  liar.lies = {};
  other.clock.jump(1_000);
  expect((await new Browser().visit(`${other.origin}/`)).status).toBe(303);
});

test('a provider that is not there when the gateway starts does not stop it, and is found when it comes', async () => {
  const provider = await falseProvider();
  const missing = { metadata: { authorization_endpoint: undefined } };
  provider.lies = missing;
  const { origin, clock, telemetry } = await gateway([
    oidcSpec('http://127.0.0.1:1', {
      session: { keys: [{ env: KEY_PLACE }], name: 'gone' },
      callback: '/gone/callback',
      login: '/gone/login',
      logout: { path: '/gone/logout' },
      optional: true,
    }),
    oidcSpec(provider.issuer),
  ]);
  const gone = await new Browser().visit(`${origin}/gone/login`);
  expect(told(gone)).toMatchObject({ status: 503, code: 'PROVIDER_UNAVAILABLE' });
  expect(gone.headers['retry-after']).toBe('2');
  expect(told(await new Browser().visit(`${origin}/`))).toMatchObject({
    status: 502,
    code: 'PROVIDER_INVALID',
    reason: 'answer',
  });
  provider.lies = {};
  clock.jump(1_000);
  const browser = new Browser();
  await backFrom(provider, browser, origin);
  expect(told(await browser.visit(`${origin}/`))).toMatchObject({ 'x-user': 'ada' });
  const failures = () => telemetry.logs.filter(({ msg }) => msg.startsWith('the metadata of a login provider')).length;
  expect(failures()).toBeGreaterThan(1);
  // What was known stays known, whatever is said when it is asked for anew.
  provider.lies = missing;
  clock.jump(3_700_000);
  const before = failures();
  while (failures() === before) expect((await new Browser().visit(`${origin}/`)).status).toBe(303);
  expect((await new Browser().visit(`${origin}/`)).status).toBe(303);
});

test('clocks may differ by as much as is said, and no more', async () => {
  for (const [clockSkew, ahead, status] of [
    ['60s', 50, 303],
    ['60s', 120, 502],
    ['0s', 20, 502],
  ] as const) {
    const { provider, origin, clock } = await world({ clockSkew });
    provider.lies = { claims: { nbf: Math.floor(clock.now() / 1_000) + ahead } };
    expect((await backFrom(provider, new Browser(), origin)).status).toBe(status);
  }
});

test('a renewal that turns somebody into somebody else ends the session', async () => {
  const { provider, origin, clock } = await world();
  const browser = new Browser();
  await backFrom(provider, browser, origin);
  provider.lies = { claims: { sub: 'mallory' } };
  clock.jump(280_000);
  expect(told(await browser.visit(`${origin}/`, PROGRAM))).toMatchObject({ status: 401, reason: 'ended' });
});

/** A session's cookie, as somebody has it who has logged in here. */
async function cookieOf(provider: FalseProvider, origin: string): Promise<string> {
  const browser = new Browser();
  await backFrom(provider, browser, origin);
  return browser.cookies(origin).get('__Host-session') ?? '';
}

async function showing(origin: string, value: string, headers: Record<string, string> = {}): Promise<Page> {
  return new Browser().visit(`${origin}/`, {
    headers: { accept: 'application/json', cookie: `__Host-session=${value}`, ...headers },
  });
}

test('a session of another host, client, provider or name is none', async () => {
  const { provider, origin } = await world();
  const cookie = await cookieOf(provider, origin);
  expect(told(await showing(origin, cookie))).toMatchObject({ 'x-user': 'ada' });
  const { host } = new URL(origin);
  const elsewhere = await showing(origin, cookie, { host: `localhost:${host.split(':')[1] ?? ''}` });
  expect(told(elsewhere)).toMatchObject({ status: 401, reason: 'invalid' });

  const otherClient = await gateway([oidcSpec(provider.issuer, { client: { id: 'other' } })]);
  expect(told(await showing(otherClient.origin, cookie))).toMatchObject({ status: 401, reason: 'invalid' });
  const otherProvider = await world();
  expect(told(await showing(otherProvider.origin, cookie))).toMatchObject({ status: 401, reason: 'invalid' });
  const otherName = await gateway([
    oidcSpec(provider.issuer, { session: { keys: [{ env: KEY_PLACE }], name: 'admin' } }),
  ]);
  const renamed = await new Browser().visit(`${otherName.origin}/`, {
    headers: { accept: 'application/json', cookie: `__Host-admin=${cookie}` },
  });
  expect(told(renamed)).toMatchObject({ status: 401, reason: 'invalid' });
});

test('what was sealed for a login, or as a mark of use, is no session, nor the other way round', async () => {
  const { provider, origin, clock } = await world({ refresh: false });
  const browser = new Browser();
  await browser.visit(`${origin}/`);
  const [login = ''] = browser.cookies(origin).values();
  expect(told(await showing(origin, login))).toMatchObject({ status: 401, reason: 'invalid' });
  await backFrom(provider, browser, origin);
  clock.jump(400_000);
  await browser.visit(`${origin}/`);
  const { session = '', seen = '' } = Object.fromEntries(
    [...browser.cookies(origin)].map(([name, value]) => [name.replace(/^.*[-.]/, ''), value]),
  );
  expect(seen).not.toBe('');
  expect(told(await showing(origin, seen))).toMatchObject({ status: 401, reason: 'invalid' });
  // It says nothing of when it was used: an hour after its beginning it is over.
  clock.jump(3_500_000);
  expect(told(await showing(origin, `${session}; __Host-session.seen=${seen}`))).toMatchObject({ 'x-user': 'ada' });
  expect(told(await showing(origin, `${session}; __Host-session.seen=${session}`))).toMatchObject({
    reason: 'expired',
  });
});

test('where logging in is left to people, who has not is nobody, whatever he claims, and who shows what is wrong is refused', async () => {
  const { provider, origin } = await world({
    optional: true,
    forward: true,
    headers: { 'x-user': 'sub', 'x-plan': 'plan' },
  });
  const forged = { 'x-user': 'root', 'x-plan': 'gold', authorization: 'Bearer forged' };
  const nobody = told(await new Browser().visit(`${origin}/`, { headers: forged }));
  for (const field of Object.keys(forged)) expect(nobody[field]).toBeUndefined();
  const browser = new Browser();
  const sent = new URL((await browser.visit(`${origin}/oauth2/login`)).location ?? '');
  provider.nonce = sent.searchParams.get('nonce') ?? '';
  await browser.visit(`${origin}/oauth2/callback?code=a-code&state=${sent.searchParams.get('state') ?? ''}`);
  const ada = told(await browser.visit(`${origin}/`, { headers: forged }));
  expect(ada).toMatchObject({ 'x-user': 'ada', authorization: 'Bearer access-1' });
  expect(ada['x-plan']).toBeUndefined();
  expect(told(await showing(origin, 'forged'))).toMatchObject({ status: 401, reason: 'invalid' });
});

test('no JOSE object is a session, whoever has made it and with whatever key', async () => {
  const { provider, origin } = await world();
  const cookie = await cookieOf(provider, origin);
  const claims = { sub: 'mallory' };
  const secret = new TextEncoder().encode(SESSION_KEY);
  const key = secret.slice(0, 32);
  const forged = [
    await new EncryptJWT(claims).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key),
    await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM' })
      .encrypt(secret),
    await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`,
    '',
    '.',
    cookie.slice(0, -1),
    `${cookie}A`,
    `${cookie}=`,
    cookie.slice(0, 40),
    `${cookie.slice(0, 60)}${cookie[60] === 'A' ? 'B' : 'A'}${cookie.slice(61)}`,
  ];
  for (const value of forged)
    expect(told(await showing(origin, value))).toMatchObject({ status: 401, reason: 'invalid' });
});

test('each of several keys opens, the first one seals; without its key a session is none', async () => {
  const provider = await falseProvider();
  const keyed = (...places: readonly string[]) =>
    gateway([oidcSpec(provider.issuer, { session: { keys: places.map((env) => ({ env })) } })]);
  const [before, during, after] = [
    await keyed(KEY_PLACE),
    await keyed(OTHER_KEY_PLACE, KEY_PLACE),
    await keyed(OTHER_KEY_PLACE),
  ];
  const old = await cookieOf(provider, before.origin);
  expect(told(await showing(during.origin, old))).toMatchObject({ 'x-user': 'ada' });
  expect(told(await showing(after.origin, old))).toMatchObject({ status: 401, reason: 'invalid' });
  const fresh = await cookieOf(provider, during.origin);
  expect(told(await showing(after.origin, fresh))).toMatchObject({ 'x-user': 'ada' });
  expect(told(await showing(before.origin, fresh))).toMatchObject({ status: 401, reason: 'invalid' });
});

test('a mark of use prolongs its own session only', async () => {
  const { provider, origin, clock } = await world({
    session: { keys: [{ env: KEY_PLACE }], idle: '10m', absolute: '2h' },
    refresh: false,
  });
  const mine = new Browser();
  await backFrom(provider, mine, origin);
  const stale = mine.cookies(origin).get('__Host-session') ?? '';
  clock.jump(500_000);
  const other = new Browser();
  provider.lies = { claims: { exp: Math.floor(clock.now() / 1_000) + 600 } };
  await backFrom(provider, other, origin);
  clock.jump(90_000);
  await other.visit(`${origin}/`);
  clock.jump(60_000);
  const seen = other.cookies(origin).get('__Host-session.seen') ?? '';
  expect(seen).not.toBe('');
  const borrowed = await showing(origin, `${stale}; __Host-session.seen=${seen}`);
  expect(told(borrowed)).toMatchObject({ status: 401, reason: 'expired' });
});

test('people of many sessions on connections that are kept never get each other’s answers', async () => {
  const { provider, origin } = await world();
  const cookies: string[] = [];
  for (let person = 0; person < 6; person += 1) {
    provider.lies = { claims: { sub: `person-${person}` } };
    cookies.push(await cookieOf(provider, origin));
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 3 });
  const ask = (person: number | undefined): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/json',
        'x-user': 'root',
        ...(person === undefined ? {} : { cookie: `__Host-session=${cookies[person] ?? ''}` }),
      };
      request(`${origin}/`, { agent, headers }, (answer) => {
        let text = '';
        answer.on('data', (part: Buffer) => (text += part.toString()));
        answer.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>));
      })
        .on('error', reject)
        .end();
    });
  const random = seededRandom('interleaved');
  const asked = Array.from({ length: 300 }, () => {
    const person = Math.floor(random.next() * 7);
    return person === 6 ? undefined : person;
  });
  const answers = await Promise.all(asked.map((person) => ask(person)));
  for (const [at, person] of asked.entries()) {
    if (person === undefined) expect(answers[at]).toMatchObject({ code: 'LOGIN_REQUIRED' });
    else expect(answers[at]).toMatchObject({ 'x-user': `person-${person}` });
  }
  agent.destroy();
});

test('what is sealed opens for what it was sealed for, and no two of it are alike', () => {
  const random = seededRandom('seal');
  const seal = new Seal([SESSION_KEY], random);
  const sealed = Array.from({ length: 50 }, () => seal.seal('ada', 'session'));
  expect(new Set(sealed.map((text) => text.slice(6))).size).toBe(50);
  for (const text of sealed) {
    expect(seal.open(text, 'session')).toBe('ada');
    expect(seal.open(text, 'login')).toBeUndefined();
    const bytes = Buffer.from(text, 'base64url');
    const at = Math.floor(random.next() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
    expect(seal.open(bytes.toString('base64url'), 'session')).toBeUndefined();
  }
});
