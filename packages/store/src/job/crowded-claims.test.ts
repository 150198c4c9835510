import { realClock, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database, QueryResult } from '../database.ts';
import { testDatabase } from '../testing/index.ts';
import { cancelJob, enqueueMany } from './enqueue.ts';
import { handle, queue } from './queue.ts';
import { idOf, JobBed } from './testing/job-bed.ts';

// Workers that claim from one queue at the same time, as on Postgres they do.

const JOBS = 2_000;
const WORKERS = 5;

test(
  'each of many jobs is done once, and those of a key in their order, however many claim at the same time',
  { timeout: 120_000 },
  async () => {
    await using held = await testDatabase();
    const clock = realClock();
    await using on = new JobBed({ database: held.database, clock, tick: () => clock.sleep(5) });
    const mail = queue<number>('mail', { concurrency: 20, prefetch: 20 });
    for (const tenant of ['ann', 'bob', 'carl']) {
      const jobs = Array.from({ length: JOBS / 4 }, (_, n) => ({
        payload: n,
        ...(n % 7 === 0 ? { key: `k${n % 3}` } : {}),
      }));
      await held.database.tx(on.context({ tenant }), (tx) => enqueueMany(tx, mail, jobs));
    }
    const runs = new Map<string, number>();
    const keyed = new Map<string, number[]>();
    const handled = handle(mail, async (_, job) => {
      runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
      if (job.key === undefined) return;
      const lane = `${job.tenant} ${job.key}`;
      keyed.set(lane, [...(keyed.get(lane) ?? []), job.payload]);
    });
    // Long enough that no lease lapses, however slow the machine is.
    const long = { ttlMs: 600_000, renewEveryMs: 60_000 };
    // As many processes: workers with the same leases would claim together.
    for (let each = 0; each < WORKERS; each += 1) on.worker([handled], { leases: on.leases(`orders-${each}`, long) });
    const jobs = Array.from({ length: JOBS / 4 }, (_, n) => ({
      payload: JOBS + n,
      ...(n % 7 === 0 ? { key: `k${n % 3}` } : {}),
    }));
    await held.database.tx(on.context({ tenant: 'ann' }), (tx) => enqueueMany(tx, mail, jobs));
    await on.until(async () => (await on.count()) === 0);
    expect(runs.size).toBe(JOBS);
    expect([...runs.values()].filter((times) => times !== 1)).toEqual([]);
    for (const done of keyed.values()) expect(done).toEqual(done.toSorted((a, b) => a - b));
    await on.until(async () => (await on.rows('select from fairlead_job_claim')).length === 0);
  },
);

test('with much at hand one statement claims while another tells, and those whose answers are lost repeat no job', async () => {
  await using held = await testDatabase();
  const clock = realClock();
  await using on = new JobBed({ database: held.database, clock, tick: () => clock.sleep(5) });
  const mail = queue<number>('mail', { concurrency: 400, prefetch: 400 });
  const jobs = Array.from({ length: 2 * JOBS }, (_, n) => ({
    payload: n,
    ...(n % 100 === 0 ? { key: `k${n % 3}` } : {}),
  }));
  await held.database.tx(on.context(), (tx) => enqueueMany(tx, mail, jobs));
  let [underWay, most, toLose] = [0, 0, 0];
  const query = async (ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult> => {
    if (!text.includes('fairlead_job_take')) return held.database.query(ctx, text, params);
    most = Math.max(most, (underWay += 1));
    const answer = await held.database.query(ctx, text, params).finally(() => (underWay -= 1));
    if (toLose <= 0) return answer;
    toLose -= 1;
    throw new Error('The answer is lost.');
  };
  const runs = new Map<string, number>();
  const keyed = new Map<string, number[]>();
  const handled = handle(mail, async (_, job) => {
    runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
    if (job.key !== undefined) keyed.set(job.key, [...(keyed.get(job.key) ?? []), job.payload]);
    // Of both that are under way then.
    if (runs.size === 1_500) toLose = 2;
  });
  const leases = on.leases('orders-1', { ttlMs: 600_000, renewEveryMs: 60_000 });
  // What the columns are is the caller's claim about its own statement.
  on.worker([handled], { database: { ...delegate(held.database), query: query as Database['query'] }, leases });
  await on.until(async () => (await on.count()) === 0);
  expect(most).toBe(2);
  expect(toLose).toBe(0);
  expect(runs.size).toBe(2 * JOBS);
  expect([...runs.values()].filter((times) => times !== 1)).toEqual([]);
  for (const done of keyed.values()) expect(done).toEqual(done.toSorted((a, b) => a - b));
  await on.until(async () => (await on.rows('select from fairlead_job_claim')).length === 0);
});

test('cancelling a job while another of its key ends waits for that, and that never for it', async () => {
  await using held = await testDatabase();
  const clock = realClock();
  await using on = new JobBed({ database: held.database, clock, tick: () => clock.sleep(5) });
  const mail = queue<number>('mail');
  const first = idOf(await on.enqueue(mail, 1, { key: 'k' }));
  const second = idOf(await on.enqueue(mail, 2, { key: 'k' }));
  await on.rows(`update fairlead_job set state = case when id = $1 then 'running' else 'blocked' end`, [first]);
  const cancelled = await held.database.tx(on.context(), async (tx) => {
    // As far as ending the first one is when it lets the next one go.
    await tx.query(`select pg_advisory_xact_lock(fairlead_job_key_lock('mail', '', 'k'))`);
    const cancelling = held.database.tx(on.context(), (other) => cancelJob(other, second));
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted
                        and database = (select oid from pg_database where datname = current_database())`;
    await on.until(async () => (await on.rows(waiting)).length === 1);
    const { rows } = await tx.query<{ n: number }>(
      `select fairlead_job_complete('mail', 0, array[$1::uuid], '{0}') as n`,
      [first],
    );
    expect(rows).toEqual([{ n: 1 }]);
    return { cancelling };
  });
  expect(await cancelled.cancelling).toEqual({ kind: 'cancelled' });
  expect(await on.count()).toBe(0);
});

function delegate(database: Database): Database {
  return {
    name: database.name,
    tx: (ctx, work, options) => database.tx(ctx, work, options),
    query: (ctx, text, params) => database.query(ctx, text, params),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: (options) => database.close(options),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
