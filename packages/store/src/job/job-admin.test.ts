import { createContext, realClock, realRandom, type Clock, type Context } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { installTenancy } from '../tenancy/install-tenancy.ts';
import { testDatabase } from '../testing/index.ts';
import { enqueue } from './enqueue.ts';
import { discardJobs, redriveJobs } from './job-admin-dead.ts';
import { findJob, listJobs, pauseQueue, resumeQueue } from './job-admin.ts';
import type { EnqueueOptions } from './job-types.ts';
import { queueLags } from './job-view.ts';
import { queue } from './queue.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';

const real = realClock();
let lastMs = 0;
/** No moment twice, so that ids, which begin with one, are in the order in which they were made. */
const clock: Clock = { ...real, now: () => (lastMs = Math.max(lastMs + 1, real.now())) };
const random = realRandom();
const contextOf = (tenant?: string): Context => createContext({ clock, random, tenant });
const ctx = contextOf();

describe.each(bothDatabases(clock))('jobs as people see them on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());
  beforeEach(async () => {
    await database.query(ctx, 'delete from fairlead_job');
    await database.query(ctx, 'delete from fairlead_job_queue');
  });

  const mail = queue<{ to: string }>('mail');
  const print = queue<{ to: string }>('print');
  const put = async (to: string, options: EnqueueOptions & { tenant?: string } = {}, into = mail) => {
    const { tenant, ...rest } = options;
    const result = await database.tx(contextOf(tenant), (tx) => enqueue(tx, into, { to }, rest));
    if (result.kind !== 'enqueued') throw new Error(result.kind);
    return result.id;
  };
  /** Gives a job up, as a worker does. */
  const die = (id: string, code: string, agoMs = 0) =>
    database.query(
      ctx,
      `update fairlead_job set state = 'dead', dead_reason = 'attempts', attempt = 3,
              ended_at = fairlead.now() - $3::double precision * interval '1 millisecond',
              failures = jsonb_build_array(jsonb_build_object('attempt', 1, 'at', 1, 'code', 'FIRST', 'message', 'once'),
                                           jsonb_build_object('attempt', 3, 'at', 2, 'code', $2::text, 'message', 'again'))
        where id = $1`,
      [id, code, agoMs],
    );
  const idsOf = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

  test('dead letters are listed by queue, tenant, error and age, piece by piece, none twice', async () => {
    const ids: string[] = [];
    for (const to of ['a', 'b', 'c', 'd', 'e']) ids.push(await put(to, { tenant: to < 'd' ? 'acme' : 'globex' }));
    const other = await put('x', { tenant: 'acme' }, print);
    for (const id of [...ids, other]) await die(id, id === ids[0] ? 'CARD' : 'AWAY', id === ids[1] ? 60_000 : 0);
    await put('alive');
    const list = async (query: object) => idsOf((await listJobs(ctx, database, { state: 'dead', ...query })).jobs);
    expect(await list({})).toEqual([...ids, other]);
    expect(await list({ queue: 'mail', tenant: 'acme' })).toEqual(ids.slice(0, 3));
    expect(await list({ code: 'CARD' })).toEqual([ids[0]]);
    expect(await list({ minAgeMs: 30_000 })).toEqual([ids[1]]);
    expect(await list({ queue: 'maul' })).toEqual([]);

    const first = await listJobs(ctx, database, { state: 'dead', limit: 4 });
    const second = await listJobs(ctx, database, { state: 'dead', limit: 4, after: first.next });
    expect(idsOf([...first.jobs, ...second.jobs])).toEqual([...ids, other]);
    expect(second.next).toBeUndefined();
  });

  test('one job is shown with its payload, every error and what waits behind it', async () => {
    const id = await put('a', { key: 'k', tenant: 'acme', priority: 3, deadlineMs: 3_600_000 });
    await put('b', { key: 'k', tenant: 'acme' });
    await put('c', { key: 'k', tenant: 'globex' });
    await die(id, 'AWAY');
    expect(await findJob(ctx, database, id)).toMatchObject({
      id,
      queue: 'mail',
      state: 'dead',
      tenant: 'acme',
      key: 'k',
      priority: 3,
      attempt: 3,
      maxAttempts: 10,
      reason: 'attempts',
      failure: { attempt: 3, code: 'AWAY', message: 'again' },
      failures: [{ code: 'FIRST' }, { code: 'AWAY' }],
      payload: { to: 'a' },
      behind: 1,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await findJob(ctx, database, 'no job')).toBeUndefined();
  });

  test('redriven dead letters run again with all their attempts, and keep the errors that they had', async () => {
    const [a, b] = [await put('a', { deadlineMs: 1_000 }), await put('b')];
    await die(a, 'CARD');
    await die(b, 'AWAY');
    expect(await redriveJobs(ctx, database, { code: 'CARD' })).toEqual({ count: 1, next: undefined });
    expect(await findJob(ctx, database, a)).toMatchObject({ state: 'waiting', attempt: 0, deadline: undefined });
    expect((await findJob(ctx, database, a))?.failures).toHaveLength(2);
    expect(await findJob(ctx, database, b)).toMatchObject({ state: 'dead' });
    expect(await redriveJobs(ctx, database, { id: a })).toMatchObject({ count: 0 });
  });

  test('a rate spreads them over time, also over several pieces and when somebody else goes on', async () => {
    const ids: string[] = [];
    for (const to of ['a', 'b', 'c', 'd']) ids.push(await put(to));
    for (const id of ids) await die(id, 'AWAY');
    const first = await redriveJobs(ctx, database, { perSecond: 0.01, limit: 2 });
    expect(first.count).toBe(2);
    const second = await redriveJobs(ctx, database, { perSecond: 0.01, limit: 2, after: first.next });
    expect(second.count).toBe(2);
    expect(await redriveJobs(ctx, database, { after: second.next })).toEqual({ count: 0, next: undefined });
    const times: (number | undefined)[] = [];
    for (const id of ids) times.push((await findJob(ctx, database, id))?.runAt);
    const [at, third, fourth] = [times[1] ?? 0, times[2] ?? 0, times[3] ?? 0];
    expect(times[0]).toBeUndefined();
    expect(third - at).toBeGreaterThanOrEqual(99_000);
    expect(third - at).toBeLessThanOrEqual(101_000);
    expect(fourth - third).toBeGreaterThanOrEqual(99_000);
  });

  test('one that waits for its turn holds its key until then', async () => {
    const [first, keyed] = [await put('a'), await put('b', { key: 'k' })];
    await die(first, 'AWAY');
    await die(keyed, 'AWAY');
    await redriveJobs(ctx, database, { perSecond: 1 });
    expect(await findJob(ctx, database, keyed)).toMatchObject({ state: 'later', attempt: 1, maxAttempts: 10 });
  });

  test('one whose dedupe lives again comes back without it, and both are done', async () => {
    const old = await put('a', { dedupe: 'd' });
    await die(old, 'AWAY');
    const twin = await put('b', { dedupe: 'd' });
    await die(twin, 'AWAY');
    await put('c', { dedupe: 'd' });
    expect(await redriveJobs(ctx, database)).toMatchObject({ count: 2 });
    expect((await listJobs(ctx, database, { state: 'waiting' })).jobs).toHaveLength(3);
  });

  test('what is discarded is gone, and the next of its key may go on', async () => {
    const id = await put('a', { key: 'k' });
    const next = await put('b', { key: 'k' });
    await die(id, 'AWAY');
    await database.query(ctx, `update fairlead_job set state = 'blocked' where id = $1`, [next]);
    expect(await discardJobs(ctx, database, { queue: 'print' })).toMatchObject({ count: 0 });
    expect(await discardJobs(ctx, database, { queue: 'mail' })).toMatchObject({ count: 1 });
    expect(await findJob(ctx, database, id)).toBeUndefined();
    expect(await findJob(ctx, database, next)).toMatchObject({ state: 'waiting' });
  });

  test('the view tells of every queue what waits, what is later, and for how long the oldest has waited', async () => {
    const id = await put('a');
    const due = await put('b', { delayMs: 60_000 });
    await put('c', { delayMs: 60_000 });
    await die(await put('d', {}, print), 'AWAY');
    await database.query(ctx, `update fairlead_job set enqueued_at = fairlead.now() - interval '5 s' where id = $1`, [
      id,
    ]);
    await database.query(ctx, `update fairlead_job set run_at = fairlead.now() - interval '9 s' where id = $1`, [due]);
    const [ofMail, ofPrint, ...others] = await queueLags(ctx, database);
    expect(ofMail).toMatchObject({
      queue: 'mail',
      paused: false,
      waiting: 2,
      running: 0,
      later: 1,
      blocked: 0,
      dead: 0,
    });
    expect(ofMail?.lagMs).toBeGreaterThanOrEqual(9_000);
    expect(ofPrint).toMatchObject({ queue: 'print', waiting: 0, dead: 1, lagMs: 0 });
    expect(others).toEqual([]);
  });

  test('what was delayed waits from its time on, not from when it was enqueued', async () => {
    const id = await put('a', { delayMs: 1 });
    await database.query(
      ctx,
      `update fairlead_job set state = 'ready', run_at = fairlead.now() - interval '3 s',
              enqueued_at = fairlead.now() - interval '1 h' where id = $1`,
      [id],
    );
    const [lag] = await queueLags(ctx, database);
    expect(lag?.lagMs).toBeGreaterThanOrEqual(3_000);
    expect(lag?.lagMs).toBeLessThan(3_000_000);
    expect(await findJob(ctx, database, id)).toMatchObject({ state: 'waiting', runAt: undefined });
  });

  test('a queue is paused and resumed, jobs or none', async () => {
    await pauseQueue({ query: (text, params) => database.query(ctx, text, params) }, 'mail');
    expect(await queueLags(ctx, database)).toMatchObject([{ queue: 'mail', paused: true }]);
    const sql = { query: (text: string, params?: readonly unknown[]) => database.query(ctx, text, params) };
    expect(await resumeQueue(sql as never, 'mail')).toBe(true);
    expect(await resumeQueue(sql as never, 'mail')).toBe(false);
    expect(await queueLags(ctx, database)).toMatchObject([{ queue: 'mail', paused: false }]);
  });
});

test('where rows of tenants are kept apart, people see the jobs of all of them', async () => {
  await using held = await testDatabase();
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(ctx, owner, { url: held.url });
  await owner.query(ctx, 'select fairlead.isolate_store()');
  await using database = openDatabase({ url: held.url, name: 'shop', clock, tenancy: 'rows' });
  const mail = queue<{ to: string }>('mail');
  for (const tenant of ['ann', 'bob'])
    await database.tx(contextOf(tenant), (tx) => enqueue(tx, mail, { to: tenant }, { key: 'k' }));
  const { jobs } = await listJobs(ctx, database);
  expect(jobs.map(({ tenant }) => tenant)).toEqual(['ann', 'bob']);
  expect(await queueLags(ctx, database)).toMatchObject([{ queue: 'mail', waiting: 2 }]);
  expect(await findJob(ctx, database, jobs[1]?.id ?? '')).toMatchObject({ tenant: 'bob', payload: { to: 'bob' } });
});

test('a role that may read the view and nothing else gets the number that an autoscaler asks for', async () => {
  await using held = await testDatabase();
  await held.database.tx(ctx, (tx) => enqueue(tx, queue<{ to: string }>('mail'), { to: 'a' }));
  const reader = `scaler_${uniqueName()}`;
  const base = new URL(held.url).pathname.slice(1);
  {
    await using admin = await connectAdmin(held.adminUrl);
    await admin.run(`create role ${reader} login password 'x'`);
  }
  try {
    await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
    await owner.query(ctx, `grant connect on database ${base} to ${reader}`);
    await owner.query(ctx, `grant select on fairlead_job_lag to ${reader}`);
    const url = new URL(held.url);
    url.username = reader;
    url.password = 'x';
    await using scaler = openDatabase({ url: url.href, name: 'scaler', clock });
    const { rows } = await scaler.query(
      ctx,
      `select coalesce(sum(waiting + running), 0)::integer as jobs from fairlead_job_lag where queue = 'mail'`,
    );
    expect(rows).toEqual([{ jobs: 1 }]);
    await expect(scaler.query(ctx, 'select payload from fairlead_job')).rejects.toThrow('permission denied');
  } finally {
    await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
    await owner.query(ctx, `revoke all on database ${base} from ${reader}`);
    await owner.query(ctx, `revoke all on fairlead_job_lag from ${reader}`);
    await using admin = await connectAdmin(held.adminUrl);
    await admin.run(`drop role if exists ${reader}`);
  }
});

const uniqueName = (): string => Math.floor(random.next() * 1e9).toString(36);
