import { expect, test } from 'vitest';
import { breakable } from '../testing/breakable.ts';
import { enqueueMany } from './enqueue.ts';
import { handle, queue } from './queue.ts';
import { JobBed } from './testing/job-bed.ts';
import { pglitePlaces } from './testing/pglite-place.fixture.ts';

// Workers of one process that were given the same queue, and statements that are under way at the same time.

const open = pglitePlaces(20);
const bed = async (): Promise<JobBed> => new JobBed(await open());

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test('workers of a process claim together what they share, and each does its part', async () => {
  await using on = await bed();
  const mail = queue<number>('mail', { concurrency: 5 });
  const line = breakable(on.place.database);
  const leases = on.leases();
  for (const n of numbers(100)) await on.enqueue(mail, n);
  const done = [0, 0, 0, 0];
  for (const each of done.keys()) {
    const handled = handle(mail, async () => void (done[each]! += 1));
    on.worker([handled], { database: line.database, leases, pollMs: 60_000 });
  }
  await on.until(async () => (await on.count()) === 0);
  expect(done.reduce((sum, each) => sum + each, 0)).toBe(100);
  expect(Math.min(...done)).toBeGreaterThanOrEqual(10);
  // Each by itself would send five times four, and each looks after jobs once.
  expect(line.sent).toBeLessThanOrEqual(16);
});

test('no job waits for a worker that is busy while another is free', async () => {
  await using on = await bed();
  const mail = queue<number>('mail', { concurrency: 1, prefetch: 3 });
  const leases = on.leases();
  const gate = Promise.withResolvers<void>();
  const done: number[] = [];
  await on.place.database.tx(on.context(), (tx) =>
    enqueueMany(
      tx,
      mail,
      numbers(8).map((payload) => ({ payload })),
    ),
  );
  on.worker([handle(mail, () => gate.promise)], { leases });
  on.worker([handle(mail, async (_, job) => void done.push(job.payload))], { leases });
  await on.until(() => done.length === 7);
  gate.resolve();
  await on.until(async () => (await on.count()) === 0);
});

test('one that is closed gives back what the others have no room for, tells what it did, and they go on', async () => {
  await using on = await bed();
  const mail = queue<number>('mail', { concurrency: 2, prefetch: 2 });
  const leases = on.leases();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const begun: string[] = [];
  const attempts: number[] = [];
  await on.place.database.tx(on.context(), (tx) =>
    enqueueMany(
      tx,
      mail,
      numbers(8).map((payload) => ({ payload })),
    ),
  );
  const [first, second] = gates.map(({ promise }, each) =>
    on.worker(
      [
        handle(mail, async (_, job) => {
          begun.push(`${each}`);
          attempts.push(job.attempt);
          await promise;
        }),
      ],
      { leases },
    ),
  );
  await on.until(() => begun.length === 4 && second?.state().queues['mail']?.waiting === 4);
  const closing = first?.close({ graceMs: 60_000 });
  expect(second?.state().queues['mail']?.waiting).toBe(2);
  await on.until(async () => (await on.count(`state = 'ready'`)) === 2);
  gates[0]?.resolve();
  await on.until(() => first?.state().kind === 'closed');
  await closing;
  // Its own two are told, the other's run on.
  expect(await on.count()).toBe(6);
  expect(second?.state().kind).toBe('running');
  gates[1]?.resolve();
  await on.until(async () => (await on.count()) === 0);
  expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect(begun.filter((each) => each === '0')).toHaveLength(2);
});

test('workers that come when the others have left claim anew', async () => {
  await using on = await bed();
  const mail = queue<number>('mail');
  const leases = on.leases();
  let done = 0;
  const handled = handle(mail, async () => void (done += 1));
  for (const round of [1, 2]) {
    const worker = on.worker([handled], { leases });
    await on.enqueue(mail, round);
    await on.until(async () => done === round && (await on.count()) === 0);
    const closing = worker.close();
    await on.until(() => worker.state().kind === 'closed');
    await closing;
  }
});
