import { createContext, FairleadError, seededRandom } from '@fairlead/core';
import type { Database, Tx } from '@fairlead/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases, type HeldDatabase } from '../both-databases.fixture.ts';
import { mortalWorld } from './mortal-world.fixture.ts';
import { sagaAdmin } from './saga-admin.ts';
import { clock, context, sagaProcess, until } from './saga-world.fixture.ts';
import { saga } from './saga.ts';

describe.each(bothDatabases(clock))('owners of runs on %s', (_name, create) => {
  let held: HeldDatabase;
  beforeAll(async () => {
    held = await create();
  });
  afterAll(() => held.end());

  test('a process that stood still and goes on can record nothing of a run that was taken over', async () => {
    using ctx = context();
    const release = Promise.withResolvers<void>();
    let zombies = 0;
    const slow = saga('slow', async (s, _: null) => {
      await s.step(
        'wait',
        async () => {
          await release.promise;
          zombies += 1;
          return 'zombie';
        },
        { timeout: 0 },
      );
      return s.transaction('write', async () => 'zombie');
    });
    const quick = saga('slow', async (s, _: null) => {
      const first = await s.step('wait', () => 'heir', { timeout: 0 });
      return [first, await s.transaction('write', async () => 'heir')];
    });
    // It learns of the end of its lease when it renews it, long after the test.
    const zombie = sagaProcess(held.database, { slow }, { ttlMs: 60_000, watchMs: 60_000 });
    await zombie.sagas.start(ctx, 'slow', '1', null);
    await held.database.query(ctx, 'delete from fairlead_lease_holder');
    await using heir = sagaProcess(held.database, { slow: quick });
    expect(await heir.sagas.result(ctx, 'slow', '1')).toEqual({ kind: 'completed', result: ['heir', 'heir'] });
    expect(zombie.sagas.active).toBe(1);
    release.resolve();
    await until(ctx, async () => (zombie.sagas.active === 0 ? true : undefined));
    expect(zombies).toBe(1);
    await zombie[Symbol.asyncDispose]();
    const history = await sagaAdmin(held.database).inspect(ctx, 'slow', '1');
    expect(history?.journal.map(({ result }) => result)).toEqual(['heir', 'heir']);
  });

  test('what a commit or a statement came to is found out when its answer is lost', async () => {
    using ctx = context();
    const lost = { left: 0 };
    const database = losing(held.database, lost);
    let effects = 0;
    const it = saga('unsure', async (s, _: null) => {
      const a = await s.step('a', () => {
        lost.left = 1;
        return 'A';
      });
      const b = await s.transaction('b', async () => {
        effects += 1;
        lost.left = 1;
        return 'B';
      });
      return [a, b];
    });
    await using process = sagaProcess(database, { it });
    await process.sagas.start(ctx, 'it', '1', null);
    expect(await process.sagas.result(ctx, 'it', '1')).toEqual({ kind: 'completed', result: ['A', 'B'] });
    expect(effects).toBe(1);
    const history = await sagaAdmin(held.database).inspect(ctx, 'unsure', '1');
    expect(history?.journal.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('an undo that is given up needs attention: it is retried, skipped, or the run is resolved', async () => {
    using ctx = context();
    const admin = sagaAdmin(held.database);
    let mended = false;
    const undone: string[] = [];
    const it = saga('stubborn', async (s, _: null) => {
      await s.step('a', () => 1, { undo: () => void undone.push('a') });
      await s.step('b', () => 1, {
        retry: { attempts: 2, backoff: { base: '1ms', cap: '1ms' } },
        undo() {
          if (!mended) throw new Error('stuck');
          undone.push('b');
        },
      });
      throw new FairleadError('conflict', 'NO', 'no');
    });
    await using process = sagaProcess(held.database, { it });
    const held2 = async (id: string) => {
      await process.sagas.start(ctx, 'it', id, null);
      return until(ctx, async () => {
        const run = await process.sagas.get(ctx, 'it', id);
        return run?.status === 'needs-attention' ? run : undefined;
      });
    };
    expect((await held2('skip')).failure?.message).toContain('The undo of the step b #1 has failed 2 times');
    expect(await admin.skip(ctx, 'stubborn', 'skip')).toEqual({ kind: 'done' });
    expect(await process.sagas.result(ctx, 'it', 'skip')).toMatchObject({
      kind: 'compensated',
      failure: { code: 'NO' },
    });
    expect(undone.splice(0)).toEqual(['a']);
    await held2('retry');
    mended = true;
    expect(await admin.retry(ctx, 'stubborn', 'retry')).toEqual({ kind: 'done' });
    expect(await process.sagas.result(ctx, 'it', 'retry')).toMatchObject({ kind: 'compensated' });
    expect(undone).toEqual(['b', 'a']);
  });

  test('a run that compensates has no use for a cancellation, and does not wake for it again and again', async () => {
    using ctx = context();
    const it = saga('patient', async (s, _: null) => {
      await s.step('a', () => 1, {
        undo() {
          throw new FairleadError('unavailable', 'AWAY', 'away', { retryAfterMs: 3_600_000 });
        },
      });
      throw new FairleadError('conflict', 'NO', 'no');
    });
    await using process = sagaProcess(held.database, { it });
    await process.sagas.start(ctx, 'it', '1', null);
    const rests = () =>
      until(ctx, async () => {
        const run = await process.sagas.get(ctx, 'it', '1');
        const due = `select from fairlead_job where queue = 'fairlead-sagas' and state <> 'scheduled'`;
        const { rowCount } = await held.database.query(ctx, due);
        return run?.status === 'compensating' && process.sagas.active === 0 && rowCount === 0 ? run : undefined;
      });
    await rests();
    expect(await process.sagas.cancel(ctx, 'it', '1')).toEqual({ kind: 'cancelling' });
    // Woken once, it rests again.
    await until(ctx, async () => {
      const { updatedAt } = await rests();
      return (await rests()).updatedAt === updatedAt ? true : undefined;
    });
    expect(await sagaAdmin(held.database).resolve(ctx, 'patient', '1', { note: 'by hand' })).toEqual({ kind: 'done' });
  });

  test('a step that fails is tried again later out of memory, or taken as done by an operator', async () => {
    using ctx = context();
    const admin = sagaAdmin(held.database);
    let tries = 0;
    const it = saga('failing', async (s, _: null) =>
      s.step('a', () => {
        tries += 1;
        throw new FairleadError('unavailable', 'AWAY', 'away', { retryAfterMs: 3_600_000 });
      }),
    );
    await using process = sagaProcess(held.database, { it });
    await process.sagas.start(ctx, 'it', '1', null);
    await until(ctx, async () => ((await process.sagas.get(ctx, 'it', '1'))?.status === 'waiting' ? true : undefined));
    const history = await admin.inspect(ctx, 'failing', '1');
    expect(history?.failing).toMatchObject([{ step: 'step a #1', attempts: 1, failure: { code: 'AWAY' } }]);
    expect(await admin.retry(ctx, 'failing', '1')).toEqual({ kind: 'done' });
    await until(ctx, async () => {
      const [failing] = (await admin.inspect(ctx, 'failing', '1'))?.failing ?? [];
      return failing?.attempts === 2 && (await process.sagas.get(ctx, 'it', '1'))?.status === 'waiting'
        ? true
        : undefined;
    });
    expect(tries).toBe(2);
    expect(await admin.skip(ctx, 'failing', '1', { result: 'by hand' })).toEqual({ kind: 'done' });
    expect(await process.sagas.result(ctx, 'it', '1')).toEqual({ kind: 'completed', result: 'by hand' });
  });

  test('chance within a step is refused: it would be drawn again only if the step is done again', async () => {
    using ctx = context();
    const it = saga('careless', async (s, _: null) => s.step('a', () => s.random()));
    await using process = sagaProcess(held.database, { it });
    await process.sagas.start(ctx, 'it', '1', null);
    const outcome = await process.sagas.result(ctx, 'it', '1');
    expect(outcome).toMatchObject({ kind: 'compensated', failure: { code: 'SAGA_INVALID' } });
  });

  test('runs are found by what they are said to be about', async () => {
    using ctx = context();
    const admin = sagaAdmin(held.database);
    const it = saga('found', async (s, order: string) => {
      s.attributes({ order });
      await s.step('a', () => 1);
    });
    await using process = sagaProcess(held.database, { it });
    for (const [index, order] of ['x', 'y', 'x'].entries()) {
      const id = `${order}${index}`;
      await process.sagas.start(ctx, 'it', id, order);
      await process.sagas.result(ctx, 'it', id);
    }
    const x = await admin.list(ctx, { saga: 'found', attribute: { name: 'order', value: 'x' } });
    expect(x.sagas.map(({ attributes }) => attributes)).toEqual([{ order: 'x' }, { order: 'x' }]);
    const [first, second] = [
      await admin.list(ctx, { saga: 'found', limit: 2 }),
      await admin.list(ctx, { saga: 'found' }),
    ];
    expect([first.sagas.length, second.sagas.length]).toEqual([2, 3]);
    expect(
      (await admin.list(ctx, { saga: 'found', limit: 2, ...(first.next !== undefined && { after: first.next }) }))
        .sagas,
    ).toHaveLength(1);
  });
});

test.each([
  ['back', -20_000],
  ['forward', 3_600_000],
])('a sleep lasts as long as it is to by the database, whose clock is set %s meanwhile', async (_, jumpMs) => {
  await using world = await mortalWorld(`jump ${jumpMs}`);
  using ctx = createContext({ clock: world.clock, random: seededRandom(1) });
  const it = saga('sleepy', async (s, _input: null) => {
    const begunMs = s.now();
    await s.sleep('30s');
    return s.now() - begunMs;
  });
  const process = world.process({ it });
  await world.drive(process.sagas.start(ctx, 'it', '1', null));
  const waits = async (): Promise<void> => {
    while ((await process.sagas.get(ctx, 'it', '1'))?.status !== 'waiting') await world.clock.sleep(100);
  };
  await world.drive(waits());
  world.clock.jump(jumpMs);
  const outcome = await world.drive(process.sagas.result(ctx, 'it', '1'));
  const sleptMs = outcome.kind === 'completed' ? outcome.result : 0;
  // A millisecond is lost where times are cut to whole ones.
  expect(sleptMs).toBeGreaterThanOrEqual(29_999);
  process.kill();
});

/** A database of which the next answers are lost although it has done what it was told. */
function losing(inner: Database, lost: { left: number }): Database {
  const lose = (): void => {
    if (lost.left <= 0) return;
    lost.left -= 1;
    throw new FairleadError('unavailable', 'COMMIT_UNKNOWN', 'the answer was lost');
  };
  return {
    name: inner.name,
    query: (ctx, text, params) => inner.query(ctx, text, params),
    async tx<T>(
      ctx: Parameters<Database['tx']>[0],
      work: (tx: Tx) => Promise<T>,
      options?: Parameters<Database['tx']>[2],
    ) {
      const wrote = { saga: false };
      const value = await inner.tx(
        ctx,
        (tx) => {
          const watched: Tx = {
            ctx: tx.ctx,
            query(text, params) {
              if (text.includes('fairlead_doc_put') && params?.[0] === 'fairlead.saga') wrote.saga = true;
              return tx.query(text, params);
            },
            afterCommit: (fn) => tx.afterCommit(fn),
            announce: (channel, payload) => tx.announce(channel, payload),
          };
          return work(watched);
        },
        options,
      );
      if (wrote.saga) lose();
      return value;
    },
    listen: (channel, onNotify) => inner.listen(channel, onNotify),
    close: (how) => inner.close(how),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
