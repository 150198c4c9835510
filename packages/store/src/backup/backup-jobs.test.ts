import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { docs } from '../doc/docs.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { enqueue } from '../job/enqueue.ts';
import { handle, queue } from '../job/queue.ts';
import { worker } from '../job/worker.ts';
import { leases } from '../lease/leases.ts';
import { storeMigrations } from '../migrate/migrate.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase } from '../testing/index.ts';
import { backupDatabase, restoreDatabase } from './index.ts';

const [clock, random] = [realClock(), realRandom()];
const ctx = createContext({ clock, random });
const mails = queue<{ to: string }>('mails');
const drafts = docs('drafts');

/** Runs the mails of a database until `end`; `onMail` is told of each attempt. */
async function mailing(
  database: Database,
  onMail: (to: string, attempt: number) => Promise<void>,
  end: Promise<unknown>,
) {
  await using held = leases({ database, holder: 'mailer', clock, random });
  const queues = [handle(mails, (_ctx, job) => onMail(job.payload.to, job.attempt))];
  const running = worker({ database, leases: held, queues, clock, random });
  await end;
  await running.close({ graceMs: 0 });
}

test('jobs that were running when a backup was taken run again where it is restored, and the others are as they were', async () => {
  await using held = await testDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'backup-jobs-'));
  const file = join(folder, 'orders.backup');
  const fresh = `${held.database.name}_restored`;
  await using admin = await connectAdmin(held.adminUrl);
  await admin.run(`create database ${fresh} owner test_owner template template0`);
  const url = rewriteDatabaseUrl(held.ownerUrl, { database: fresh });
  await using source = openDatabase({ url: held.ownerUrl, name: 'orders', clock, transactionTimeoutMs: 0 });
  await using restored = openDatabase({ url, name: 'orders', clock, transactionTimeoutMs: 0 });
  try {
    await source.tx(ctx, async (tx) => {
      await enqueue(tx, mails, { to: 'ann' });
      await enqueue(tx, mails, { to: 'bob' }, { delayMs: 3_600_000 });
      await drafts.put(tx, 'letter', { words: 3 });
    });
    const [begun, taken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const hanging = mailing(
      source,
      async () => {
        begun.resolve();
        await taken.promise;
      },
      taken.promise,
    );
    await begun.promise;
    await backupDatabase(ctx, source, { service: 'orders', file });
    taken.resolve();
    await hanging;

    await restoreDatabase(ctx, restored, { service: 'orders', file, sets: [storeMigrations()] });
    const again = Promise.withResolvers<unknown>();
    await mailing(restored, async (to, attempt) => again.resolve({ to, attempt }), again.promise);
    expect(await again.promise).toEqual({ to: 'ann', attempt: 2 });
    const { rows } = await restored.query(ctx, `select payload, state from fairlead_job where state = 'scheduled'`);
    expect(rows).toEqual([{ payload: { to: 'bob' }, state: 'scheduled' }]);
    expect((await restored.tx(ctx, (tx) => drafts.get(tx, 'letter')))?.body).toEqual({ words: 3 });
  } finally {
    await restored.close();
    await admin.run(`drop database if exists ${fresh} with (force)`);
    rmSync(folder, { recursive: true });
  }
});
