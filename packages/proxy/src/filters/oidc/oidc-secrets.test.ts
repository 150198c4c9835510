import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '@fairlead/core';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { startEngine } from '../../engine/engine.ts';
import { describeSnapshot } from '../../explain/describe-snapshot.ts';
import { loadSnapshot } from '../../snapshot/load-snapshot.ts';

const KEY = 'a key of sessions with enough letters';
const SECRET = 'a secret of the client';
const OIDC = {
  type: 'oidc',
  issuer: 'http://127.0.0.1:1',
  client: { id: 'shop', secret: { file: 'secrets/client' } },
  session: { keys: [{ file: 'secrets/session' }] },
};

/** A configuration in a folder of its own, with files of secrets beside it. */
async function world(filter: object = OIDC, files: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-oidc-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'secrets'));
  for (const [name, text] of Object.entries({ client: `${SECRET}\n`, session: `${KEY}\n`, ...files }))
    await writeFile(join(folder, 'secrets', name), text);
  const file = join(folder, 'gateway.json');
  const clock = realClock();
  await writeFile(
    file,
    JSON.stringify({
      listeners: [{ name: 'web', address: '127.0.0.1:0' }],
      routes: [{ name: 'all', to: 'shop', filters: [filter] }],
      clusters: { shop: { endpoints: ['http://127.0.0.1:1'] } },
    }),
  );
  const snapshot = await loadSnapshot(file, { clock });
  const start = () => startEngine({ snapshot, clock, random: realRandom(), telemetry: noTelemetry() });
  return { snapshot, start };
}

test('secrets are looked for beside the configuration, and stand nowhere in it', async () => {
  const within = { type: 'when', is: { path: '/account' }, filters: [OIDC] };
  for (const filter of [OIDC, { type: 'any-of', of: [OIDC] }, within]) {
    const { snapshot, start } = await world(filter);
    await using _engine = await start();
    const { listeners: _tables, ...rest } = snapshot;
    const shown = JSON.stringify([rest, describeSnapshot(snapshot)]);
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain(KEY);
  }
});

test.each([
  [
    'is not there',
    { ...OIDC, client: { id: 'shop', secret: { file: 'secrets/none' } } },
    {},
    /secrets\/none, which should hold the secret of the client shop, can't be read \(ENOENT\)/,
  ],
  ['is empty', OIDC, { client: '\n' }, /secrets\/client, which should hold the secret of the client shop, is empty/],
  [
    'is in no variable',
    { ...OIDC, client: { id: 'shop', secret: { env: 'FAIRLEAD_TEST_NOTHING' } } },
    {},
    /FAIRLEAD_TEST_NOTHING, which should hold/,
  ],
  ['is too short', OIDC, { session: 'short-key' }, /fewer than 32 characters/],
])('a gateway does not start with a secret that %s, and says nothing of it', async (_what, filter, files, message) => {
  const { start } = await world(filter, files);
  const failure: unknown = await start().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: 'SNAPSHOT_INVALID', message });
  expect(String(failure)).not.toMatch(/short-key|a secret of the client/);
});

test.each([
  ['a provider without TLS', { issuer: 'http://login.test' }, 'must be https'],
  ['a provider that is no URL', { issuer: 'login' }, 'write a URL'],
  ['a secret in the configuration', { client: { id: 'shop', secret: 'hush' } }, 'client.secret'],
  ['no key of sessions', { session: { keys: [] } }, 'keys'],
  ['a parameter of the protocol’s own', { parameters: { state: 'x' } }, 'is set by the protocol itself'],
  ['two paths that are one', { callback: '/a', login: '/a' }, 'need a path each'],
  ['a callback elsewhere', { callback: '//evil.test/a' }, 'write a path'],
  [
    'an idle time beyond all',
    { session: { ...OIDC.session, idle: '2h', absolute: '1h' } },
    'longer than any session lasts',
  ],
  ['a way to show no secret', { client: { id: 'shop', auth: 'post' } }, 'there is none'],
])('%s is refused', async (_what, options, message) => {
  await expect(world({ ...OIDC, ...options })).rejects.toThrow(message);
});
