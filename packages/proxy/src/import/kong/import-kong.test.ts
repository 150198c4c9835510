import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { realTurn, virtualClock } from '@fairlead/core';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { loadSnapshot } from '../../snapshot/load-snapshot.ts';
import { importFile } from '../import-file.ts';
import { importKong } from './import-kong.ts';
import { kongAtWork, kongFaults } from './kong-at-work.fixture.ts';

const EXAMPLE = fileURLToPath(new URL('../../../fixtures/kong/users-and-orders.yaml', import.meta.url));
const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });

test('an example of two services runs as it is: tokens, limits, and pages of another origin', async () => {
  const text = readFileSync(EXAMPLE, 'utf8');
  // Nobody is called user-service here: the request is answered with 503, and the start is not held up.
  const bare = await kongAtWork(text);
  expect((await bare.ask({ request: 'GET /users' })).status).toBe(401);
  const asking = bare.ask({ request: 'GET /orders/7', headers: { origin: 'https://example.com' } });
  let isOver = false;
  void asking.finally(() => (isOver = true));
  // Its retries wait by the clock.
  while (!isOver) {
    await bare.clock.advance(1_000);
    await realTurn();
  }
  const order = await asking;
  expect([
    order.status,
    order.headers['access-control-allow-origin'],
    order.headers['x-ratelimit-remaining-minute'],
  ]).toEqual([503, 'https://example.com', '29']);

  const secret = 'a-secret-of-two-and-thirty-bytes';
  const served = text.replaceAll(/http:\/\/[a-z-]+:8080/g, 'SERVICE');
  const { ask } = await kongAtWork(`${served}
consumers:
  - { username: ada, jwt_secrets: [{ key: ada-app, secret: ${secret} }] }
`);
  const nowS = Date.UTC(2030, 0, 1) / 1_000;
  const token = await new SignJWT({ iss: 'ada-app', exp: nowS + 60, nbf: nowS })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
  const users = () => ask({ request: 'GET /users/7', headers: { authorization: `Bearer ${token}` } });
  const first = await users();
  expect([first.status, first.seen?.target, first.headers['x-ratelimit-remaining-minute']]).toEqual([
    200,
    '/users/7',
    '59',
  ]);
  for (let count = 1; count < 60; count += 1) await users();
  expect((await users()).status).toBe(429);
  const preflight = { origin: 'https://example.com', 'access-control-request-method': 'DELETE' };
  const asked = await ask({ request: 'OPTIONS /orders', headers: preflight });
  expect([asked.status, asked.headers['access-control-allow-methods']]).toEqual([204, 'GET, POST, PUT, DELETE']);
  expect((await ask({ request: 'GET /orders', headers: { origin: 'https://example.com' } })).headers).toMatchObject({
    'access-control-allow-origin': 'https://example.com',
    'x-ratelimit-limit-minute': '30',
  });
});

test('what is imported and written means what the file means, and says what is otherwise by its lines', async () => {
  const { of, text, notes } = await importFile(EXAMPLE, { origin: 'kong.yaml' });
  expect(of).toBe('Kong');
  expect(notes.map(({ line, what }) => `${line} ${what}`)).toContain('14 plugin rate-limiting of service user-service');
  expect(text).toMatch(/^# Imported from kong\.yaml, a configuration of Kong\.\n/);
  expect(text).toContain('  # line 24\n  - name: order-api');
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-import-'));
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
  const [written, read] = await Promise.all([loadSnapshot(file, { clock }), loadSnapshot(EXAMPLE, { clock })]);
  expect(written.hash).toBe(read.hash);
  expect([written.imported, read.imported?.of]).toEqual([undefined, 'Kong']);
  await expect(importFile(file)).rejects.toThrow(/is a configuration of Fairlead already/);
});

const service = (more: string) => `_format_version: "3.0"
services:
  - name: one
    url: http://one.test
${more}`;

test.each([
  ['bad YAML', 'services: [', [/^1: /]],
  [
    'another version',
    '_format_version: "9.9"\nservices: []',
    [/^1: _format_version: must be "1\.1", "2\.1" or "3\.0"/],
  ],
  ['an unknown key, with the nearest', service('    path_x: /a'), [/^5: services\[0\]\.path_x: is no known key/]],
  [
    'a plugin that is nearly one',
    service('    plugins: [{ name: rate-limitin }]'),
    [/^5: .*did you mean rate-limiting\?/],
  ],
  ['a plugin that runs code', service('    plugins: [{ name: post-function, config: {} }]'), [/^5: .*runs code/]],
  [
    'an option of a plugin that is none',
    service('    plugins: [{ name: cors, config: { origin: [a] } }]'),
    [/^5: .*config\.origin: is no known key; did you mean "origins"\?/],
  ],
  [
    'contradictory limits',
    service('    plugins: [{ name: rate-limiting, config: { second: 10, hour: 5 } }]'),
    [/^5: .*config\.hour: is 5, below the 10 of one second/],
  ],
  ['no limit', service('    plugins: [{ name: rate-limiting, config: { policy: local } }]'), [/limits nothing/]],
  [
    'an expression that could run away',
    service(String.raw`    routes: [{ name: r, paths: ['~/(a)\1'] }]`),
    [/^5: services\[0\]\.routes\[0\]\.paths\[0\]: refers back to a group/],
  ],
  [
    'an expression that looks ahead',
    service(String.raw`    routes: [{ name: r, paths: ['~/(?!a)'] }]`),
    [/looks ahead or behind/],
  ],
  ['a route that matches nothing', service('    routes: [{ name: r }]'), [/matches nothing/]],
  [
    'a reference that leads nowhere',
    'routes: [{ name: r, paths: [/], service: tow }]\nservices: [{ name: two, url: http://two.test }]',
    [/^1: routes\[0\]\.service: there is no service "tow".*did you mean two\?/],
  ],
  [
    'a name twice',
    'services: [{ name: a, url: http://a.test }, { name: a, url: http://b.test }]',
    [/there is a service "a" already/],
  ],
  ['bare connections', service('    routes: [{ name: r, protocols: [tcp], paths: [/] }]'), [/not bare connections/]],
  [
    'a certificate without its key',
    '_format_version: "3.0"\ncertificates: [{ cert: abc }]',
    [/^2: certificates\[0\]: is a certificate without its key/],
  ],
  [
    'a secret that can be guessed',
    service('    plugins: [{ name: jwt }]\nconsumers: [{ username: a, jwt_secrets: [{ key: k, secret: short }] }]'),
    [/^6: .*secret: is 5 bytes long; HS256 needs 32/],
  ],
  [
    'body edits',
    service('    plugins: [{ name: request-transformer, config: { add: { body: ["a:b"] } } }]'),
    [/edits bodies/],
  ],
  [
    'credentials for all origins',
    service('    plugins: [{ name: cors, config: { credentials: true } }]'),
    [/lets pages of any origin act/],
  ],
  ['a plugin twice', service('    plugins: [{ name: cors }, { name: cors }]'), [/is there twice/]],
  [
    'a plugin for a consumer that works before he is known',
    service('    routes: [{ name: r, paths: [/] }]\nconsumers: [{ username: a, plugins: [{ name: key-auth }] }]'),
    [/can not be for one consumer/],
  ],
])('%s is refused with its line and the reason', (_what, text, wanted) => {
  const faults = kongFaults(text);
  for (const each of wanted) expect(faults.join('\n')).toMatch(each);
  expect(faults.length).toBeGreaterThan(0);
});

test('everything that is wrong is said at once, in the order of the lines', () => {
  const faults = kongFaults(
    service(
      '    retries: x\n    plugins:\n      - { name: cors, config: { max_age: yes } }\n      - { name: nothing-like-it }',
    ),
  );
  expect(faults.map((line) => line.split(':')[0])).toEqual(['5']);
  const more = kongFaults(service('    plugins:\n      - { name: nothing-like-it }\n      - { name: post-function }'));
  expect(more.map((line) => line.split(':')[0])).toEqual(['6', '7']);
});

test('the environment is read where a file refers to it, as Kong and as decK do', async () => {
  const text = `_format_version: "3.0"
# \${{ env "DECK_UNUSED" }}
services:
  - name: one
    url: SERVICE
    retries: \${{ env "DECK_RETRIES" }}
    routes: [{ name: r, paths: ["\${{ env "DECK_PATH" }}"] }]
    plugins: [{ name: key-auth }]
consumers:
  - username: ada
    keyauth_credentials: [{ key: "{vault://env/ada-key}" }, { key: "{vault://env/more/second}" }]
`;
  const env = { DECK_RETRIES: '3', DECK_PATH: '/p', ADA_KEY: 'k1', MORE: '{"second":"k2"}' };
  const { ask, imported } = await kongAtWork(text, { env });
  expect(imported.written.clusters['one']?.policy).toEqual({ retry: { attempts: 4 } });
  expect((await ask({ request: 'GET /p', headers: { apikey: 'k1' } })).status).toBe(200);
  expect((await ask({ request: 'GET /p', headers: { apikey: 'k2' } })).status).toBe(200);
  expect(kongFaults(text, {})).toEqual([
    expect.stringContaining('6: : the environment has no DECK_RETRIES'),
    expect.stringContaining('DECK_PATH'),
  ]);
  expect(kongFaults(text, { ...env, ADA_KEY: undefined as never }).join()).toMatch(
    /^11: .*refers to ADA_KEY, which the environment has not/,
  );
  expect(kongFaults(text.replace('vault://env/ada', 'vault://aws/ada'), env).join()).toContain(
    'only the environment is read here',
  );
  expect(kongFaults(text.replace('DECK_PATH', 'HOME'), env).join()).toContain('does not begin with DECK_');
});

test('nobody must set variables for certificates, which are left out', async () => {
  const text = `_format_version: "3.0"
services: [{ name: one, url: SERVICE, routes: [{ name: a, paths: [/a] }] }]
certificates:
  - cert: "{vault://env/cert}"
    key: "{vault://aws/key}"
    tags: null
    snis: [{ name: "{vault://env/host}" }]
`;
  const { ask, imported } = await kongAtWork(text);
  expect((await ask({ request: 'GET /a' })).status).toBe(200);
  expect(imported.notes.map(({ line }) => line)).toContain(4);
});

test('the salt of a password is the same at each start, and says nothing of the password', () => {
  const hashOf = (password: string, username = 'ada', who = 'username: ada') => {
    const { written } = importKong(
      service(`    routes: [{ name: r, paths: [/] }]
    plugins: [{ name: basic-auth }]
consumers: [{ ${who}, basicauth_credentials: [{ username: ${username}, password: ${password} }] }]
`),
      { file: 'kong.yaml', env: {}, include: () => [] },
    );
    return /\$scrypt\$ln=14,r=8,p=1\$([^$]+)\$([^"]+)/.exec(JSON.stringify(written))?.slice(1) ?? [];
  };
  const [salt, derived] = hashOf('one');
  expect(hashOf('one')).toEqual([salt, derived]);
  expect(hashOf('two')[0]).toBe(salt);
  expect(hashOf('two')[1]).not.toBe(derived);
  expect(hashOf('one', 'eve')[0]).not.toBe(salt);
  expect(hashOf('one', 'ada', 'username: bob')[0]).not.toBe(salt);
});

test('a hundred thousand aliases, or a thousand routes, are no reason to hang', () => {
  const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghij'
    .split('')
    .map(
      (name, at) =>
        `${name}: &${name} [${'abcdefghi'.charAt(at) === '' ? '' : Array.from({ length: 9 }, () => `*${'abcdefghi'.charAt(at)}`).join(',')}]`,
    )
    .join('\n')}\nservices: *j\n`;
  expect(kongFaults(bomb).length).toBeGreaterThan(0);
  const routes = Array.from({ length: 1_000 }, (_, at) => `      - { name: r${at}, paths: [/r${at}] }`).join('\n');
  expect(kongFaults(service(`    routes:\n${routes}`))).toEqual([]);
});

test('plugins for everything are written once, above all routes, however many there are', async () => {
  const { imported, ask } = await kongAtWork(`_format_version: "3.0"
services:
  - { name: one, url: SERVICE, routes: [{ name: a, paths: [/a] }] }
  - { name: two, url: SERVICE/v2, routes: [{ name: b, paths: [/b], plugins: [{ name: ip-restriction, config: { deny: [127.0.0.1] } }] }] }
plugins: [{ name: key-auth }]
consumers: [{ username: ada, keyauth_credentials: [{ key: ada-key }] }]
`);
  expect(imported.written.filters?.map(({ type }) => type)).toEqual(['api-key', 'headers']);
  expect(imported.written.routes.map(({ filters = [] }) => filters.map(({ type }) => type))).toEqual([
    ['rewrite'],
    ['ip', 'rewrite'],
  ]);
  const headers = { apikey: 'ada-key' };
  expect((await ask({ request: 'GET /a/1', headers })).seen?.target).toBe('/1');
  expect((await ask({ request: 'GET /a/1' })).status).toBe(401);
  expect((await ask({ request: 'GET /b', headers })).status).toBe(403);
});

test('secrets may be base64, and keys public ones', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString().trim().replaceAll('\n', '\n          ');
  const bytes = Buffer.alloc(32, 7);
  const { ask } = await kongAtWork(`_format_version: "3.0"
services:
  - { name: one, url: SERVICE, routes: [{ name: a, paths: [/a] }], plugins: [{ name: jwt, config: { secret_is_base64: true } }] }
consumers:
  - username: ada
    jwt_secrets:
      - { key: shared, secret: "${bytes.toString('base64')}" }
      - key: public
        algorithm: RS256
        rsa_public_key: |
          ${pem}
`);
  const told = async (token: string) =>
    (await ask({ request: 'GET /a', headers: { authorization: `Bearer ${token}` } })).status;
  expect(await told(await new SignJWT({ iss: 'shared' }).setProtectedHeader({ alg: 'HS256' }).sign(bytes))).toBe(200);
  expect(await told(await new SignJWT({ iss: 'public' }).setProtectedHeader({ alg: 'RS256' }).sign(privateKey))).toBe(
    200,
  );
  // A public key is no secret.
  const forged = new SignJWT({ iss: 'public' }).setProtectedHeader({ alg: 'HS256' });
  expect(await told(await forged.sign(Buffer.from(pem)))).toBe(401);
});

test('plugins of routes without names count apart, and those of one service count together', async () => {
  const limit = '{ name: rate-limiting, config: { hour: 1 } }';
  const { ask } = await kongAtWork(`_format_version: "3.0"
services:
  - url: SERVICE
    name: one
    routes:
      - { paths: [/a], plugins: [${limit}] }
      - { paths: [/b], plugins: [${limit}] }
  - { url: SERVICE, name: two, plugins: [${limit}], routes: [{ name: c, paths: [/c] }, { name: d, paths: [/d] }] }
`);
  const statuses = [];
  for (const path of ['/a', '/b', '/a', '/c', '/d']) statuses.push((await ask({ request: `GET ${path}` })).status);
  expect(statuses).toEqual([200, 200, 429, 200, 429]);
});
