import { expect, test } from 'vitest';
import { Browser, type Page } from './browser.fixture.ts';
import { CLIENT_SECRET, foreignProvider, type ForeignProviderOptions } from './foreign-provider.fixture.ts';
import { gateway, oidcSpec, SESSION_KEY } from './oidc-world.fixture.ts';

/** A gateway at which people log in at a provider that is not ours. */
async function world(options: object = {}, of: ForeignProviderOptions = {}) {
  const provider = await foreignProvider(of);
  const served = await gateway([oidcSpec(provider.issuer, options)]);
  await provider.open(served.origin);
  return { ...served, provider };
}

/** Goes to a page and logs in on the way. */
async function loggedIn(
  browser: Browser,
  { origin, callback }: { origin: string; callback: string },
  path = '/orders?a=1',
) {
  const back = await browser.logIn(await browser.visit(origin + path), 'ada', callback);
  const done = await browser.visit(back);
  return { back, done, page: await browser.follow(done) };
}

const told = (page: Page): Record<string, unknown> => JSON.parse(page.text) as Record<string, unknown>;

test('somebody logs in and comes out where he wanted to go; nothing of the login reaches the upstream', async () => {
  const { origin, callback, telemetry, provider } = await world();
  const browser = new Browser();
  const first = await browser.visit(`${origin}/orders?a=1`);
  expect(first.status).toBe(303);
  const asked = new URL(first.location ?? '');
  expect(asked.origin).toBe(provider.issuer);
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    response_type: 'code',
    client_id: 'shop',
    redirect_uri: callback,
    scope: 'openid',
    code_challenge_method: 'S256',
  });
  const back = await browser.logIn(first, 'ada', callback);
  const done = await browser.visit(back);
  expect(done).toMatchObject({ status: 303, location: `${origin}/orders?a=1` });
  expect(done.headers['cache-control']).toBe('no-store');
  const page = await browser.visit(done.location ?? '');
  expect(told(page)).toMatchObject({ url: '/orders?a=1', 'x-user': 'ada' });
  expect(told(page)['cookie']).toBeUndefined();
  // Again, without asking anybody.
  const askedBefore = provider.asked.length;
  expect(told(await browser.visit(`${origin}/orders`))).toMatchObject({ 'x-user': 'ada' });
  expect(provider.asked).toHaveLength(askedBefore);
  // Other cookies go on; a user that is claimed does not.
  browser.cookies(origin).set('theme', 'dark');
  const claimed = await browser.visit(`${origin}/`, { headers: { 'x-user': 'root' } });
  expect(told(claimed)).toMatchObject({ cookie: 'theme=dark', 'x-user': 'ada' });
  const logs = JSON.stringify(telemetry.logs) + JSON.stringify(telemetry.spans);
  for (const secret of [
    CLIENT_SECRET,
    SESSION_KEY,
    new URL(back).searchParams.get('code') ?? '?',
    asked.searchParams.get('state') ?? '?',
  ])
    expect(logs).not.toContain(secret);
});

test('programs are told to log in, and browsers that send forms, not sent elsewhere', async () => {
  const { origin } = await world();
  const browser = new Browser();
  const requests = [
    { headers: { accept: 'application/json' } },
    { headers: { 'sec-fetch-mode': 'cors' } },
    { headers: { 'x-requested-with': 'XMLHttpRequest' } },
    { form: { a: '1' } },
  ];
  for (const visit of requests) {
    const page = await browser.visit(`${origin}/orders`, visit);
    expect(page.status).toBe(401);
    expect(page.headers['www-authenticate']).toBe('Cookie form-action="/oauth2/login", cookie-name="__Host-session"');
    expect(told(page)).toMatchObject({ code: 'LOGIN_REQUIRED', reason: 'missing', login: '/oauth2/login' });
    expect(page.setCookies).toEqual([]);
  }
});

test('two tabs log in at the same time, and both come out where they wanted to', async () => {
  const { origin, callback } = await world();
  const browser = new Browser();
  const [one, two] = [await browser.visit(`${origin}/one`), await browser.visit(`${origin}/two`)];
  // The provider knows one of them before the other has said who he is.
  const backOne = await browser.logIn(one, 'ada', callback);
  const backTwo = await browser.logIn(two, 'ada', callback);
  expect((await browser.visit(backTwo)).location).toBe(`${origin}/two`);
  expect((await browser.visit(backOne)).location).toBe(`${origin}/one`);
  expect([...browser.cookies(origin).keys()].filter((name) => name.includes('login'))).toEqual([]);
  expect(told(await browser.visit(`${origin}/one`))).toMatchObject({ 'x-user': 'ada' });
});

test('logins that nobody finishes do not pile up', async () => {
  const { origin } = await world();
  const browser = new Browser();
  for (let tab = 0; tab < 10; tab += 1) await browser.visit(`${origin}/${tab}`);
  expect(browser.cookies(origin).size).toBe(4);
});

test('a callback counts once, in the browser that has begun it, and not for ever', async () => {
  const { origin, callback, clock } = await world();
  const browser = new Browser();
  const { back } = await loggedIn(browser, { origin, callback });
  // Who goes back in the history is in already.
  expect(await browser.visit(back)).toMatchObject({ status: 303, location: `${origin}/` });
  expect(await new Browser().visit(back)).toMatchObject({ status: 400 });

  const victim = new Browser();
  const attacker = new Browser();
  const stolen = await attacker.logIn(await attacker.visit(`${origin}/`), 'mallory', callback);
  await victim.visit(`${origin}/`);
  const forced = await victim.visit(stolen);
  expect(told(forced)).toMatchObject({ status: 400, code: 'LOGIN_UNKNOWN' });
  expect([...victim.cookies(origin).keys()]).not.toContain('__Host-session');

  // With all the cookies of before: what was used is over.
  const kept = new Map(attacker.cookies(origin));
  expect((await attacker.visit(stolen)).status).toBe(303);
  attacker.jars.set(origin, kept);
  expect((await attacker.visit(stolen)).status).toBe(400);

  const slow = new Browser();
  const late = await slow.logIn(await slow.visit(`${origin}/`), 'ada', callback);
  clock.jump(601_000);
  expect((await slow.visit(late)).status).toBe(400);
});

test('a session that begins is always a new one, whatever cookies there were', async () => {
  const { origin, callback } = await world();
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const before = browser.cookies(origin).get('__Host-session');
  const again = await browser.visit(`${origin}/oauth2/login?to=/two`);
  const done = await browser.visit(await browser.logIn(again, 'ada', callback));
  expect(done.location).toBe(`${origin}/two`);
  expect(browser.cookies(origin).get('__Host-session')).not.toBe(before);
});

test.each([
  ['//evil.test/a', '/'],
  ['https://evil.test', '/'],
  ['/\\evil.test', '/'],
  ['/%09/evil.test', '/%09/evil.test'],
  ['/./\t/evil.test', '/'],
  ['/.//evil.test', '/'],
  ['/a/..//evil.test', '/'],
  ['/oauth2/callback?state=1', '/'],
  ['/oauth2/logout', '/'],
  ['/orders?to=https://evil.test', '/orders?to=https://evil.test'],
])('a login that is to lead to %s leads to %s', async (to, where) => {
  const { origin, callback } = await world();
  const browser = new Browser();
  const begun = await browser.visit(`${origin}/oauth2/login?to=${encodeURIComponent(to)}`);
  const done = await browser.visit(await browser.logIn(begun, 'ada', callback));
  expect(done.headers.location).toBe(where);
});

test('who logs out here is out here, at the provider, and with the cookies that he has kept', async () => {
  const { origin, callback } = await world({ logout: { after: '/bye' } });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const kept = new Map(browser.cookies(origin));
  // Elsewhere is a page that would like to.
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { referer: 'https://evil.test/' },
    { origin: 'null' },
    {},
  ] as Record<string, string>[]) {
    const refused = await browser.visit(`${origin}/oauth2/logout`, { headers });
    expect(told(refused)).toMatchObject({ status: 403, code: 'LOGOUT_REFUSED' });
    expect(refused.setCookies).toEqual([]);
  }
  const out = await browser.visit(`${origin}/oauth2/logout`, {
    form: {},
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  expect(out.status).toBe(303);
  const there = new URL(out.location ?? '');
  expect(there.pathname).toBe('/session/end');
  expect(Object.fromEntries(there.searchParams)).toMatchObject({
    client_id: 'shop',
    post_logout_redirect_uri: `${origin}/bye`,
    id_token_hint: expect.stringMatching(/^ey/),
  });
  expect([...browser.cookies(origin).keys()]).toEqual([]);
  expect((await browser.follow(out)).status).toBe(200);
  expect((await browser.visit(`${origin}/orders`)).status).toBe(303);
  browser.jars.set(origin, kept);
  const replayed = await browser.visit(`${origin}/orders`, { headers: { accept: 'application/json' } });
  expect(told(replayed)).toMatchObject({ status: 401, reason: 'ended' });
});

test('who logs out only here comes out at once', async () => {
  const { origin, callback, provider } = await world({ logout: { provider: false, path: '/out' } });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const asked = provider.asked.length;
  const out = await browser.visit(`${origin}/out`, { headers: { 'sec-fetch-site': 'none' } });
  expect(out).toMatchObject({ status: 303, location: `${origin}/` });
  expect(provider.asked).toHaveLength(asked);
});

test('tokens that end are renewed once, however many requests show them, and the new ones come with the answer', async () => {
  const { origin, callback, clock, provider } = await world({ forward: true }, { accessTokenSeconds: 300 });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const before = new Map(browser.cookies(origin));
  const first = told(await browser.visit(`${origin}/`))['authorization'];
  expect(first).toMatch(/^Bearer /);
  const asks = () => provider.asked.filter((path) => path === '/token').length;
  const asked = asks();
  clock.jump(280_000);
  const pages = await Promise.all(Array.from({ length: 8 }, () => browser.visit(`${origin}/`)));
  expect(asks()).toBe(asked + 1);
  const tokens = new Set(pages.map((page) => told(page)['authorization']));
  expect(tokens.size).toBe(1);
  expect(tokens.has(first)).toBe(false);
  for (const page of pages) expect(page.headers['cache-control']).toBe('no-store');
  expect(browser.cookies(origin).get('__Host-session')).not.toBe(before.get('__Host-session'));
  // A tab that has not heard of it yet shows the old ones, and is not thrown out.
  browser.jars.set(origin, new Map(before));
  expect(tokens.has(told(await browser.visit(`${origin}/`))['authorization'])).toBe(true);
  expect(asks()).toBe(asked + 1);
});

test('tokens that live for seconds are not renewed by each request', async () => {
  const { origin, callback, provider } = await world({}, { accessTokenSeconds: 20 });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const asks = () => provider.asked.filter((path) => path === '/token').length;
  const asked = asks();
  for (let time = 0; time < 3; time += 1) await browser.visit(`${origin}/`);
  expect(asks()).toBe(asked);
});

test('a provider that ends a session ends it here, with its token', async () => {
  const { origin, callback, clock, provider } = await world({}, { accessTokenSeconds: 300 });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  await provider.rotate();
  // Until the token ends: another process might have renewed it.
  clock.jump(290_000);
  expect(told(await browser.visit(`${origin}/`))).toMatchObject({ 'x-user': 'ada' });
  clock.jump(15_000);
  const told401 = await browser.visit(`${origin}/`, { headers: { accept: 'application/json' } });
  expect(told(told401)).toMatchObject({ status: 401, code: 'LOGIN_REQUIRED', reason: 'ended' });
  expect((await browser.visit(`${origin}/`)).status).toBe(303);
});

test('while the provider does not answer, sessions go on until their tokens end; nobody is thrown out', async () => {
  const { origin, callback, clock, provider } = await world({}, { accessTokenSeconds: 300 });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  await provider.stop();
  clock.jump(280_000);
  expect(told(await browser.visit(`${origin}/`))).toMatchObject({ 'x-user': 'ada' });
  clock.jump(30_000);
  expect(told(await browser.visit(`${origin}/`))).toMatchObject({ status: 503, code: 'PROVIDER_UNAVAILABLE' });
  // Who comes now hears that nobody can log in; metadata that were known still lead there.
  expect((await new Browser().visit(`${origin}/`)).status).toBe(303);
});

test('new keys of the provider are found by the token that they have signed', async () => {
  const { origin, callback, clock, provider } = await world();
  await loggedIn(new Browser(), { origin, callback });
  await provider.rotate();
  // Keys are asked for at most every 5 s.
  clock.jump(6_000);
  const { page } = await loggedIn(new Browser(), { origin, callback });
  expect(told(page)).toMatchObject({ 'x-user': 'ada' });
});

test('a session ends when nobody uses it, and after its time in any case', async () => {
  const { origin, callback, clock } = await world({
    session: { keys: [{ env: 'FAIRLEAD_TEST_SESSION_KEY' }], idle: '10m', absolute: '30m' },
    refresh: false,
  });
  const browser = new Browser();
  await loggedIn(browser, { origin, callback });
  const ask = async () => told(await browser.visit(`${origin}/`, { headers: { accept: 'application/json' } }));
  for (let used = 0; used < 3; used += 1) {
    clock.jump(540_000);
    expect(await ask()).toMatchObject({ 'x-user': 'ada' });
  }
  clock.jump(200_000);
  expect(await ask()).toMatchObject({ code: 'LOGIN_REQUIRED', reason: 'expired' });

  const idle = new Browser();
  await loggedIn(idle, { origin, callback });
  clock.jump(601_000);
  const late = await idle.visit(`${origin}/`, { headers: { accept: 'application/json' } });
  expect(told(late)).toMatchObject({ code: 'LOGIN_REQUIRED', reason: 'expired' });
});

test('claims decide who passes: from the ID token, and from userinfo when it is asked', async () => {
  const { origin, callback, provider } = await world(
    {
      userinfo: true,
      scopes: ['email'],
      headers: { 'x-mail': 'email', 'x-user': 'sub' },
      require: { claims: { plan: ['gold'] } },
    },
    { claims: { plan: 'gold', roles: ['clerk'] } },
  );
  const { page } = await loggedIn(new Browser(), { origin, callback });
  expect(told(page)).toMatchObject({ 'x-user': 'ada', 'x-mail': 'ada@shop.test' });
  expect(provider.asked).toContain('/me');
});

test('who may not pass is told so and not sent to log in again', async () => {
  const { origin, callback } = await world({ require: { roles: ['admin'] } }, { claims: { roles: ['clerk'] } });
  const { page } = await loggedIn(new Browser(), { origin, callback });
  expect(told(page)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
});

test('who says no at the provider is told so', async () => {
  const { origin, callback } = await world({ parameters: { prompt: 'none' } });
  const browser = new Browser();
  const back = await browser.logIn(await browser.visit(`${origin}/`), 'ada', callback);
  expect(told(await browser.visit(back))).toMatchObject({
    status: 403,
    code: 'LOGIN_REFUSED',
    error: 'login_required',
  });
});

test('a client without a secret logs in, too', async () => {
  const { origin, callback } = await world({ client: { id: 'shop' } }, { isPublic: true });
  const { page } = await loggedIn(new Browser(), { origin, callback });
  expect(told(page)).toMatchObject({ 'x-user': 'ada' });
});

test('large claims take several cookies; those that are too large are told, and not sent round in a circle', async () => {
  const large = await world({}, { claims: { groups: 'g'.repeat(4_000) } });
  const browser = new Browser();
  const { page } = await loggedIn(browser, large);
  expect(told(page)).toMatchObject({ 'x-user': 'ada' });
  expect([...browser.cookies(large.origin).keys()]).toEqual(
    expect.arrayContaining(['__Host-session.0', '__Host-session.1']),
  );
  const huge = await world({}, { claims: { groups: 'g'.repeat(12_000) } });
  const other = new Browser();
  const back = await other.logIn(await other.visit(`${huge.origin}/`), 'ada', huge.callback);
  expect(told(await other.visit(back))).toMatchObject({ status: 500, code: 'SESSION_TOO_LARGE' });
  const small = await world({ keep: ['email'] }, { claims: { groups: 'g'.repeat(12_000) } });
  expect(told((await loggedIn(new Browser(), small)).page)).toMatchObject({ 'x-user': 'ada' });
});

test('a browser that keeps no session is told so instead of logging in for ever', async () => {
  const { origin, callback } = await world();
  const browser = new Browser();
  const { done } = await loggedIn(browser, { origin, callback });
  browser.cookies(origin).delete('__Host-session');
  const stopped = await browser.visit(done.location ?? '');
  expect(told(stopped)).toMatchObject({ status: 500, code: 'LOGIN_LOOP' });
  // Whoever tries once more may.
  expect((await browser.visit(done.location ?? '')).status).toBe(303);
});
