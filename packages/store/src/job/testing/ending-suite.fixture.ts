import { isError } from '@fairlead/core';
import { expect, test } from 'vitest';
import { cancelJob } from '../enqueue.ts';
import type { Job } from '../job-types.ts';
import { handle, queue } from '../queue.ts';
import { idOf, JobBed, nothing, only, type JobPlace } from './job-bed.ts';

/** How jobs and workers end otherwise. `open` gives a place with an empty database. */
export function endingSuite(open: () => Promise<JobPlace>): void {
  const bed = async (): Promise<JobBed> => new JobBed(await open());

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
    // Whoever has one in hand claims none: the first worker, which is not gone, is not to be the other.
    const mail = queue<number>('mail', { concurrency: 1, prefetch: 0 });
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
    await expect(database.tx(on.context(), (tx) => only(zombies).complete(tx))).rejects.toMatchObject({
      code: 'JOB_LOST',
    });
    await expect(only(zombies).progress(1)).rejects.toThrow();
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
}
