import { beforeEach, describe, expect, test } from 'vitest';
import type { ScheduleFunction } from './lease-types.ts';
import { useLeaseWorld } from './lease-world.fixture.ts';
import { dueAt, resolveSchedule } from './schedule.ts';

describe('what is due', () => {
  const due = (missed: 'latest' | 'skip' | 'all', nextMs: number, nowMs: number) =>
    dueAt(resolveSchedule('s', { everyMs: 1_000, graceMs: 200, missed }), nextMs, nowMs);

  test.each([
    ['nothing before its time', 'latest', 5_000, 4_999, undefined, 5_000],
    ['at its time', 'latest', 5_000, 5_000, 5_000, 6_000],
    ['late, the latest of those missed', 'latest', 5_000, 8_700, 8_000, 9_000],
    ['late, all of those missed, one after another', 'all', 5_000, 8_700, 5_000, 6_000],
    ['late, and still in time', 'skip', 5_000, 8_200, 8_000, 9_000],
    ['late, and too late', 'skip', 5_000, 8_201, undefined, 9_000],
    ['a time of another interval, then those of this one', 'all', 5_400, 5_500, 5_400, 6_000],
    ['a time of another interval that is newer', 'latest', 5_400, 5_500, 5_400, 6_000],
  ] as const)('%s', (_title, missed, nextMs, nowMs, dueMs, thenMs) => {
    expect(due(missed, nextMs, nowMs)).toEqual({ dueMs, nextMs: thenMs });
  });

  test('options that mean nothing are refused', () => {
    for (const wrong of [{ everyMs: 999 }, { everyMs: 1_000.5 }, { everyMs: 1_000, graceMs: -1 }])
      expect(() => resolveSchedule('s', wrong)).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
  });
});

describe('schedules', () => {
  const world = useLeaseWorld();
  const { context, open, pass } = world;
  beforeEach(async () => {
    await world.database.query(context(), 'create table done (due bigint)');
  });

  const note: ScheduleFunction = async (tx, dueMs) => {
    await tx.query('insert into done values ($1)', [dueMs]);
  };
  const done = async (): Promise<readonly number[]> =>
    (await world.database.query<{ due: string }>(context(), 'select due from done order by due')).rows.map(
      ({ due }) => Number(due) - 1_893_456_000_000,
    );

  test('each time is done once across replicas, also when the leader changes', async () => {
    const one = open('one');
    await using two = open('two');
    one.schedule('mail', { everyMs: 1_000 }, note);
    await pass(100);
    two.schedule('mail', { everyMs: 1_000 }, note);
    await pass(2_500);
    await one.close();
    await pass(2_000);
    expect(await done()).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
    world.clock.jump(-3_000);
    await pass(2_000);
    expect(await done()).toHaveLength(5);
  });

  test('what was missed while nobody ran is made up for by the rule', async () => {
    const one = open('one');
    one.schedule('latest', { everyMs: 1_000 }, note);
    await pass(1_000);
    await one.close();
    world.clock.jump(10_000);
    await using two = open('two');
    two.schedule('latest', { everyMs: 1_000 }, note);
    await pass(100);
    expect(await done()).toEqual([1_000, 11_000]);
  });

  test('a cron expression means the time of day of its zone, once across replicas and restarts', async () => {
    // The clock begins on 2030-01-01T00:00:00.500Z, when it is one in Berlin.
    const one = open('one');
    await using two = open('two');
    for (const each of [one, two])
      each.schedule('night', { cron: '0 3 * * *', timeZone: 'Europe/Berlin', missed: 'all' }, note);
    await pass(100);
    expect(await done()).toEqual([]);
    world.clock.jump(2 * 3_600_000);
    await world.clock.advance(60_000);
    await pass(1_000);
    await one.close();
    world.clock.jump(2 * 86_400_000);
    await world.clock.advance(60_000);
    await pass(1_000);
    const first = 2 * 3_600_000;
    expect(await done()).toEqual([first, first + 86_400_000, first + 2 * 86_400_000]);
  });

  test('what failed left nothing behind and is tried again', async () => {
    await using one = open('one');
    let attempts = 0;
    one.schedule('mail', { everyMs: 60_000 }, async (tx, dueMs) => {
      await note(tx, dueMs);
      attempts += 1;
      if (attempts < 3) throw new Error('not today');
    });
    await pass(100);
    world.clock.jump(60_000);
    await world.clock.advance(60_000);
    await pass(3_000);
    expect(attempts).toBeGreaterThanOrEqual(3);
    expect(await done()).toHaveLength(attempts - 2);
  });
});
