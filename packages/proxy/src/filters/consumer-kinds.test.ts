import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import type { Passage, Verdict } from '../engine/filter.ts';
import { filterForm } from '../snapshot/filter-form.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { apiKeyHash } from './api-key/api-key.ts';
import { filterWorld, type TestFacts, type TestPassage } from './passage.fixture.ts';

const form = filterForm(FILTER_KINDS);

interface Written {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** What filters, one after the other, say to a request. */
function chain(written: readonly Written[], world = filterWorld()) {
  const filters = written.map((each) => world.make(form.parse(each)));
  return {
    world,
    async ask(
      facts: TestFacts = {},
      edit: (passage: Passage) => void = () => {},
    ): Promise<{ readonly said: string; readonly passage: TestPassage }> {
      const passage = world.passage(facts);
      edit(passage);
      for (const filter of filters) {
        const verdict: Verdict = await filter.request?.(passage);
        if (verdict !== undefined) return { said: `${verdict.status} ${verdict.cause}`, passage };
      }
      for (const filter of filters) filter.answer?.(passage, 200);
      return { said: 'passes', passage };
    },
  };
}

const keyOf = (name: string, more: object = {}) => ({ name, keys: [apiKeyHash(`${name}-key`)], ...more });
const keys = {
  type: 'api-key',
  header: ['apikey', 'x-key'],
  query: 'apikey',
  consumers: [keyOf('ada', { roles: ['admin'], about: { plan: 'gold' } }), keyOf('bob')],
};

test('an API key is looked for in several fields and in a parameter, the first that is there', async () => {
  const { ask } = chain([
    keys,
    { type: 'headers', request: { set: { 'x-plan': '{claim:about.plan}', 'x-roles': '{roles}' } } },
  ]);
  const { passage } = await ask({ headers: { 'x-key': 'ada-key', apikey: '' } });
  expect((await ask({ headers: { 'x-key': 'ada-key' } })).passage.upstream).toEqual(
    new Map([
      ['apikey', undefined],
      ['x-key', undefined],
      ['x-plan', 'gold'],
      ['x-roles', 'admin'],
    ]),
  );
  expect(passage.identity).toBeUndefined();
  expect(
    (await ask({ query: '?apikey=bob-key' }, (each) => (each.upstreamTarget = '/orders?apikey=bob-key&a=1'))).passage,
  ).toMatchObject({
    identity: { consumer: 'bob' },
    upstreamTarget: '/orders?a=1',
  });
  expect((await ask({ headers: { apikey: 'nobody-key' } })).said).toBe('401 KEY_UNKNOWN');
  expect((await ask()).said).toBe('401 KEY_MISSING');
});

test('who proves nothing, or not rightly, may be somebody all the same, and who has proved it already stays', async () => {
  const password = '$scrypt$ln=14,r=8,p=1$' + 'a'.repeat(22) + '$' + 'b'.repeat(43);
  const anonymous = { name: 'guest', roles: ['guest'] };
  const { ask } = chain([
    { ...keys, anonymous },
    { type: 'basic-auth', users: [{ name: 'ada', hash: password }], anonymous },
  ]);
  expect((await ask({ headers: { apikey: 'wrong' } })).passage.identity).toMatchObject({
    consumer: 'guest',
    roles: ['guest'],
  });
  expect((await ask({ headers: { authorization: 'Basic !' } })).passage.identity).toMatchObject({ consumer: 'guest' });
  expect((await ask({ headers: { apikey: 'ada-key' } })).passage.identity).toMatchObject({ consumer: 'ada' });
  expect(form.safeParse({ ...keys, anonymous, optional: true }).success).toBe(false);
});

test('methods that are exempt pass without a proof', async () => {
  const { ask } = chain([{ ...keys, exempt: ['OPTIONS'] }]);
  expect((await ask({ method: 'OPTIONS' })).said).toBe('passes');
  expect((await ask({ method: 'GET' })).said).toBe('401 KEY_MISSING');
});

test('acl lets roles and consumers in or keeps them out, and nobody who has not proved who he is', async () => {
  const said = async (acl: object, headers: Record<string, string>) =>
    (
      await chain([
        { ...keys, optional: true },
        { type: 'acl', ...acl },
      ]).ask({ headers })
    ).said;
  expect(await said({ allow: ['admin'] }, { apikey: 'ada-key' })).toBe('passes');
  expect(await said({ allow: ['admin'] }, { apikey: 'bob-key' })).toBe('403 FORBIDDEN');
  expect(await said({ allow: ['admin'], allowConsumers: ['bob'] }, { apikey: 'bob-key' })).toBe('passes');
  expect(await said({ deny: ['admin'] }, { apikey: 'bob-key' })).toBe('passes');
  expect(await said({ deny: ['admin'] }, { apikey: 'ada-key' })).toBe('403 FORBIDDEN');
  expect(await said({ denyConsumers: ['bob'] }, { apikey: 'bob-key' })).toBe('403 FORBIDDEN');
  expect(await said({ deny: ['admin'] }, {})).toBe('401 IDENTITY_MISSING');
  expect(form.safeParse({ type: 'acl' }).success).toBe(false);
});

test('other filters for some consumers, of whose kinds everything is looked at', async () => {
  const { ask } = chain([
    keys,
    {
      type: 'by-consumer',
      cases: [
        {
          consumers: ['ada'],
          filters: [
            { type: 'headers', request: { set: { 'x-tier': 'one' } }, answer: { set: { 'x-who': '{consumer}' } } },
          ],
        },
        { consumers: ['eve'], filters: [] },
      ],
      otherwise: [{ type: 'ip', deny: ['192.0.2.0/24'], status: 404, detail: 'Nothing here.' }],
    },
  ]);
  const { said, passage } = await ask({ headers: { apikey: 'ada-key' } });
  expect([said, passage.upstream.get('x-tier'), passage.answered.get('x-who')]).toEqual(['passes', 'one', 'ada']);
  expect((await ask({ headers: { apikey: 'bob-key' } })).said).toBe('404 ADDRESS_REFUSED');
  const issues = JSON.stringify(
    form.safeParse({ type: 'by-consumer', cases: [{ consumers: ['a', 'a'], filters: [{ type: 'ipp' }] }] }).error
      ?.issues,
  );
  expect(issues).toContain('"cases",0,"filters",0,"type"');
  expect(issues).toContain('did you mean ip?');
  const twice = form.safeParse({ type: 'by-consumer', cases: [{ consumers: ['a', 'a'], filters: [] }] });
  expect(JSON.stringify(twice.error?.issues)).toContain('has filters of its own already');
});

const secret = 's'.repeat(32);
const tokens = {
  type: 'consumer-token',
  consumers: [
    {
      name: 'ada',
      issuer: 'ada-1',
      keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(secret).toString('base64url') }],
      roles: ['admin'],
      about: { id: '7' },
    },
  ],
  query: 'jwt',
  cookie: 'jwt',
};
const nowS = Date.UTC(2030, 0, 1) / 1_000;

function signed(
  claims: Record<string, unknown>,
  { alg = 'HS256', key = secret }: { readonly alg?: string; readonly key?: string } = {},
): Promise<string> {
  return new SignJWT({ iss: 'ada-1', exp: nowS + 60, ...claims })
    .setProtectedHeader({ alg, kid: 'any' })
    .sign(Buffer.from(key));
}

test.each<[string, Record<string, unknown>, string, object?]>([
  ['is taken', {}, 'passes'],
  ['of nobody known is refused', { iss: 'eve' }, '401 TOKEN_INVALID'],
  ['that has ended is refused', { exp: nowS - 61 }, '401 TOKEN_EXPIRED'],
  ['that has not begun is refused', { nbf: nowS + 61 }, '401 TOKEN_INVALID'],
  ['without an end is refused', { exp: undefined }, '401 TOKEN_INVALID'],
  ['without an end is taken where none is asked for', { exp: undefined }, 'passes', { requireExpiry: false }],
  ['without a beginning is refused where one is asked for', {}, '401 TOKEN_INVALID', { requireNotBefore: true }],
  ['that is good for too long is refused', { exp: nowS + 3_600 }, '401 TOKEN_INVALID', { maxLifetime: '10m' }],
  ['for others is refused', { aud: 'b' }, '401 TOKEN_INVALID', { audience: 'a' }],
  ['is known by another claim', { iss: 'x', who: 'ada-1' }, 'passes', { issuerClaim: 'who' }],
])('a consumer’s token %s', async (_what, claims, wanted, more = {}) => {
  const { ask } = chain([{ ...tokens, ...more }]);
  expect((await ask({ headers: { authorization: `Bearer ${await signed(claims)}` } })).said).toBe(wanted);
});

test('a consumer’s token is found in a field, a parameter and a cookie, and two that differ are refused', async () => {
  const { ask } = chain([tokens]);
  const [one, other] = [await signed({}), await signed({ jti: '2' })];
  expect((await ask({ query: `?jwt=${one}` })).said).toBe('passes');
  expect((await ask({ headers: { cookie: `a=b; jwt=${one}` } })).said).toBe('passes');
  expect((await ask({ headers: { authorization: `bearer ${one}` }, query: `?jwt=${one}` })).said).toBe('passes');
  expect((await ask({ headers: { authorization: `Bearer ${one}` }, query: `?jwt=${other}` })).said).toBe(
    '401 TOKEN_INVALID',
  );
  expect((await ask({})).said).toBe('401 TOKEN_MISSING');
  const { passage } = await ask({ headers: { authorization: `Bearer ${one}` } });
  expect(passage.upstream.has('authorization')).toBe(true);
});

test('what a consumer writes into a token says nothing of who it is here', async () => {
  const { ask } = chain([tokens]);
  const token = await signed({ sub: 'me', about: { id: '1' }, 'about.id': '2', roles: ['root'] });
  const { passage } = await ask({ headers: { authorization: `Bearer ${token}` } });
  expect(passage.identity).toMatchObject({ consumer: 'ada', subject: 'me', roles: ['admin'] });
  expect(passage.identity?.claims['about']).toEqual({ id: '7' });
  expect(passage.identity?.claims['about.id']).toBeUndefined();
});

test('a token signed by another key or algorithm than its consumer’s is refused', async () => {
  const { ask } = chain([tokens]);
  const told = async (token: string) => (await ask({ headers: { authorization: `Bearer ${token}` } })).said;
  expect(await told(await signed({}, { key: 'e'.repeat(32) }))).toBe('401 TOKEN_INVALID');
  expect(await told(await signed({}, { alg: 'HS512', key: 's'.repeat(64) }))).toBe('401 TOKEN_INVALID');
  expect(await told('not.a.token')).toBe('401 TOKEN_INVALID');
});

test('an id is kept when it came and looks like one, and made otherwise', async () => {
  const { ask } = chain([{ type: 'correlation-id', header: 'x-id', generator: 'uuid-counter', echo: true }]);
  const first = (await ask()).passage;
  const second = (await ask()).passage;
  expect(first.upstream.get('x-id')).toMatch(/^[0-9a-f-]{36}#1$/);
  expect(second.upstream.get('x-id')).toBe(first.upstream.get('x-id')?.replace('#1', '#2'));
  expect(first.answered.get('x-id')).toBe(first.upstream.get('x-id'));
  const came = (await ask({ headers: { 'x-id': 'mine' } })).passage;
  expect([came.upstream.has('x-id'), came.answered.get('x-id')]).toEqual([false, 'mine']);
  expect((await ask({ headers: { 'x-id': 'ä' } })).passage.upstream.get('x-id')).toMatch(/#3$/);
});

test.each([
  ['GET', {}, 'passes'],
  ['POST', { 'content-length': '10' }, 'passes'],
  ['POST', { 'content-length': '11' }, '413 BODY_TOO_LARGE'],
  ['POST', { 'transfer-encoding': 'chunked' }, '411 LENGTH_REQUIRED'],
])('request-size says to %s with %o: %s', async (method, headers, wanted) => {
  const { ask } = chain([{ type: 'request-size', max: '10B', requireLength: true }]);
  expect((await ask({ method, headers })).said).toBe(wanted);
});

test('fields of requests are renamed, replaced where they come and filled in where they do not, as filters before left them', async () => {
  const { ask } = chain([
    { type: 'headers', request: { set: { 'x-b': '2' } } },
    {
      type: 'headers',
      request: {
        remove: ['x-gone'],
        rename: { 'x-a': 'x-z' },
        replace: { 'x-b': '3', 'x-none': '4' },
        default: { 'x-b': '5', 'x-c': '6' },
      },
    },
  ]);
  const { passage } = await ask({ headers: { 'x-a': '1', 'x-gone': '0' } });
  expect(Object.fromEntries(passage.upstream)).toEqual({
    'x-b': '3',
    'x-gone': undefined,
    'x-z': '1',
    'x-a': undefined,
    'x-c': '6',
  });
});

test('an answer on a trigger is given to requests with the field or the parameter only', async () => {
  const { ask } = chain([{ type: 'respond', status: 503, when: { header: 'x-stop', query: 'stop' } }]);
  expect((await ask()).said).toBe('passes');
  expect((await ask({ headers: { 'x-stop': '' } })).said).toBe('503 ANSWERED_HERE');
  expect((await ask({ query: '?stop' })).said).toBe('503 ANSWERED_HERE');
});

test('an origin may be an expression, and preflights may go on', async () => {
  const cors = { type: 'cors', origins: [{ regex: 'https://[a-z]+\\.shop\\.test' }], methods: ['PUT'] };
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT' },
  });
  expect((await chain([cors]).ask(preflight('https://a.shop.test'))).said).toBe('204 PREFLIGHT');
  const { passage } = await chain([cors]).ask({ headers: { origin: 'https://a.shop.test' } });
  expect(passage.answered.get('access-control-allow-origin')).toBe('https://a.shop.test');
  const other = await chain([cors]).ask({ headers: { origin: 'https://a.shop.test.evil.test' } });
  expect(other.passage.answered.get('access-control-allow-origin')).toBeUndefined();
  const passed = await chain([{ ...cors, forwardPreflights: true }]).ask(preflight('https://a.shop.test'));
  expect([passed.said, passed.passage.answered.size]).toEqual(['passes', 0]);
});

test('older gateways’ fields tell of each rate and of the tightest; what a limit refuses has its own status', async () => {
  const limit = {
    type: 'rate-limit',
    by: ['consumer', 'ip'],
    rates: [
      { rate: '2/m', name: 'minute' },
      { rate: '9/h', name: 'hour' },
    ],
    headers: 'x-ratelimit',
    status: 503,
    detail: 'Later.',
  };
  const { ask } = chain([{ ...keys, optional: true }, limit]);
  const { passage } = await ask();
  expect(Object.fromEntries(passage.answered)).toEqual({
    'x-ratelimit-limit-minute': '2',
    'x-ratelimit-remaining-minute': '1',
    'x-ratelimit-limit-hour': '9',
    'x-ratelimit-remaining-hour': '8',
    'ratelimit-limit': '2',
    'ratelimit-remaining': '1',
    'ratelimit-reset': '30',
  });
  await ask();
  expect((await ask()).said).toBe('503 RATE_LIMITED');
  // Whoever is known has a limit of his own, at any address.
  expect((await ask({ headers: { apikey: 'ada-key' } })).said).toBe('passes');
});
