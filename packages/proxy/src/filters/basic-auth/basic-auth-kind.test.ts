import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { answering, get, OK, running } from '../../engine/engine.fixture.ts';
import { filterWorld } from '../passage.fixture.ts';
import { basicAuthKind } from './basic-auth-kind.ts';
import { basicCredentials } from './basic-credentials.ts';
import { PasswordChecks } from './password-checks.ts';
import { isPassword, newPasswordHash, readPasswordHash, type PasswordHash } from './password-hash.ts';
import { Recent } from './recent.ts';

/** Of "password", as passlib's documentation has it. */
const OF_PASSLIB = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const spec = (options: object = {}) => ({ type: 'basic-auth', users: [{ name: 'ada', hash: OF_PASSLIB }], ...options });

function hashOf(text: string): PasswordHash {
  const read = readPasswordHash(text);
  if (typeof read === 'string') throw new Error(read);
  return read;
}

test('hashes of other libraries are understood, and those of ours are another each time', async () => {
  expect(await isPassword('password', hashOf(OF_PASSLIB))).toBe(true);
  expect(await isPassword('Password', hashOf(OF_PASSLIB))).toBe(false);
  const random = seededRandom(1);
  const [first, second] = [await newPasswordHash('pässword', random), await newPasswordHash('pässword', random)];
  expect(first).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(second).not.toBe(first);
  // As another keyboard writes it.
  expect(await isPassword('pa\u0308ssword', hashOf(first))).toBe(true);
});

test.each([
  ['a password', 'secret', 'is no hash of scrypt'],
  ['another hash', '$2b$12$abcdefghijklmnopqrstuv', 'is no hash of scrypt'],
  ['too cheap', OF_PASSLIB.replace('ln=16', 'ln=10'), 'too cheap'],
  ['no round', OF_PASSLIB.replace('p=1', 'p=0'), 'too cheap'],
  ['too large', OF_PASSLIB.replace('ln=16', 'ln=20'), 'too costly'],
  ['too many rounds', OF_PASSLIB.replace('p=1', 'p=99'), 'too costly'],
])('%s is no hash that is taken', (_what, hash, message) => {
  const faults = basicAuthKind.schema.safeParse(spec({ users: [{ name: 'ada', hash }] })).error?.issues;
  expect(JSON.stringify(faults)).toContain(message);
});

test.each([
  ['user and password', basic('ada:secret'), { user: 'ada', password: 'secret' }],
  ['a colon in the password', basic('ada:a:b'), { user: 'ada', password: 'a:b' }],
  ['nothing', basic(':'), { user: '', password: '' }],
  ['letters beyond ASCII', basic('zoe\u0308:ü€'), { user: 'zo\u00eb', password: 'ü€' }],
  ['the scheme in capitals', basic('a:b').toUpperCase().replace(/ .*/, ' YTpi'), { user: 'a', password: 'b' }],
  ['another scheme', 'Bearer abc', undefined],
  ['a scheme that begins alike', 'Basically YTpi', undefined],
  ['the scheme alone', 'Basic', 'malformed'],
  ['no colon', basic('ada'), 'malformed'],
  ['no base64', 'Basic a b', 'malformed'],
  ['no UTF-8', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`, 'malformed'],
  ['a control character', basic('ada:a\nb'), 'malformed'],
  ['too much', basic(`ada:${'x'.repeat(1_000)}`), 'malformed'],
])('of %s', (_what, value, credentials) => {
  expect(basicCredentials(value)).toEqual(credentials);
});

test('who asks is known, and the password goes no further', async () => {
  const world = filterWorld();
  const users = [{ name: 'ada', hash: OF_PASSLIB, tenant: 'acme', roles: ['clerk'] }];
  const filter = basicAuthKind.make(basicAuthKind.schema.parse(spec({ users })), world);
  const ask = (value?: string) => {
    const passage = world.passage(value === undefined ? {} : { headers: { authorization: value } });
    return { passage, verdict: filter.request?.(passage) };
  };
  const first = ask(basic('ada:password'));
  expect(first.verdict).toBeInstanceOf(Promise);
  expect(await first.verdict).toBeUndefined();
  expect(first.passage.identity).toMatchObject({ consumer: 'ada', tenant: 'acme', roles: ['clerk'] });
  expect(first.passage.upstream.has('authorization')).toBe(true);
  // What was verified needs no waiting, after a change of what isn't about passwords either.
  expect(ask(basic('ada:password')).verdict).toBeUndefined();
  const next = basicAuthKind.make(basicAuthKind.schema.parse(spec({ realm: 'other' })), world);
  const passage = world.passage({ headers: { authorization: basic('ada:password') } });
  expect(next.request?.(passage)).toBeUndefined();
  expect(passage.identity).toMatchObject({ consumer: 'ada', roles: [] });

  expect(await ask(basic('ada:wrong')).verdict).toMatchObject({ status: 401, cause: 'PASSWORD_WRONG' });
  // And one that was wrong is not looked at again.
  expect(ask(basic('ada:wrong')).verdict).toMatchObject({ cause: 'PASSWORD_WRONG' });
  expect(await ask(basic('bob:password')).verdict).toMatchObject({ cause: 'PASSWORD_WRONG' });
  expect(ask('Basic ?').verdict).toMatchObject({ cause: 'PASSWORD_WRONG' });
  expect(ask('Bearer a').verdict).toMatchObject({ cause: 'PASSWORD_MISSING' });
  expect(ask().verdict).toMatchObject({ fields: { 'www-authenticate': 'Basic realm="orders", charset="UTF-8"' } });
});

test('without a user, optional lets through as nobody; another realm breaks no line; a user is there once', () => {
  const world = filterWorld();
  const made = (options: object) => basicAuthKind.make(basicAuthKind.schema.parse(spec(options)), world);
  const passage = world.passage({ headers: { authorization: 'Bearer a' } });
  expect(made({ optional: true }).request?.(passage)).toBeUndefined();
  expect(passage.identity).toBeUndefined();
  expect(passage.upstream.has('authorization')).toBe(false);
  expect(made({ realm: 'the "shop"' }).request?.(world.passage())).toMatchObject({
    fields: { 'www-authenticate': 'Basic realm="the \\"shop\\"", charset="UTF-8"' },
  });
  const users = ['zo\u00eb', 'zoe\u0308'].map((name) => ({ name, hash: OF_PASSLIB }));
  expect(JSON.stringify(basicAuthKind.schema.safeParse(spec({ users })).error?.issues)).toContain('twice');
});

test('the same question is asked once, and too many at once are not', async () => {
  const hashes = new Map([['ada', hashOf(OF_PASSLIB.replace('ln=16', 'ln=14'))]]);
  const checks = new PasswordChecks(hashes, seededRandom(1), { maxWaiting: 2 });
  const asked = checks.check({ user: 'ada', password: 'x' });
  expect(checks.check({ user: 'ada', password: 'x' })).toBe(asked);
  const others = Array.from({ length: 3 }, async (_, index) => checks.check({ user: 'ada', password: `${index}` }));
  expect(checks.check({ user: 'ada', password: 'one more' })).toBe('busy');
  // What is known is told all the same.
  await asked;
  expect(checks.check({ user: 'ada', password: 'x' })).toBe(false);
  expect(new Set(await Promise.all(others))).toEqual(new Set([false]));
  expect(await checks.check({ user: 'ada', password: 'one more' })).toBe(false);
});

test('what nobody asks for is forgotten, and no more is kept than said', () => {
  const recent = new Recent<number>(4);
  for (const [index, key] of ['a', 'b', 'c'].entries()) recent.set(key, index);
  expect(recent.get('a')).toBe(0);
  for (const key of ['d', 'e', 'f']) recent.set(key, 1);
  expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => recent.get(key) !== undefined)).toEqual(['d', 'e', 'f']);
});

test('a real upstream is asked without the password', async () => {
  const shop = await answering(OK);
  const { client } = await running({
    clusters: { shop: { endpoints: [shop.origin] } },
    filters: [spec(), { type: 'headers', request: { set: { 'x-who': '{consumer}' } } }],
  });
  await client()
    .send(get('/', `Authorization: ${basic('ada:password')}`))
    .got(/ok$/);
  const { text } = await shop.socket(0);
  expect(text).toContain('x-who: ada\r\n');
  expect(text.toLowerCase()).not.toContain('authorization');
  expect(await client().send(get('/')).got('"detail"')).toContain(
    'www-authenticate: Basic realm="all", charset="UTF-8"',
  );
});
