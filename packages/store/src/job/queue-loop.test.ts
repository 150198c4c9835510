import { expect, test } from 'vitest';
import { breakable } from '../testing/breakable.ts';
import { handle, queue } from './queue.ts';
import { JobBed } from './testing/job-bed.ts';
import { pglitePlaces } from './testing/pglite-place.fixture.ts';

// What the line between worker and database does to jobs.

const open = pglitePlaces(20);
const bed = async (): Promise<JobBed> => new JobBed(await open());

test('jobs that were claimed by a statement whose answer was lost are given back, and done with their first attempt', async () => {
  await using on = await bed();
  const mail = queue<number>('mail');
  const line = breakable(on.place.database);
  const attempts: number[] = [];
  const held = on.leases();
  await held.standing(on.context());
  for (let n = 0; n < 5; n += 1) await on.enqueue(mail, n);
  line.loseAnswers();
  on.worker([handle(mail, async (_, job) => void attempts.push(job.attempt))], {
    database: line.database,
    leases: held,
  });
  await on.until(async () => (await on.count(`state = 'running'`)) === 5);
  line.mend();
  await on.until(async () => (await on.count()) === 0);
  expect(attempts).toEqual([1, 1, 1, 1, 1]);
});

test('what was done is told until the database answers, and not done again', async () => {
  await using on = await bed();
  const mail = queue<number>('mail');
  const line = breakable(on.place.database);
  let runs = 0;
  on.worker(
    [
      handle(mail, async () => {
        runs += 1;
        line.cut();
      }),
    ],
    { database: line.database },
  );
  await on.enqueue(mail, 1);
  await on.until(() => runs === 1);
  await on.ticks(50);
  expect(await on.count(`state = 'running'`)).toBe(1);
  line.mend();
  await on.until(async () => (await on.count()) === 0);
  expect(runs).toBe(1);
});

test('when the leases are lost, Contexts of running jobs end, and the jobs are done again with their next attempt', async () => {
  await using on = await bed();
  const mail = queue<number>('mail');
  const line = breakable(on.place.database);
  const ends: unknown[] = [];
  const attempts: number[] = [];
  const held = on.leases('orders-1', { database: line.database });
  on.worker(
    [
      handle(mail, async (ctx, job) => {
        attempts.push(job.attempt);
        if (ends.length > 0) return;
        ctx.onEnd((reason) => ends.push(reason));
        line.cut();
        await on.place.clock.sleep(600_000, ctx.signal);
      }),
    ],
    { leases: held },
  );
  await on.enqueue(mail, 1);
  await on.until(() => ends.length === 1);
  expect(ends[0]).toMatchObject({ code: 'CANCELLED', cause: { code: 'LEASE_LOST' } });
  line.mend();
  await on.until(async () => (await on.count()) === 0);
  expect(attempts).toEqual([1, 2]);
});

test('the next job of a key goes as soon as the one before has ended, also while later ones were not come across yet', async () => {
  await using on = await bed();
  const mail = queue<number>('mail', { concurrency: 8 });
  const done: number[] = [];
  for (let n = 0; n < 60; n += 1) await on.enqueue(mail, n, { key: n % 3 === 0 ? 'ann' : `other ${n}` });
  const handled = handle(mail, async (_, job) => {
    await on.place.clock.sleep(1);
    if (job.key === 'ann') done.push(job.payload);
  });
  const atMs = on.place.clock.monotonic();
  on.worker([handled]);
  on.worker([handled], { leases: on.leases('orders-2') });
  await on.until(async () => (await on.count()) === 0);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  // Long before anybody looks for keys that nobody lets go, by the virtual on.place.clock.
  expect(on.place.clock.monotonic() - atMs).toBeLessThan(10_000);
});

test('closing ends soon when the database does not answer, and what was not told returns with the leases', async () => {
  await using on = await bed();
  const mail = queue<number>('mail');
  const line = breakable(on.place.database);
  let runs = 0;
  const first = on.worker(
    [
      handle(mail, async () => {
        runs += 1;
        line.cut();
      }),
    ],
    { database: line.database },
  );
  await on.enqueue(mail, 1);
  await on.until(() => runs === 1);
  const atMs = on.place.clock.monotonic();
  const closing = first.close({ graceMs: 500 });
  await on.until(() => first.state().kind === 'closed');
  await closing;
  expect(on.place.clock.monotonic() - atMs).toBeLessThan(3_000);
  expect(await on.count(`state = 'running'`)).toBe(1);
});

test('a worker that has nothing to do sends one statement each pollMs', async () => {
  await using on = await bed();
  const line = breakable(on.place.database);
  const names = ['a', 'b', 'c', 'd'];
  const queues = names.map((name) => handle(queue(name), async () => {}));
  on.worker(queues, { database: line.database, leases: on.leases(), pollMs: 1_000 });
  await on.ticks(100);
  const before = line.sent;
  await on.ticks(500);
  expect(line.sent - before).toBeLessThanOrEqual(11);
});

test('jobs that wait cost as many statements as there are batches', async () => {
  await using on = await bed();
  const mail = queue<number>('mail', { concurrency: 20 });
  const line = breakable(on.place.database);
  for (let n = 0; n < 100; n += 1) await on.enqueue(mail, n);
  let done = 0;
  on.worker([handle(mail, async () => void (done += 1))], { database: line.database, pollMs: 60_000 });
  await on.until(async () => done === 100 && (await on.count()) === 0);
  expect(line.sent).toBeLessThanOrEqual(9);
});
