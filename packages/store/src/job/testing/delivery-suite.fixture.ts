import { FairleadError, newSpanId, newTraceId, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { enqueueMany } from '../enqueue.ts';
import type { Job } from '../job-types.ts';
import { handle, queue } from '../queue.ts';
import { idOf, JobBed, only, type JobPlace } from './job-bed.ts';

/** That jobs are done, with what they were given. `open` gives a place with an empty database. */
export function deliverySuite(open: () => Promise<JobPlace>): void {
  const bed = async (): Promise<JobBed> => new JobBed(await open());

  test('a job is done with what its enqueuer gave it, under a Context that goes on from the enqueuer', async () => {
    await using on = await bed();
    const mail = queue<{ to: string }>('mail');
    const trace = { traceId: newTraceId(on.random), spanId: newSpanId(on.random), sampled: true, state: undefined };
    const ctx = on.context({ tenant: 'acme' }).derive({ trace, criticality: 'sheddable', baggage: { ring: 'two' } });
    const seen: { ctx: Context; job: Job<{ to: string }> }[] = [];
    on.worker([handle(mail, async (inner, job) => void seen.push({ ctx: inner, job }))]);
    const [result] = await on.place.database.tx(ctx, (tx) =>
      enqueueMany(tx, mail, [{ payload: { to: 'ann' }, key: 'ann', priority: 3 }]),
    );
    await on.until(async () => seen.length === 1 && (await on.count()) === 0);
    const { job, ctx: inner } = only(seen);
    expect(job).toMatchObject({
      id: idOf(result),
      queue: 'mail',
      tenant: 'acme',
      key: 'ann',
      priority: 3,
      attempt: 1,
    });
    expect(job.payload).toEqual({ to: 'ann' });
    expect(inner.trace.traceId).toBe(trace.traceId);
    expect(inner).toMatchObject({
      tenant: 'acme',
      criticality: 'sheddable',
      baggage: { ring: 'two' },
      causationId: job.id,
    });
    expect(inner.correlationId).toBe(ctx.correlationId);
    expect(inner.idempotencyKey).toContain(job.id);
  });

  test('jobs of a queue that no worker here does wait for one that does', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const first = on.worker([handle(queue<number>('other'), async () => {})]);
    await on.enqueue(mail, 1);
    first.wake('mail');
    await on.ticks(20);
    expect(await on.count(`state = 'ready'`)).toBe(1);
    on.worker([handle(mail, async () => {})], { leases: on.leases('orders-2') });
    await on.until(async () => (await on.count()) === 0);
  });

  test('a job of a transaction that rolls back never was', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const { database } = on.place;
    const tried = database.tx(on.context(), async (tx) => {
      await enqueueMany(tx, mail, [{ payload: 1 }, { payload: 2 }]);
      throw new Error('no');
    });
    await expect(tried).rejects.toThrow('no');
    expect(await on.count()).toBe(0);
  });

  test('what a handler writes with complete takes effect once, and a failure afterwards changes nothing', async () => {
    await using on = await bed();
    await on.rows('create table effect (n integer)').catch(() => {});
    const mail = queue<number>('mail');
    let runs = 0;
    on.worker([
      handle(mail, async (ctx, job) => {
        runs += 1;
        await on.place.database.tx(ctx, async (tx) => {
          await job.complete(tx);
          await tx.query('select 1');
        });
        throw new Error('too late');
      }),
    ]);
    await on.enqueue(mail, 1);
    await on.until(async () => (await on.count()) === 0);
    await on.ticks(20);
    expect(runs).toBe(1);
  });

  test('completing in a transaction that rolls back leaves the job to be done', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { backoff: { base: '0ms' } });
    const attempts: number[] = [];
    on.worker([
      handle(mail, async (ctx, job) => {
        attempts.push(job.attempt);
        await on.place.database.tx(ctx, async (tx) => {
          await job.complete(tx);
          if (job.attempt === 1) throw new Error('no');
        });
      }),
    ]);
    await on.enqueue(mail, 1);
    await on.until(async () => (await on.count()) === 0);
    expect(attempts).toEqual([1, 2]);
  });

  test('a failing job is tried as often as it may, then is a dead letter with what each attempt said', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { attempts: 3, backoff: { base: '1ms', cap: '2ms' } });
    on.worker([handle(mail, async (_, job) => Promise.reject(new Error(`no ${job.attempt}`)))]);
    await on.enqueue(mail, 1);
    await on.until(async () => (await on.count(`state = 'dead'`)) === 1);
    const [row] = await on.rows<{
      dead_reason: string;
      failures: { attempt: number; code: string; message: string }[];
    }>('select dead_reason, failures from fairlead_job');
    expect(row?.dead_reason).toBe('attempts');
    expect(row?.failures.map(({ attempt, code, message }) => `${attempt} ${code} ${message}`)).toEqual([
      '1 JOB_FAILED no 1',
      '2 JOB_FAILED no 2',
      '3 JOB_FAILED no 3',
    ]);
  });

  test('a job that its handler refuses is dead at once', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const refusal = new FairleadError('invalid', 'NO_ADDRESS', 'Ann has no address.');
    on.worker([handle(mail, () => Promise.reject(refusal))]);
    await on.enqueue(mail, 1);
    await on.until(async () => (await on.count(`state = 'dead' and dead_reason = 'refused' and attempt = 1`)) === 1);
  });

  test('an error that says when a repeat may succeed is not repeated before', async () => {
    await using on = await bed();
    const mail = queue<string>('mail', { backoff: { base: '0ms' } });
    let runs = 0;
    on.worker([
      handle(mail, async (_, job) => {
        runs += 1;
        const retryAfterMs = 600_000;
        if (job.payload === 'told') throw new FairleadError('unavailable', 'AWAY', 'Later.', { retryAfterMs });
        throw new FairleadError('unavailable', 'AWAY', 'Later.', { details: { retryAfterMs } });
      }),
    ]);
    for (const payload of ['told', 'in details']) await on.enqueue(mail, payload);
    await on.until(
      async () => (await on.count(`state = 'scheduled' and run_at > fairlead.now() + interval '500 s'`)) === 2,
    );
    expect(runs).toBe(2);
  });

  test('a delayed job waits', async () => {
    await using on = await bed();
    const mail = queue<string>('mail');
    const done: string[] = [];
    on.worker([handle(mail, async (_, job) => void done.push(job.payload))]);
    const atMs = on.place.clock.monotonic();
    await on.enqueue(mail, 'later', { delayMs: 300 });
    await on.enqueue(mail, 'at once', { runAt: 0 });
    await on.until(() => done.length === 2);
    expect(done).toEqual(['at once', 'later']);
    expect(on.place.clock.monotonic() - atMs).toBeGreaterThan(290);
  });

  test('progress is there to be seen', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const gate = Promise.withResolvers<void>();
    on.worker([
      handle(mail, async (_, job) => {
        await job.progress({ sent: 3 });
        await gate.promise;
      }),
    ]);
    await on.enqueue(mail, 1);
    await on.until(async () => (await on.count(`progress ->> 'sent' = '3'`)) === 1);
    gate.resolve();
    await on.until(async () => (await on.count()) === 0);
  });

  test.each([
    ['a payload that is not JSON', { payload: undefined }, 'JOB_INVALID'],
    ['a payload with a circle', { payload: circle() }, 'JOB_INVALID'],
    ['a payload that is too large', { payload: 'x'.repeat(1024 * 1024) }, 'JOB_TOO_LARGE'],
    ['an empty key', { payload: 1, key: '' }, 'JOB_INVALID'],
    ['a key with a NUL', { payload: 1, key: 'a\0' }, 'JOB_INVALID'],
    ['a priority that is no whole number', { payload: 1, priority: 1.5 }, 'JOB_INVALID'],
    ['a priority beyond the range', { payload: 1, priority: 40_000 }, 'JOB_INVALID'],
    ['a delay that is none', { payload: 1, delayMs: Number.NaN }, 'JOB_INVALID'],
    ['two times', { payload: 1, delayMs: 1, runAt: 1 }, 'JOB_INVALID'],
    ['a deadline that has passed', { payload: 1, deadlineMs: 0 }, 'JOB_INVALID'],
    ['a parent that is none', { payload: 1, parent: 'x' }, 'JOB_INVALID'],
    ['no attempts', { payload: 1, attempts: 0 }, 'JOB_INVALID'],
  ])('%s is refused before anything is sent', async (_, job, code) => {
    await using on = await bed();
    const told = on.place.database.tx(on.context(), (tx) => enqueueMany(tx, queue<unknown>('mail'), [job]));
    await expect(told).rejects.toMatchObject({ code });
  });

  test('text with all sorts of characters comes back as it was', async () => {
    await using on = await bed();
    const text = 'NUL \0, "quotes", \\, \u2028, 🦊, unpaired \ud800';
    const mail = queue<string>('mail "1"');
    const seen: unknown[] = [];
    on.worker([handle(mail, async (_, job) => void seen.push(job.payload, job.key))]);
    await on.enqueue(mail, text, { key: `"k" \\ 🦊` });
    await on.until(() => seen.length === 2);
    expect(seen).toEqual([text, `"k" \\ 🦊`]);
  });
}

function circle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}
