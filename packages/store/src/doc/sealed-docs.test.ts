import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { keyRing } from '../encryption/key-ring.ts';
import { tenantKeys } from '../encryption/tenant-keys.ts';
import { testDatabase } from '../testing/index.ts';
import { docs } from './docs.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });
const acme = ctx.derive({ tenant: 'acme' });

test('a sealed body is ciphertext in the table, opens for its tenant, and is gone with its keys', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const keys = tenantKeys({ database, provider: keyRing(`k:${Buffer.alloc(32, 5).toString('base64')}`) });
  const sealed = docs('profile', { seal: keys });
  const closed = docs('profile');
  await database.tx(acme, async (tx) => {
    await sealed.put(tx, 'ann', { iban: 'DE02' });
    await sealed.putMany(tx, [
      { key: 'bob', body: { iban: 'DE03' } },
      { key: 'cid', body: null },
    ]);
  });
  const { rows } = await database.query(ctx, 'select body from fairlead_doc');
  expect(JSON.stringify(rows)).not.toContain('iban');
  expect(await sealed.get({ ctx: acme, database }, 'ann')).toMatchObject({ body: { iban: 'DE02' }, sealed: 'opened' });
  const { docs: all } = await sealed.list({ ctx: acme, database });
  expect(all.map(({ body }) => body)).toEqual([{ iban: 'DE02' }, { iban: 'DE03' }, null]);
  expect(await closed.get({ ctx: acme, database }, 'ann')).toMatchObject({ body: undefined, sealed: 'closed' });

  // Ciphertext that was moved to another document does not open there.
  await database.query(
    ctx,
    `update fairlead_doc d set body = o.body from fairlead_doc o where d.key = 'ann' and o.key = 'bob'`,
  );
  await expect(sealed.get({ ctx: acme, database }, 'ann')).rejects.toMatchObject({ code: 'SEAL_BROKEN' });

  await keys.shred(ctx, 'acme');
  expect(await sealed.get({ ctx: acme, database }, 'bob')).toMatchObject({ body: undefined, sealed: 'shredded' });
});
