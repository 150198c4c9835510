import { FairleadError, isError, newSpanId, newTraceId, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { cancelJob, enqueueMany } from '../enqueue.ts';
import type { Job } from '../job-types.ts';
import { handle, queue } from '../queue.ts';
import { JobBed, type JobPlace } from './job-bed.ts';

const nothing = async (): Promise<void> => {};

function idOf(result: { readonly kind: string; readonly id?: string }): string {
  if (result.kind !== 'enqueued' || result.id === undefined) throw new Error(`It was ${result.kind}.`);
  return result.id;
}

/** What jobs are, whatever the database. `open` gives a place with an empty one. */
export function jobSuite(open: () => Promise<JobPlace>): void {
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
    const { job, ctx: inner } = seen[0]!;
    expect(job).toMatchObject({
      id: idOf(result!),
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

  test('jobs of a tenant go by priority, then in the order of enqueuing', async () => {
    await using on = await bed();
    const mail = queue<string>('mail', { concurrency: 1 });
    const done: string[] = [];
    await on.place.database.tx(on.context(), (tx) =>
      enqueueMany(tx, mail, [
        { payload: 'a' },
        { payload: 'low', priority: -1 },
        { payload: 'b' },
        { payload: 'high', priority: 9 },
        { payload: 'c' },
      ]),
    );
    on.worker([handle(mail, async (_, job) => void done.push(job.payload))]);
    await on.until(() => done.length === 5);
    expect(done).toEqual(['high', 'a', 'b', 'c', 'low']);
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

  test('a job that was not done in time is not begun any more', async () => {
    await using on = await bed();
    const mail = queue<string>('mail', { concurrency: 1 });
    const done: string[] = [];
    await on.enqueue(mail, 'late', { deadlineMs: 1 });
    await on.enqueue(mail, 'in time', { deadlineMs: 600_000 });
    await on.ticks(5);
    on.worker([handle(mail, async (_, job) => void done.push(job.payload))]);
    await on.until(() => done.length === 1);
    await on.until(async () => (await on.count(`state = 'dead' and dead_reason = 'deadline' and attempt = 0`)) === 1);
    expect(done).toEqual(['in time']);
  });

  test('a job that is not done in time has its Context ended, and is not repeated', async () => {
    await using on = await bed();
    const mail = queue<string>('mail');
    let runs = 0;
    on.worker([
      handle(mail, (ctx) => {
        runs += 1;
        return on.place.clock.sleep(600_000, ctx.signal);
      }),
    ]);
    await on.enqueue(mail, 'slow', { deadlineMs: 400 });
    await on.until(async () => (await on.count(`state = 'dead' and dead_reason = 'deadline'`)) === 1);
    expect(runs).toBe(1);
  });

  test('an attempt that takes too long ends, and the next one follows', async () => {
    await using on = await bed();
    const mail = queue<string>('mail', { timeoutMs: 50, backoff: { base: '0ms' } });
    on.worker([
      handle(mail, (ctx, job) => (job.attempt === 1 ? on.place.clock.sleep(600_000, ctx.signal) : nothing())),
    ]);
    await on.enqueue(mail, 'slow');
    await on.until(async () => (await on.count()) === 0);
  });

  test('jobs of one key are done one after another, in order, and do not hold up others', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 8 });
    const done: string[] = [];
    let atOnce = 0;
    for (let n = 0; n < 30; n += 1) await on.enqueue(mail, n, { key: n % 3 === 0 ? 'ann' : `other ${n}` });
    const work = async (_: Context, job: Job<number>): Promise<void> => {
      if (job.key !== 'ann') return void done.push('other');
      atOnce += 1;
      expect(atOnce).toBe(1);
      await on.place.clock.sleep(1);
      atOnce -= 1;
      done.push(`ann ${job.payload}`);
    };
    on.worker([handle(mail, work)]);
    on.worker([handle(mail, work)], { leases: on.leases('orders-2') });
    await on.until(async () => (await on.count()) === 0 && done.length === 30);
    const ann = done.filter((each) => each !== 'other');
    expect(ann).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27].map((n) => `ann ${n}`));
    expect(done.indexOf('ann 27')).toBeGreaterThan(done.lastIndexOf('other'));
  });

  test('a failing job parks its key, also when it is dead; others go on, and cancelling it lets the next go', async () => {
    await using on = await bed();
    const mail = queue<string>('mail', { attempts: 2, backoff: { base: '20ms', jitter: 'none' } });
    const done: string[] = [];
    on.worker([
      handle(mail, async (_, job) => {
        if (job.payload === 'bad') throw new Error('no');
        done.push(job.payload);
      }),
    ]);
    const bad = idOf(await on.enqueue(mail, 'bad', { key: 'ann' }));
    await on.enqueue(mail, 'after bad', { key: 'ann' });
    await on.enqueue(mail, 'bob', { key: 'bob' });
    await on.enqueue(mail, 'other ann', { key: 'ann', tenant: 'acme' });
    await on.until(async () => (await on.count(`state = 'dead'`)) === 1);
    await on.until(() => done.length === 2);
    await on.ticks(10);
    expect(done.toSorted()).toEqual(['bob', 'other ann']);
    const told = await on.place.database.tx(on.context(), (tx) => cancelJob(tx, bad));
    expect(told).toEqual({ kind: 'cancelled' });
    await on.until(() => done.includes('after bad'));
  });

  test('while a job with the same dedupe waits or runs, no other is made', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const first = await on.enqueue(mail, 1, { dedupe: 'sync' });
    expect(await on.enqueue(mail, 2, { dedupe: 'sync' })).toEqual({ kind: 'duplicate', id: idOf(first) });
    expect(await on.enqueue(mail, 3, { dedupe: 'sync', tenant: 'acme' })).toMatchObject({ kind: 'enqueued' });
    const both = await on.place.database.tx(on.context(), (tx) =>
      enqueueMany(tx, mail, [{ payload: 4, dedupe: 'x' }, { payload: 5, dedupe: 'x' }, { payload: 6 }]),
    );
    expect(both.map(({ kind }) => kind)).toEqual(['enqueued', 'duplicate', 'enqueued']);
    expect(both[1]).toMatchObject({ id: idOf(both[0]!) });
    const done: number[] = [];
    on.worker([handle(mail, async (_, job) => void done.push(job.payload))]);
    await on.until(async () => (await on.count()) === 0);
    expect(done.toSorted()).toEqual([1, 3, 4, 6]);
    expect(await on.enqueue(mail, 7, { dedupe: 'sync' })).toMatchObject({ kind: 'enqueued' });
  });

  test('beyond its quota a tenant is told so, with when to come back, and others are not', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { share: { quota: 3 } });
    await on.enqueue(mail, 0, { tenant: 'acme', delayMs: 60_000 });
    const results = await on.place.database.tx(on.context({ tenant: 'acme' }), (tx) =>
      enqueueMany(
        tx,
        mail,
        [1, 2, 3, 4].map((payload) => ({ payload })),
      ),
    );
    expect(results.map(({ kind }) => kind)).toEqual(['enqueued', 'enqueued', 'over-quota', 'over-quota']);
    expect(results[3]).toMatchObject({ queued: 3, quota: 3 });
    expect(results[3]!.kind === 'over-quota' && results[3]!.retryAfterMs).toBeGreaterThan(0);
    expect(await on.enqueue(mail, 5, { tenant: 'beta' })).toMatchObject({ kind: 'enqueued' });
    expect(await on.count()).toBe(4);
  });

  test('cancelling: what waits is gone, what runs has its Context ended, what is not there is absent', async () => {
    await using on = await bed();
    const mail = queue<string>('mail');
    const cancel = (id: string) => on.place.database.tx(on.context(), (tx) => cancelJob(tx, id));
    const waiting = idOf(await on.enqueue(mail, 'waits', { delayMs: 600_000 }));
    expect(await cancel(waiting)).toEqual({ kind: 'cancelled' });
    expect(await cancel(waiting)).toEqual({ kind: 'absent' });
    let reason: unknown;
    let runs = 0;
    on.worker([
      handle(mail, (ctx) => {
        runs += 1;
        ctx.onEnd((why) => (reason = why));
        return on.place.clock.sleep(600_000, ctx.signal);
      }),
    ]);
    const running = idOf(await on.enqueue(mail, 'runs'));
    await on.until(() => runs === 1);
    expect(await cancel(running)).toEqual({ kind: 'cancelling' });
    await on.until(async () => (await on.count()) === 0);
    expect(isError(reason, 'CANCELLED')).toBe(true);
    await on.ticks(10);
    expect(runs).toBe(1);
    await expect(cancel('mail 1')).rejects.toMatchObject({ code: 'JOB_INVALID' });
  });

  test('many jobs of one tenant do not delay the one of another', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 2 });
    const done: string[] = [];
    await on.place.database.tx(on.context({ tenant: 'whale' }), (tx) =>
      enqueueMany(
        tx,
        mail,
        Array.from({ length: 500 }, (_, payload) => ({ payload })),
      ),
    );
    on.worker([
      handle(mail, async (_, job) => {
        done.push(job.tenant ?? '');
        await on.place.clock.sleep(1);
      }),
    ]);
    await on.until(() => done.length >= 20);
    const before = done.length;
    await on.enqueue(mail, 1, { tenant: 'ann' });
    await on.until(() => done.includes('ann'));
    // What was claimed when it came, and a turn.
    expect(done.indexOf('ann') - before).toBeLessThan(40);
  });

  test('tenants share by weight while all have jobs waiting', async () => {
    await using on = await bed();
    const weights: Record<string, number> = { gold: 3, tin: 1 };
    const mail = queue<number>('mail', { concurrency: 8, share: { weightOf: (tenant) => weights[tenant ?? ''] ?? 1 } });
    for (const tenant of ['tin', 'gold']) {
      await on.place.database.tx(on.context({ tenant }), (tx) =>
        enqueueMany(
          tx,
          mail,
          Array.from({ length: 400 }, (_, payload) => ({ payload })),
        ),
      );
    }
    const done: string[] = [];
    on.worker([handle(mail, async (_, job) => void done.push(job.tenant ?? ''))]);
    await on.until(() => done.length >= 400);
    const gold = done.slice(0, 400).filter((tenant) => tenant === 'gold').length;
    expect(gold).toBeGreaterThan(270);
    expect(gold).toBeLessThan(330);
  });

  test('a tenant runs no more than its limit, over all workers, and what was held back is done', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 8, share: { maxRunning: 3 } });
    const running: Record<string, number> = {};
    let most = 0;
    let done = 0;
    const work = async (_: Context, job: Job<number>): Promise<void> => {
      const tenant = job.tenant ?? '';
      running[tenant] = (running[tenant] ?? 0) + 1;
      most = Math.max(most, running[tenant]);
      await on.place.clock.sleep(2);
      running[tenant] -= 1;
      done += 1;
    };
    for (const tenant of ['ann', 'bob']) {
      await on.place.database.tx(on.context({ tenant }), (tx) =>
        enqueueMany(
          tx,
          mail,
          Array.from({ length: 30 }, (_, payload) => ({ payload })),
        ),
      );
    }
    on.worker([handle(mail, work)]);
    on.worker([handle(mail, work)], { leases: on.leases('orders-2') });
    await on.until(() => done === 60);
    expect(most).toBe(3);
  });

  test('a queue with a rate begins no more than that over all workers', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 10, rate: { limit: 4, perMs: 400 } });
    const begun: number[] = [];
    const work = async (): Promise<void> => void begun.push(on.place.clock.monotonic());
    await on.place.database.tx(on.context(), (tx) =>
      enqueueMany(
        tx,
        mail,
        Array.from({ length: 12 }, (_, payload) => ({ payload })),
      ),
    );
    const atMs = on.place.clock.monotonic();
    on.worker([handle(mail, work)]);
    on.worker([handle(mail, work)], { leases: on.leases('orders-2') });
    await on.until(() => begun.length === 12);
    // Four at once, then one each 100 ms.
    expect(begun.at(-1)! - atMs).toBeGreaterThan(780);
  });

  test('a paused queue begins nothing', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    let done = 0;
    await on.rows(`insert into fairlead_job_queue (name, paused) values ('mail', true)`);
    on.worker([handle(mail, async () => void (done += 1))]);
    await on.enqueue(mail, 1);
    await on.ticks(30);
    expect(done).toBe(0);
    await on.rows(`update fairlead_job_queue set paused = false`);
    await on.until(() => done === 1);
  });

  test('closing gives back what has not begun, without counting it, and lets the rest finish', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 2, prefetch: 4 });
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const first = on.worker([
      handle(mail, async () => {
        begun += 1;
        await promise;
      }),
    ]);
    for (let n = 0; n < 8; n += 1) await on.enqueue(mail, n);
    await on.until(() => begun === 2 && first.state().queues['mail']?.waiting === 4);
    const closing = first.close({ graceMs: 60_000 });
    expect(first.state().kind).toBe('closing');
    await on.until(async () => (await on.count(`state = 'ready' and attempt = 0`)) === 6);
    resolve();
    await on.until(() => first.state().kind === 'closed');
    await closing;
    expect(begun).toBe(2);
    expect(await on.count(`state = 'ready' and attempt = 0 and holder is null`)).toBe(6);
    expect(await on.count()).toBe(6);
  });

  test('what does not finish in the grace has its Context ended and is given back', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    let begun = 0;
    const first = on.worker([
      handle(mail, (ctx) => {
        begun += 1;
        return on.place.clock.sleep(600_000, ctx.signal);
      }),
    ]);
    await on.enqueue(mail, 1);
    await on.until(() => begun === 1);
    const closing = first.close({ graceMs: 50 });
    await on.until(() => first.state().kind === 'closed');
    await closing;
    expect(await on.count(`state = 'ready' and attempt = 0`)).toBe(1);
  });

  test('jobs of a holder that is gone are done by others, and it can not complete them any more', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    const gate = Promise.withResolvers<void>();
    const zombies: Job<number>[] = [];
    on.worker([
      handle(mail, async (_, job) => {
        zombies.push(job);
        await gate.promise;
      }),
    ]);
    await on.enqueue(mail, 1, { key: 'ann' });
    await on.until(() => zombies.length === 1);
    await on.rows('delete from fairlead_lease_holder');
    const attempts: number[] = [];
    const second = Promise.withResolvers<void>();
    on.worker(
      [
        handle(mail, async (_, job) => {
          attempts.push(job.attempt);
          await second.promise;
        }),
      ],
      { leases: on.leases('orders-2') },
    );
    await on.until(() => attempts.length === 1);
    expect(attempts).toEqual([2]);
    const { database } = on.place;
    await expect(database.tx(on.context(), (tx) => zombies[0]!.complete(tx))).rejects.toMatchObject({
      code: 'JOB_LOST',
    });
    await expect(zombies[0]!.progress(1)).rejects.toThrow();
    gate.resolve();
    await on.ticks(10);
    // The zombie's success told nothing.
    expect(await on.count(`state = 'running'`)).toBe(1);
    const [row] = await on.rows<{ failures: { code: string }[] }>('select failures from fairlead_job');
    expect(row?.failures.map(({ code }) => code)).toEqual(['WORKER_LOST']);
    second.resolve();
    await on.until(async () => (await on.count()) === 0);
  });

  test('a job that takes its worker with it each time is dead in the end', async () => {
    await using on = await bed();
    const poison = queue<number>('poison', { attempts: 3 });
    let runs = 0;
    await on.enqueue(poison, 1);
    const held = on.leases();
    // Killing, to the database: the holder's row is gone.
    on.worker(
      [
        handle(poison, async (ctx) => {
          runs += 1;
          await on.rows('delete from fairlead_lease_holder');
          await on.place.clock.sleep(600_000, ctx.signal);
        }),
      ],
      { leases: held },
    );
    await on.until(async () => (await on.count(`state = 'dead'`)) === 1);
    expect(runs).toBe(3);
    const [row] = await on.rows<{ dead_reason: string; failures: { code: string }[] }>(
      'select dead_reason, failures from fairlead_job',
    );
    expect(row?.dead_reason).toBe('attempts');
    expect(row?.failures.map(({ code }) => code)).toEqual(['WORKER_LOST', 'WORKER_LOST', 'WORKER_LOST']);
  });

  test('a key that nobody lets go is found', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    await on.enqueue(mail, 1, { key: 'ann' });
    await on.rows(`update fairlead_job set state = 'blocked'`);
    await on.rows(`select fairlead_job_sweep('nobody', '{}', true)`);
    expect(await on.count(`state = 'ready'`)).toBe(1);
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

  test('a queue that keeps what has ended tells about it until it is old', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { retentionMs: 60_000 });
    on.worker([handle(mail, nothing)]);
    const id = idOf(await on.enqueue(mail, 1, { tenant: 'acme' }));
    const history = () => on.rows('select id, tenant, outcome, attempt from fairlead_job_history');
    await on.until(async () => (await history()).length === 1);
    expect(await history()).toEqual([{ id, tenant: 'acme', outcome: 'done', attempt: 1 }]);
    await on.rows(`update fairlead_job_history set expires_at = fairlead.now() - interval '1 second'`);
    await on.rows(`select fairlead_job_sweep('nobody', '{}', true)`);
    expect(await history()).toEqual([]);
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
