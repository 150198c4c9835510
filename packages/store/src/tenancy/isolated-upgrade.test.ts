import { readdir, readFile } from 'node:fs/promises';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { uniqueSuffix } from '../embedded/secret.ts';
import { migrate, storeMigrations, type MigrationFile } from '../migrate/migrate.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { testServer } from '../testing/test-server.ts';
import { installTenancy } from './install-tenancy.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

async function files(): Promise<MigrationFile[]> {
  const { from } = storeMigrations();
  if (!(from instanceof URL)) throw new Error('The set is a directory.');
  const names = (await readdir(from)).filter((name) => name.endsWith('.sql'));
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(new URL(name, from), 'utf8') })));
}

test('a store that an earlier release isolated has what is new isolated by its upgrade, with what lies there', async () => {
  const { adminUrl, ownerUrl, runtimeUrl } = await testServer();
  const name = `isolated_${uniqueSuffix()}`;
  await using admin = await connectAdmin(adminUrl);
  await admin.run(`create database ${name} owner test_owner`);
  try {
    const [mine, url] = [ownerUrl, runtimeUrl].map((at) => rewriteDatabaseUrl(at, { database: name }));
    await using owner = openDatabase({ url: mine!, name: 'owner', clock });
    await owner.query(ctx, 'alter default privileges grant select, insert, update, delete on tables to test_runtime');
    await owner.query(ctx, 'alter default privileges grant usage on sequences to test_runtime');
    const all = await files();
    const earlier = all.filter((file) => file.name < '0013');
    await migrate(ctx, owner, { set: 'fairlead', from: earlier });
    await owner.query(ctx, 'select fairlead.isolate_store()');
    await installTenancy(ctx, owner, { url: url! });
    await using database = openDatabase({ url: url!, name: 'shop', clock, tenancy: 'rows' });
    // What the statements of that release wrote.
    for (const [index, tenant] of ['ann', 'bob'].entries()) {
      const as = ctx.derive({ tenant });
      const id = `00000000-0000-7000-8000-00000000000${index}`;
      await database.tx(as, async (tx) => {
        await tx.query(
          `insert into fairlead_job (id, queue, tenant, state, priority, payload, origin, enqueued_at, max_attempts)
             values ($1, 'whole', $2, 'ready', 0, '{}', '{}', fairlead.now(), 1)`,
          [id, tenant],
        );
        await tx.query(`insert into fairlead_scatter (id, queue, parts, quorum) values ($1, 'whole', 1, 1)`, [id]);
        await tx.query(`insert into fairlead_scatter_part (scatter, place, result) values ($1, 0, '"secret"')`, [id]);
      });
    }
    await migrate(ctx, owner, { set: 'fairlead', from: all });
    for (const tenant of ['ann', 'bob']) {
      const as = ctx.derive({ tenant });
      const parts = await database.query(as, 'select tenant from fairlead_scatter_part where place = $1', [0]);
      expect(parts.rows).toEqual([{ tenant }]);
      expect((await database.query(as, 'select tenant from fairlead_scatter')).rows).toEqual([{ tenant }]);
    }
  } finally {
    await admin.run(`drop database if exists ${name} with (force)`);
  }
});
