import type { Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { cancelJob, enqueueMany } from '../enqueue.ts';
import type { Job } from '../job-types.ts';
import { handle, queue } from '../queue.ts';
import { idOf, JobBed, type JobPlace } from './job-bed.ts';

/** Who is next: keys, tenants, rates, priorities. `open` gives a place with an empty database. */
export function orderSuite(open: () => Promise<JobPlace>): void {
  const bed = async (): Promise<JobBed> => new JobBed(await open());

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
    expect(both[1]).toMatchObject({ id: idOf(both[0]) });
    const done: number[] = [];
    on.worker([handle(mail, async (_, job) => void done.push(job.payload))]);
    await on.until(async () => (await on.count()) === 0);
    expect(done.toSorted((a, b) => a - b)).toEqual([1, 3, 4, 6]);
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
    expect(results[3]).toHaveProperty('retryAfterMs', expect.any(Number));
    expect(await on.enqueue(mail, 5, { tenant: 'beta' })).toMatchObject({ kind: 'enqueued' });
    expect(await on.count()).toBe(4);
  });

  test('many jobs of one tenant do not delay the one of another', async () => {
    await using on = await bed();
    const mail = queue<number>('mail', { concurrency: 2 });
    const done: string[] = [];
    await on.place.database.tx(on.context({ tenant: 'whale' }), (tx) =>
      enqueueMany(
        tx,
        mail,
        Array.from({ length: 3_000 }, (_, payload) => ({ payload })),
      ),
    );
    on.worker([
      handle(mail, async (_, job) => {
        done.push(job.tenant ?? '');
        await on.place.clock.sleep(1);
      }),
    ]);
    await on.until(() => done.length >= 20);
    await on.enqueue(mail, 1, { tenant: 'ann' });
    await on.until(() => done.includes('ann'));
    // Whoever goes by who came first has done all of the others by then. How many it takes until a look finds it depends on the machine.
    expect(done.indexOf('ann')).toBeLessThan(1_500);
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
    const work = async (_: Context, job: Job<number>): Promise<void> => {
      done.push(job.tenant ?? '');
      // What is shared is time: beside this, what the machine does in between is little.
      await on.place.clock.sleep(5);
    };
    on.worker([handle(mail, work)]);
    await on.until(() => done.length >= 400);
    const gold = done.slice(0, 400).filter((tenant) => tenant === 'gold').length;
    expect(gold).toBeGreaterThan(250);
    expect(gold).toBeLessThan(350);
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
    expect((begun.at(-1) ?? 0) - atMs).toBeGreaterThan(780);
  });

  test('a key that nobody lets go is found', async () => {
    await using on = await bed();
    const mail = queue<number>('mail');
    await on.enqueue(mail, 1, { key: 'ann' });
    await on.rows(`update fairlead_job set state = 'blocked'`);
    await on.rows(`select fairlead_job_sweep('nobody', '{}', true)`);
    expect(await on.count(`state = 'ready'`)).toBe(1);
  });
}
