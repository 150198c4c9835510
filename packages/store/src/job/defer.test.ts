import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { testDatabase } from '../testing/index.ts';
import { deferPort } from './defer.ts';
import { findJob } from './job-admin.ts';
import { queue } from './queue.ts';

const clock = realClock();
const random = realRandom();
const of = (tenant: string): Context => createContext({ clock, random, tenant });

async function onPostgres(): Promise<{ database: Database; end: () => Promise<void> }> {
  const held = await testDatabase();
  return { database: held.database, end: async () => held[Symbol.asyncDispose]() };
}

async function onPglite(): Promise<{ database: Database; end: () => Promise<void> }> {
  const pglite = await PGlite.create();
  const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock });
  await migrateStore(of('setup'), database);
  return { database, end: () => pglite.close() };
}

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('deferred calls on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  const call = (policy: string, key: string | undefined, job: unknown = {}) => ({ policy, key, job });

  test('a call is kept before it is answered, with what whoever makes it needs', async () => {
    let kept = 0;
    const port = deferPort({ database, queue: queue('calls'), onDeferred: () => (kept += 1) });
    const { jobId } = await port.defer(of('acme'), call('billing', undefined, { cents: 5 }));
    expect(await findJob(of('acme'), database, jobId)).toMatchObject({
      queue: 'calls',
      tenant: 'acme',
      state: 'waiting',
      payload: { policy: 'billing', call: { cents: 5 } },
    });
    expect(kept).toBe(1);
  });

  test('two calls of a tenant with one key are one job; those of others and of other policies are not', async () => {
    const port = deferPort({ database, queue: queue('keyed') });
    const key = 'k'.repeat(5_000);
    const ids = [
      await port.defer(of('acme'), call('billing', key)),
      await port.defer(of('acme'), call('billing', key)),
      await port.defer(of('globex'), call('billing', key)),
      await port.defer(of('acme'), call('stock', key)),
      await port.defer(of('acme'), call('billing', undefined)),
      await port.defer(of('acme'), call('billing', undefined)),
    ].map(({ jobId }) => jobId);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(5);
  });

  test('a tenant that has too many already is told when to come back, and nothing is kept', async () => {
    const port = deferPort({ database, queue: queue('full', { share: { quota: 1 } }) });
    await port.defer(of('acme'), call('billing', undefined));
    const refused = await port.defer(of('acme'), call('billing', undefined)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'JOB_OVER_QUOTA', kind: 'exhausted', retryAfterMs: expect.any(Number) });
    await port.defer(of('globex'), call('billing', undefined));
  });
});
