import { createContext, FairleadError, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { leases } from '../lease/leases.ts';
import { cancelJob } from './enqueue.ts';
import { discardJobs } from './job-admin-dead.ts';
import { findJob } from './job-admin.ts';
import type { HandledQueue, JobHandler, Queue } from './job-types.ts';
import { handle, queue } from './queue.ts';
import { gather, partHandler, scatter, type Gathered, type ScatterOptions } from './scatter.ts';
import { worker } from './worker.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';

const clock = realClock();
const random = realRandom();
/** Waiting for what workers do, however busy the machine is. */
const SOON = { timeout: 20_000 };
const ctx = createContext({ clock, random });
const HOUR_MS = 3_600_000;

describe.each(bothDatabases(clock))('scattered jobs on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  let worlds = 0;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  /** A queue of parts and one that gathers, and a process that does both. */
  function world(part: (target: number) => Promise<unknown>, options: { readonly attempts?: number } = {}) {
    const name = `w${(worlds += 1)}`;
    const parts: Queue<{ target: number }> = queue(`${name}-part`, { attempts: 1, ...options });
    const then: Queue<{ of: string }> = queue(`${name}-then`);
    const gathered = Promise.withResolvers<Gathered<number> | undefined>();
    let gathers = 0;
    const onGathered: JobHandler<{ of: string }> = async (_ctx, job) => {
      const answer = await database.tx(ctx, (tx) => gather<number>(tx, job.id));
      // The first attempt fails after its gathering has been committed: the second one sees the same.
      if ((gathers += 1) === 1) throw new FairleadError('unavailable', 'AWAY', 'not yet', { details: {} });
      gathered.resolve(answer);
    };
    const queues: HandledQueue[] = [
      handle(
        parts,
        partHandler(database, (_ctx, job) => part(job.payload.target)),
      ),
      handle(queue<{ of: string }>(then.name, { backoff: { base: '1ms', cap: '1ms' } }), onGathered),
    ];
    const start = () => {
      const held = leases({ database, holder: name, clock, random });
      const running = worker({ database, leases: held, queues, clock, random, pollMs: 50 });
      return {
        async [Symbol.asyncDispose]() {
          await running.close({ graceMs: 0 });
          await held.close();
        },
      };
    };
    const begin = async (count: number, more: Partial<ScatterOptions<{ of: string }>> = {}) => {
      const targets = Array.from({ length: count }, (_each, target) => ({ target }));
      const result = await database.tx(ctx, (tx) =>
        scatter(tx, parts, targets, { then, payload: { of: name }, deadlineMs: HOUR_MS, ...more }),
      );
      if (result.kind !== 'scattered') throw new Error(result.kind);
      return result.id;
    };
    const partIds = async (id: string): Promise<string[]> =>
      (
        await database.query<{ job: string }>(
          ctx,
          'select job::text as job from fairlead_scatter_part where scatter = $1 order by place',
          [id],
        )
      ).rows.map(({ job }) => job);
    return { start, begin, gathered: gathered.promise, partIds, then };
  }

  test('all results are there, in the places of their targets, when the last part has ended', async () => {
    const { start, begin, gathered } = world(async (target) => target * 10);
    await begin(7);
    await using _worker = start();
    expect(await gathered).toEqual({
      results: Array.from({ length: 7 }, (_each, place) => ({ place, value: place * 10 })),
      failed: [],
      missing: [],
      partial: false,
    });
  });

  test('a part that is given up is told with its errors, and the others are not lost', async () => {
    const { start, begin, gathered } = world(async (target) => {
      if (target === 1) throw new FairleadError('unavailable', 'SHOP_CLOSED', 'closed');
      return undefined;
    });
    await begin(3);
    await using _worker = start();
    expect(await gathered).toMatchObject({
      results: [
        { place: 0, value: null },
        { place: 2, value: null },
      ],
      failed: [{ place: 1, failures: [{ attempt: 1, code: 'SHOP_CLOSED', message: 'closed' }] }],
      missing: [],
      partial: true,
    });
  });

  test('a quorum is enough: it goes on without the rest, which is cancelled, and counts no more', async () => {
    const stuck = Promise.withResolvers<number>();
    const { start, begin, gathered, partIds } = world((target) =>
      target < 2 ? Promise.resolve(target) : stuck.promise,
    );
    const id = await begin(4, { quorum: 2 });
    const ids = await partIds(id);
    await using _worker = start();
    const answer = await gathered;
    expect(answer).toMatchObject({ failed: [], missing: [2, 3], partial: true });
    expect(answer?.results).toHaveLength(2);
    stuck.resolve(7);
    await expect.poll(async () => Promise.all(ids.map((each) => findJob(ctx, database, each))), SOON).toEqual(Array(4));
    const { rows } = await database.query(ctx, 'select results, failures from fairlead_scatter where id = $1', [id]);
    expect(rows).toEqual([{ results: 2, failures: 0 }]);
  });

  test('when its time is over it goes on with what there is', async () => {
    const { start, begin, gathered } = world((target) => (target === 0 ? Promise.resolve(5) : new Promise(() => {})));
    await begin(2, { deadlineMs: 700 });
    await using _worker = start();
    expect(await gathered).toEqual({ results: [{ place: 0, value: 5 }], failed: [], missing: [1], partial: true });
  });

  test('nothing is lost when nobody works for a while; parts that were cancelled have failed', async () => {
    const { start, begin, gathered, partIds, then } = world(async (target) => target);
    const id = await begin(3);
    const [, second = ''] = await partIds(id);
    await database.tx(ctx, (tx) => cancelJob(tx, second));
    expect(await findJob(ctx, database, id)).toMatchObject({ queue: then.name, state: 'later' });
    await using _worker = start();
    expect(await gathered).toMatchObject({
      results: [{ place: 0 }, { place: 2 }],
      failed: [{ place: 1, failures: [] }],
      missing: [],
    });
  });

  test('a part whose worker is gone is done by another one; what the first comes to later is refused', async () => {
    const begun = Promise.withResolvers<void>();
    const late = Promise.withResolvers<number>();
    let times = 0;
    const { start, begin, gathered } = world(
      (target) => {
        if (target > 0 || (times += 1) > 1) return Promise.resolve(target);
        begun.resolve();
        return late.promise;
      },
      { attempts: 2 },
    );
    await begin(2);
    await using _first = start();
    await begun.promise;
    // As when its lease has lapsed while it stood still.
    await database.query(ctx, 'delete from fairlead_lease_holder');
    await using _second = start();
    const answer = await gathered;
    late.resolve(99);
    expect(answer).toMatchObject({
      results: [
        { place: 0, value: 0 },
        { place: 1, value: 1 },
      ],
      partial: false,
    });
  });

  test('parts of many that end together in one statement hold each other up nowhere', async () => {
    const name = `w${(worlds += 1)}`;
    const parts: Queue<{ n: number }> = queue(`${name}-part`, { attempts: 1, concurrency: 50 });
    const then: Queue<{ of: number }> = queue(`${name}-then`);
    const done = new Set<number>();
    const all = Promise.withResolvers<void>();
    const queues: HandledQueue[] = [
      // Without a result, so that they are ended by the worker's own statement, many at once.
      handle(parts, async () => {}),
      handle(then, async (_ctx, job) => {
        const answer = await database.tx(ctx, (tx) => gather(tx, job.id));
        expect([answer?.failed.length, answer?.missing]).toEqual([10, []]);
        if (done.add(job.payload.of).size === 12) all.resolve();
      }),
    ];
    for (let of = 0; of < 12; of += 1) {
      const targets = Array.from({ length: 10 }, (_each, n) => ({ n }));
      const options = { then, payload: { of }, deadlineMs: HOUR_MS };
      await database.tx(ctx, (tx) => scatter(tx, parts, targets, options));
    }
    const held = [leases({ database, holder: 'a', clock, random }), leases({ database, holder: 'b', clock, random })];
    const workers = held.map((each) => worker({ database, leases: each, queues, clock, random, pollMs: 50 }));
    await all.promise;
    for (const each of workers) await each.close({ graceMs: 0 });
    for (const each of held) await each.close();
  });

  test('without targets it goes on at once; with too many or an odd quorum nothing begins', async () => {
    const { start, begin, gathered } = world(async () => 1);
    await begin(0);
    await using _worker = start();
    expect(await gathered).toEqual({ results: [], failed: [], missing: [], partial: false });
    await expect(begin(3, { quorum: 4 })).rejects.toMatchObject({ code: 'JOB_INVALID' });
    await expect(begin(3, { deadlineMs: 0 })).rejects.toMatchObject({ code: 'JOB_INVALID' });
    await expect(begin(10_001)).rejects.toMatchObject({ code: 'JOB_INVALID' });
  });

  test('a discarded dead part changes nothing any more, and what has ended is swept in the end', async () => {
    const { start, begin, gathered, partIds } = world(async (target) => {
      if (target === 0) throw new Error('no');
      return target;
    });
    const id = await begin(2);
    const [first] = await partIds(id);
    {
      await using _worker = start();
      expect(await gathered).toMatchObject({ failed: [{ place: 0 }] });
      await expect.poll(() => findJob(ctx, database, id), SOON).toBeUndefined();
    }
    expect(await discardJobs(ctx, database, { id: first })).toMatchObject({ count: 1 });
    const { begin: another } = world(async () => 1);
    await another(1);
    const { rows } = await database.query(ctx, 'select from fairlead_scatter where id = $1', [id]);
    expect(rows).toHaveLength(0);
  });
});
