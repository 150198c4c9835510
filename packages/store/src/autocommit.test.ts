import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database, Tx } from './database.ts';
import { append } from './log/log.ts';
import { logReader } from './log/log-reader.ts';
import { bothDatabases } from './testing/both-databases.fixture.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

describe.each(bothDatabases(clock))('statements that commit by themselves, on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());
  beforeEach(() => database.query(ctx, 'delete from fairlead_stream').then(() => {}));

  const begin = (tx: Tx, stream: string) =>
    tx.query('insert into fairlead_stream (stream, version) values ($1, 0)', [stream]);
  const streams = async (): Promise<readonly unknown[]> =>
    (await database.query(ctx, 'select stream from fairlead_stream order by stream')).rows.map(({ stream }) => stream);
  const alone = { autocommit: true } as const;

  test('stay when the work fails, and what was to follow a commit does not run then', async () => {
    let ran = 0;
    const work = database.tx(
      ctx,
      async (tx) => {
        await begin(tx, 'a');
        expect(await streams()).toEqual(['a']);
        tx.afterCommit(() => (ran += 1));
        await begin(tx, 'a');
      },
      alone,
    );
    await expect(work).rejects.toMatchObject({ code: '23505' });
    expect(await streams()).toEqual(['a']);
    expect(ran).toBe(0);
  });

  test('an append is whole, conflicts included, and is announced', async () => {
    const heard = Promise.withResolvers<void>();
    let calls = 0;
    await using _ = await database.listen('fairlead_log', () => {
      // Once for listening itself.
      calls += 1;
      if (calls === 2) heard.resolve();
    });
    const events = [{ type: 'order.placed', key: 'k', data: {} }];
    const first = await database.tx(ctx, (tx) => append(tx, 'order-1', 'none', events), alone);
    const second = await database.tx(ctx, (tx) => append(tx, 'order-1', 'none', events), alone);
    const third = await database.tx(ctx, (tx) => append(tx, 'order-1', 1, [...events, ...events]), alone);
    expect([first.kind, second, third.kind]).toEqual(['appended', { kind: 'conflict', actual: 1 }, 'appended']);
    const read = await logReader(database).read(ctx, { after: 0n, limit: 10 });
    expect(read.map(({ version }) => version)).toEqual([1, 2, 3]);
    await heard.promise;
  });

  test('end with the function that makes them, and go with no option of a transaction', async () => {
    let kept: Tx | undefined;
    let ran = 0;
    await database.tx(
      ctx,
      async (tx) => {
        kept = tx;
        tx.afterCommit(() => (ran += 1));
      },
      alone,
    );
    expect(ran).toBe(1);
    await expect(kept?.query('select 1')).rejects.toMatchObject({ code: 'TX_CLOSED' });
    expect(() => kept?.afterCommit(() => {})).toThrow(expect.objectContaining({ code: 'TX_CLOSED' }));
    await expect(database.tx(ctx, async () => {}, { ...alone, isolation: 'serializable' })).rejects.toMatchObject({
      code: 'MISCONFIGURED',
    });
  });
});
