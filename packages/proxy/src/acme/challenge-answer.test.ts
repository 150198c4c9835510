import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../snapshot/read-snapshot.ts';
import { acmeStorage } from './acme-storage.ts';
import { challengeAnswer } from './challenge-answer.ts';

const TOKEN = 'DGyRejmCefe7v4NfDGDKfA-token';

test('a proof that was begun is answered whatever the routes are, all else is theirs', async () => {
  const storage = await mkdtemp(join(tmpdir(), 'fairlead-proof-'));
  const acme = { names: ['a.test'], storage, agreedToTerms: true };
  const { listeners } = snapshotFrom(
    {
      listeners: [
        { name: 'door', address: ':0', tls: { acme } },
        { name: 'plain', address: ':0' },
      ],
      routes: [{ name: 'all', filters: [{ type: 'respond', status: 204 }] }],
      clusters: {},
    },
    { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
  );
  const spec = listeners[0]?.tls?.acme;
  expect(spec).toBeDefined();
  const ask = (path: string, method = 'GET') => challengeAnswer({ method, path }, listeners);
  expect(ask(`/.well-known/acme-challenge/${TOKEN}`)).toBeUndefined();
  const withdraw = await acmeStorage(spec!, { clock: virtualClock(), random: seededRandom('proof') }).publish(
    TOKEN,
    `${TOKEN}.thumbprint`,
  );
  expect(ask(`/.well-known/acme-challenge/${TOKEN}`)).toMatchObject({ status: 200, body: `${TOKEN}.thumbprint` });
  expect(ask(`/.well-known/acme-challenge/${TOKEN}`, 'POST')).toBeUndefined();
  expect(ask(`/.well-known/acme-challenge/else-${TOKEN}`)).toBeUndefined();
  expect(ask(`/else/${TOKEN}`)).toBeUndefined();
  await withdraw();
  await rm(storage, { recursive: true });
});
