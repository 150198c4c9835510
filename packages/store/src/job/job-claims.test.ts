import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database, Row } from '../database.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';
import { cancelJob, enqueueMany } from './enqueue.ts';
import { findJob, listJobs } from './job-admin.ts';
import type { NewJob } from './job-types.ts';
import { queueLags } from './job-view.ts';
import { queue } from './queue.ts';

// Claims that are rows of their own, statement by statement.

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });
const mail = queue<number>('mail', { share: { quota: 1_000 } });

const COMMON = `'mail', $1, $2, 0, $3, $4, null, $5, '', '{}', '{}', '{}', null, null, null, null, null, null`;
/** As a worker of the release before says it. */
const EXCHANGE = `select * from fairlead_job_exchange(${COMMON})`;
const TAKE = `select * from fairlead_job_take(${COMMON}, null, 1, $6, $7, $8, null)`;

interface Taken extends Row {
  readonly o_id: string | null;
  readonly o_token: number;
  readonly o_attempt: number;
}

describe.each(bothDatabases(clock))('claims of many on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  let claims = 0;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());
  beforeEach(async () => {
    for (const table of ['fairlead_job', 'fairlead_job_claim', 'fairlead_job_cancel', 'fairlead_lease_holder'])
      await rows(`delete from ${table}`);
    await rows(`insert into fairlead_lease_holder (id, name, expires_at, groups)
      select h, h, fairlead.now() + interval '1 h', '{}' from unnest(array['one', 'two']) h`);
  });

  const rows = async <R extends Row>(text: string, params: readonly unknown[] = []): Promise<readonly R[]> =>
    (await database.query<R>(ctx, text, params)).rows;
  const put = (jobs: readonly Partial<NewJob<number>>[]) =>
    database.tx(ctx, (tx) =>
      enqueueMany(
        tx,
        mail,
        jobs.map((job, payload) => ({ payload, ...job })),
      ),
    );
  const nextClaim = () => `00000000-0000-4000-8000-${String((claims += 1)).padStart(12, '0')}`;
  const common = (holder: string, claim: string, done: readonly Taken[], want: number) => [
    holder,
    claim,
    done.map(({ o_id }) => o_id),
    done.map(({ o_token }) => o_token),
    want,
  ];
  const jobsOf = (answer: readonly Taken[]) => answer.filter(({ o_id }) => o_id !== null);
  const take = async (
    holder: string,
    want: number,
    told: { claim?: string; done?: readonly Taken[]; whole?: string[]; over?: string[]; slow?: string[] } = {},
  ) => {
    const { claim = nextClaim(), done = [], whole = [], over = [], slow = [] } = told;
    return jobsOf(await rows<Taken>(TAKE, [...common(holder, claim, done, want), whole, over, slow]));
  };
  const exchange = async (holder: string, want: number, done: readonly Taken[] = []) =>
    jobsOf(await rows<Taken>(EXCHANGE, common(holder, nextClaim(), done, want)));
  const complete = async (jobs: readonly Taken[]) => {
    const ids = jobs.map(({ o_id }) => o_id);
    const tokens = jobs.map(({ o_token }) => o_token);
    const [row] = await rows<{ n: number }>(`select fairlead_job_complete('mail', 0, $1, $2) as n`, [ids, tokens]);
    return row?.n;
  };
  const settle = (jobs: readonly Taken[], outcome: object) =>
    rows(`select fairlead_job_settle('mail', 0, $1)`, [
      JSON.stringify(jobs.map(({ o_id, o_token }) => ({ id: o_id, token: o_token, ...outcome }))),
    ]);
  const sweep = () => rows(`select fairlead_job_sweep('two', '{mail}', true)`);
  const count = async (where: string) =>
    (await rows<{ n: number }>(`select count(*)::int as n from fairlead_job where ${where}`))[0]?.n;

  test('what one worker has, no other gets, of this release or the one before', async () => {
    await put(Array.from({ length: 30 }, () => ({})));
    const joint = await take('one', 10);
    const single = await exchange('two', 10);
    const rest = await take('two', 30);
    expect(new Set([...joint, ...single, ...rest].map(({ o_id }) => o_id)).size).toBe(30);
    expect([joint.length, single.length, rest.length]).toEqual([10, 10, 10]);
    expect(await count(`state = 'running'`)).toBe(10);
    expect(await exchange('two', 10)).toEqual([]);
    expect(await complete([...joint, ...single, ...rest])).toBe(30);
    expect(await complete(joint)).toBe(0);
  });

  test('a claim is ended as a whole by its name, and not once it was taken apart', async () => {
    await put([{}, {}, {}]);
    const claim = nextClaim();
    expect(await take('one', 2, { claim })).toHaveLength(2);
    const [third] = await take('one', 1, { whole: [claim] });
    expect(await count('true')).toBe(1);
    const other = nextClaim();
    await settle([third!], { kind: 'release' });
    const [again] = await take('one', 1, { claim: other });
    await settle([again!], { kind: 'retry', delayMs: 0, code: 'X', message: 'x' });
    await take('one', 0, { whole: [other] });
    expect(await count(`attempt = 1 and state = 'ready'`)).toBe(1);
    expect(await rows('select from fairlead_job_claim where id = $1', [other])).toEqual([]);
  });

  test('what takes long is written into the rows, and can be ended as before', async () => {
    await put([{}, {}, {}]);
    const claim = nextClaim();
    const jobs = await take('one', 3, { claim });
    await complete(jobs.slice(0, 1));
    await take('one', 0, { slow: [claim] });
    expect(await rows('select from fairlead_job_claim')).toEqual([]);
    expect(await count(`state = 'running' and attempt = 1 and holder = 'one' and started_at is not null`)).toBe(2);
    expect(await complete(jobs)).toBe(2);
  });

  test('jobs of a worker that is gone return, that attempt counts, and it can end them no more', async () => {
    await put([{ attempts: 1 }, { key: 'k' }, {}]);
    const jobs = await take('one', 3);
    expect(jobs.map(({ o_attempt }) => o_attempt)).toEqual([1, 1, 1]);
    await complete(jobs.slice(2));
    await rows(`delete from fairlead_lease_holder where id = 'one'`);
    await sweep();
    expect(await rows('select from fairlead_job_claim')).toEqual([]);
    expect(
      await count(`state = 'dead' and dead_reason = 'attempts' and failures -> 0 ->> 'code' = 'WORKER_LOST'`),
    ).toBe(1);
    expect(await count(`state = 'ready' and attempt = 1`)).toBe(1);
    expect(await complete(jobs)).toBe(0);
    expect(await take('two', 5)).toMatchObject([{ o_attempt: 2 }]);
  });

  test('a job waits while a later one of its key runs, until that has ended or was given back', async () => {
    await put([{ key: 'k' }, { key: 'k' }, {}]);
    await rows(`update fairlead_job set state = 'scheduled' where payload::text = '0'`);
    const claim = nextClaim();
    expect(await take('one', 5, { claim })).toHaveLength(2);
    await rows(`update fairlead_job set state = 'ready' where payload::text = '0'`);
    expect(await take('two', 5)).toEqual([]);
    expect(await count(`state = 'blocked'`)).toBe(1);
    // As if the answer to the claim had been lost.
    await rows(`select fairlead_job_unclaim('mail', 'one', $1)`, [[claim]]);
    expect(await count(`state = 'ready' and attempt = 0`)).toBe(3);
    const first = await take('two', 5);
    expect(first.map(({ o_attempt }) => o_attempt)).toEqual([1, 1]);
    expect(await count(`state = 'blocked' and payload::text = '1'`)).toBe(1);
    expect(await complete(first)).toBe(2);
    expect(await take('one', 5)).toHaveLength(1);
  });

  test('what runs is shown as running, does not count against the quota, and is asked to end', async () => {
    await put([{}, {}]);
    const [job] = await take('one', 1);
    expect(await findJob(ctx, database, job!.o_id!)).toMatchObject({ state: 'running', attempt: 1 });
    const ids = async (state: 'running' | 'waiting') =>
      (await listJobs(ctx, database, { state })).jobs.map(({ id }) => id);
    expect(await ids('running')).toEqual([job!.o_id]);
    expect(await ids('waiting')).toHaveLength(1);
    expect(await queueLags(ctx, database)).toMatchObject([{ running: 1, waiting: 1 }]);
    const small = queue<number>('mail', { share: { quota: 2 } });
    const told = await database.tx(ctx, (tx) => enqueueMany(tx, small, [{ payload: 1 }, { payload: 2 }]));
    expect(told.map(({ kind }) => kind)).toEqual(['enqueued', 'over-quota']);
    expect(await database.tx(ctx, (tx) => cancelJob(tx, job!.o_id!))).toEqual({ kind: 'cancelling' });
    const [swept] = await rows<{ told: { cancelled: string[] } }>(
      `select fairlead_job_sweep('one', '{mail}', true) as told`,
    );
    expect(swept?.told.cancelled).toEqual([job!.o_id]);
    expect(await complete([job!])).toBe(1);
  });

  test('a job that runs is not given up when its time is over, but by its worker', async () => {
    await put([{ deadlineMs: 3_600_000 }]);
    const jobs = await take('one', 1);
    await rows(`update fairlead_job set deadline = fairlead.now()`);
    await sweep();
    expect(await count(`state = 'ready'`)).toBe(1);
    await settle(jobs, { kind: 'retry', delayMs: 0, code: 'X', message: 'x' });
    expect(await count(`state = 'dead' and dead_reason = 'deadline' and attempt = 1`)).toBe(1);
  });
});
