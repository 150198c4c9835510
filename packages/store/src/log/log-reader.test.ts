import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import type { NewEvent } from './log-types.ts';
import { append } from './log.ts';
import { logReader, type LogReader } from './log-reader.ts';
import { naiveReader } from './testing/bad-readers.ts';
import { begin } from './testing/held-transaction.ts';
import { overtaken } from './testing/overtaken.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const event = (data: unknown): NewEvent => ({ type: 'note.made', key: 'k', data });

const dataOf = async (reader: LogReader, after = 0n): Promise<unknown[]> =>
  (await reader.read(ctx, { after, limit: 100 })).map(({ data }) => data);

test('the run before a gap is delivered at once, and the rest when the gap is filled', async () => {
  await using held = await testDatabase();
  const reader = logReader(held.database, { gapWaitMs: 0 });
  await held.database.tx(ctx, (tx) => append(tx, 'a', 'any', [event(1)]));
  const slow = await begin(ctx, held.database);
  await append(slow.tx, 'b', 'any', [event(2)]);
  await held.database.tx(ctx, (tx) => append(tx, 'c', 'any', [event(3)]));
  expect(await dataOf(reader)).toEqual([1]);
  expect(await dataOf(reader, 1n)).toEqual([]);
  await slow.commit();
  expect(await dataOf(reader, 1n)).toEqual([2, 3]);
});

test('a reader that stands at a gap waits for its writer and goes on as soon as it ends', async () => {
  await using held = await testDatabase();
  const slow = await begin(ctx, held.database);
  await append(slow.tx, 'a', 'any', [event('slow')]);
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('fast')]));
  const read = dataOf(logReader(held.database, { gapWaitMs: 20_000 }));
  await slow.commit();
  expect(await read).toEqual(['slow', 'fast']);
});

test('a gap whose writer rolled back is passed, also when nobody reads meanwhile', async () => {
  await using held = await testDatabase();
  const gone = await begin(ctx, held.database);
  await append(gone.tx, 'a', 'any', [event('never')]);
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('after')]));
  await gone.rollback();
  expect(await dataOf(logReader(held.database, { gapWaitMs: 0 }))).toEqual(['after']);
});

test('a writer that took its transaction id early and its position late is waited for', async () => {
  await using held = await testDatabase();
  await using owner = await connectAdmin(held.ownerUrl);
  await owner.run('create table state (id integer primary key)');
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await overtaken(ctx, held.database, reader)).toEqual(['A', 'B']);
});

test('a position drawn in a savepoint that was rolled back may be followed by more of the same transaction', async () => {
  await using held = await testDatabase();
  const slow = await begin(ctx, held.database);
  await slow.tx.query('savepoint s');
  await append(slow.tx, 'a', 'any', [event('undone')]);
  await slow.tx.query('rollback to savepoint s');
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('fast')]));
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await dataOf(reader)).toEqual([]);
  await slow.commit();
  expect(await dataOf(reader)).toEqual(['fast']);
});

test('a prepared transaction keeps its gap open until it is committed', async () => {
  await using held = await testDatabase();
  const name = `prepared-${held.database.name}`;
  await using session = await connectAdmin(held.url);
  await session.run('begin');
  await session.run(
    `select * from fairlead_append('a', -1, '{p}', '{t}', '{1}', '{k}', '{"\\"prepared\\""}', null, null, 't', 'c', null, 'default')`,
  );
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('fast')]));
  const reader = logReader(held.database, { gapWaitMs: 0 });
  // Seen first as a session's transaction, then as one that no session holds.
  expect(await dataOf(reader)).toEqual([]);
  await session.run(`prepare transaction '${name}'`);
  expect(await dataOf(reader)).toEqual([]);
  await session.run(`commit prepared '${name}'`);
  expect(await dataOf(reader)).toEqual(['prepared', 'fast']);
});

test('a prepared transaction that is rolled back leaves a gap that is passed', async () => {
  await using held = await testDatabase();
  const name = `rolled-back-${held.database.name}`;
  await using session = await connectAdmin(held.url);
  await session.run('begin');
  await session.run(`select nextval('fairlead_log_position')`);
  await session.run(`prepare transaction '${name}'`);
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('fast')]));
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await dataOf(reader)).toEqual([]);
  await session.run(`rollback prepared '${name}'`);
  expect(await dataOf(reader)).toEqual(['fast']);
});

test('the writer of a gap that is filled is followed at once, whoever else is under way', async () => {
  await using held = await testDatabase();
  const first = await begin(ctx, held.database);
  await append(first.tx, 'a', 'any', [event(1)]);
  const second = await begin(ctx, held.database);
  await append(second.tx, 'b', 'any', [event(2)]);
  await held.database.tx(ctx, (tx) => append(tx, 'c', 'any', [event(3)]));
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await dataOf(reader)).toEqual([]);
  await first.commit();
  expect(await dataOf(reader)).toEqual([1]);
  await second.commit();
  expect(await dataOf(reader, 1n)).toEqual([2, 3]);
});

test('what was found settled is not waited for again, however many gaps it has', async () => {
  await using held = await testDatabase();
  for (const data of [1, 2, 3, 4]) {
    await held.database.tx(ctx, (tx) => append(tx, 'a', 'any', [event(data)]));
    await held.database.query(ctx, `select nextval('fairlead_log_position')`);
  }
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await dataOf(reader)).toEqual([1]);
  expect(await dataOf(reader, 1n)).toEqual([2, 3, 4]);
  const slow = await begin(ctx, held.database);
  await append(slow.tx, 'b', 'any', [event('slow')]);
  await held.database.tx(ctx, (tx) => append(tx, 'c', 'any', [event('fast')]));
  // The cursor is behind, and the writer that is under way has nothing to do with these gaps.
  expect(await dataOf(reader, 3n)).toEqual([3, 4]);
  expect(await dataOf(reader, 7n)).toEqual([]);
  await slow.commit();
  expect(await dataOf(reader, 7n)).toEqual(['slow', 'fast']);
});

test('unrelated long transactions, in this database and in another, hold nothing back', async () => {
  await using held = await testDatabase();
  await using other = await testDatabase();
  await using owner = await connectAdmin(held.ownerUrl);
  await owner.run('create table state (id integer primary key)');
  const here = await begin(ctx, held.database);
  await here.tx.query('insert into state values (1)');
  await here.tx.query('select * from fairlead_log');
  const there = await begin(ctx, other.database);
  await append(there.tx, 'a', 'any', [event('elsewhere')]);
  const gone = await begin(ctx, held.database);
  await append(gone.tx, 'a', 'any', [event('never')]);
  await gone.rollback();
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('now')]));
  expect(await dataOf(logReader(held.database, { gapWaitMs: 0 }))).toEqual(['now']);
  await here.rollback();
  await there.rollback();
});

test('a writer that begins after the gap was seen is not waited for', async () => {
  await using held = await testDatabase();
  const first = await begin(ctx, held.database);
  await append(first.tx, 'a', 'any', [event(1)]);
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event(2)]));
  const reader = logReader(held.database, { gapWaitMs: 0 });
  expect(await dataOf(reader)).toEqual([]);
  const later = await begin(ctx, held.database);
  await append(later.tx, 'c', 'any', [event(3)]);
  await first.commit();
  expect(await dataOf(reader)).toEqual([1, 2]);
  await later.commit();
  expect(await dataOf(reader, 2n)).toEqual([3]);
});

test('a wait at a gap ends with the Context', async () => {
  await using held = await testDatabase();
  const slow = await begin(ctx, held.database);
  await append(slow.tx, 'a', 'any', [event(1)]);
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event(2)]));
  using scope = ctx.withTimeout(30);
  const read = logReader(held.database, { gapWaitMs: 60_000 }).read(scope, { after: 0n, limit: 1 });
  await expect(read).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await slow.rollback();
});

/** Writers that commit, roll back, dawdle, use savepoints and are killed, and a reader beside them. What did it miss? */
async function lostUnderLoad(
  held: TestDatabase,
  reader: LogReader,
  seed: string,
): Promise<{ lost: number; doubled: number; disordered: number; written: number }> {
  const committed = new Set<string>();
  await using database = openDatabase({ url: held.url, name: 'writers', clock, maxConnections: 8 });
  await using admin = await connectAdmin(held.adminUrl);
  let writing = true;
  const write = async (writer: number): Promise<void> => {
    const random = seededRandom(`${seed} ${writer}`);
    for (let round = 0; round < 40; round += 1) {
      const id = `${writer}-${round}`;
      const kind = Math.floor(random.next() * 6);
      await database
        .tx(ctx, async (tx) => {
          if (kind === 1) await tx.query('savepoint s');
          const stream = `s${Math.floor(random.next() * 20)}`;
          await append(tx, stream, 'any', [event(id)]);
          if (kind === 1) {
            await tx.query('rollback to savepoint s');
            await append(tx, stream, 'any', [event(id)]);
          }
          if (kind === 2) await tx.query('select pg_sleep(0.005)');
          if (kind === 3 && random.next() < 0.5) throw new Error('changed my mind');
          if (kind === 4 && random.next() < 0.1) {
            const { rows } = await tx.query('select pg_backend_pid() as pid');
            await admin.run('select pg_terminate_backend($1)', [rows[0]?.['pid']]);
            await tx.query('select pg_sleep(1)');
          }
        })
        .then(
          () => committed.add(id),
          () => {},
        );
    }
  };
  const seen: { data: unknown; stream: string; version: number }[] = [];
  const follow = async (): Promise<void> => {
    for (let after = 0n, idle = false; ;) {
      const stopping = !writing;
      const events = await reader.read(ctx, { after, limit: 50 });
      for (const { data, stream, version } of events) seen.push({ data, stream, version });
      after = events.at(-1)?.position ?? after;
      if (events.length === 0 && stopping && idle) return;
      idle = events.length === 0;
    }
  };
  const following = follow();
  await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
  writing = false;
  await following;
  const ids = seen.map(({ data }) => String(data));
  const versions = new Map<string, number>();
  let disordered = 0;
  for (const { stream, version } of seen) {
    if (version !== (versions.get(stream) ?? 0) + 1) disordered += 1;
    versions.set(stream, version);
  }
  return {
    lost: committed.difference(new Set(ids)).size,
    doubled: ids.length - new Set(ids).size,
    disordered,
    written: committed.size,
  };
}

test('under writers that commit, abort, dawdle, use savepoints and are killed, nothing is lost, doubled or out of order', async () => {
  await using held = await testDatabase();
  const outcome = await lostUnderLoad(held, logReader(held.database), 'a');
  expect(outcome).toMatchObject({ lost: 0, doubled: 0, disordered: 0 });
  expect(outcome.written).toBeGreaterThan(200);
});

test('the same check catches a reader that only asks for what is above its cursor', async () => {
  let lost = 0;
  for (let round = 0; round < 10 && lost === 0; round += 1) {
    await using held = await testDatabase();
    ({ lost } = await lostUnderLoad(held, naiveReader(held.database), `naive ${round}`));
  }
  expect(lost).toBeGreaterThan(0);
});
