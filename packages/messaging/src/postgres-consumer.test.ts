import { realClock, realRandom, type Context } from '@fairlead/core';
import { append, openDatabase, type Database } from '@fairlead/store';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import type { PublishedEvent } from './broker.ts';
import type { Commit, ConsumerOptions } from './consumer-options.ts';
import { startConsumer } from './consumer.ts';
import { MESSAGING_MIGRATIONS } from './migrations.ts';
import { postgresBed, type PostgresBed } from './fixtures/postgres-bed.ts';
import { postgresBroker } from './postgres-broker.ts';
import { startRelay } from './relay.ts';
import { claimSource, markEvent } from './settlement.ts';

const clock = realClock();
const random = realRandom();
const telemetry = recordingTelemetry({ clock });

const stockDatabase = (): Promise<TestDatabase> =>
  testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      {
        set: 'test',
        from: [
          {
            name: '0001_effect.sql',
            sql: 'CREATE TABLE effect (seq bigint GENERATED ALWAYS AS IDENTITY, id text, key text, version int)',
          },
        ],
      },
    ],
  });

const insert = (commit: Commit, event: PublishedEvent): Promise<void> =>
  commit(async (tx) => {
    await tx.query('INSERT INTO effect (id, key, version) VALUES ($1, $2, $3)', [event.id, event.key, event.version]);
  });

/** Asks until it is so; an outage while asking is not an answer. */
async function until(ctx: Context, what: () => Promise<boolean>): Promise<void> {
  while (!(await what().catch(() => false))) await ctx.clock.sleep(10, ctx.signal);
}

const EVENT: PublishedEvent = {
  source: 'orders',
  position: 1n,
  stream: 'a',
  version: 1,
  id: 'e1',
  type: 'order.placed',
  schemaVersion: 1,
  key: 'a',
  data: {},
  time: 0,
  tenant: undefined,
  subject: undefined,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  correlationId: 'r',
  causationId: undefined,
  criticality: 'default',
};

test('a take-over waits for the commits of the older instance that have begun, and lets no further one begin', async () => {
  await using bed = await postgresBed();
  await using stock = await stockDatabase();
  const { ctx } = bed;
  const older = await claimSource(ctx, stock.database, 'stock', 'orders');
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const committing = stock.database.tx(ctx, async (tx) => {
    await markEvent(tx, older.claim, EVENT);
    begun.resolve();
    await go.promise;
  });
  await begun.promise;
  let taken = false;
  const taking = claimSource(ctx, stock.database, 'stock', 'orders').then((claimed) => {
    taken = true;
    return claimed;
  });
  // From the moment that the epoch has grown, the older instance is refused although the take-over still waits.
  const epoch = async (): Promise<boolean> =>
    (await stock.database.query(ctx, 'SELECT FROM fairlead_cursor WHERE epoch = 2')).rowCount === 1;
  await until(ctx, epoch);
  const refused = stock.database.tx(ctx, (tx) => markEvent(tx, older.claim, { ...EVENT, id: 'e2', position: 2n }));
  await expect(refused).rejects.toMatchObject({ code: 'CONSUMER_FENCED' });
  expect(taken).toBe(false);
  go.resolve();
  await committing;
  expect([...(await taking).settled]).toEqual(['e1']);
});

test('a second transaction for one event waits for the first, and does nothing when that has committed', async () => {
  await using bed = await postgresBed();
  await using stock = await stockDatabase();
  const { ctx } = bed;
  const { claim } = await claimSource(ctx, stock.database, 'stock', 'orders');
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const first = stock.database.tx(ctx, async (tx) => {
    await markEvent(tx, claim, EVENT);
    begun.resolve();
    await go.promise;
  });
  await begun.promise;
  const second = stock.database.tx(ctx, (tx) => markEvent(tx, claim, EVENT));
  const outcome = expect(second).rejects.toMatchObject({ code: 'ALREADY_HANDLED' });
  await until(ctx, async () => {
    const waiting = `SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'`;
    return (await stock.database.query(ctx, waiting)).rowCount > 0;
  });
  go.resolve();
  await Promise.all([first, outcome]);
});

test('every committed event has its effect once and in the order of its key, whatever connections break on the way', async () => {
  await using bed = await postgresBed();
  await using orders = await testDatabase();
  await using stock = await stockDatabase();
  const { ctx } = bed;
  await using breaker = breakerOf(bed, stock);
  const relays = [0, 1].map(() =>
    startRelay({
      source: 'orders',
      database: orders.database,
      broker: postgresBroker({ database: bed.open('orders') }),
      clock,
      random,
      telemetry,
      pollMs: 5,
      batchSize: 10,
    }),
  );
  const settings: ConsumerOptions = {
    name: 'stock',
    database: stock.database,
    broker: postgresBroker({ database: bed.open('stock') }),
    sources: ['orders'],
    handler: (_ctx, event, commit) => insert(commit, event),
    clock,
    random,
    telemetry,
    maxAttempts: 1_000,
    backoff: { baseMs: 1, maxMs: 20 },
    pollMs: 20,
  };
  const consumers = [startConsumer(settings)];
  const committed = new Set<string>();
  const writing = Promise.all([0, 1, 2, 3].map((writer) => write(ctx, orders.database, writer, committed)));
  const effects = async (): Promise<number> =>
    Number((await breaker.stock.query(ctx, 'SELECT count(*)::int AS n FROM effect')).rows[0]?.['n']);
  for (let round = 1; round <= 8; round += 1) {
    await until(ctx, async () => (await effects()) >= round * 8);
    await breaker.breakConnections();
    // A deployment in the middle of it.
    if (round === 4) consumers.push(startConsumer(settings));
  }
  await writing;
  await until(ctx, async () => (await effects()) >= committed.size);
  await until(ctx, async () => {
    const rest = await breaker.stock.query(ctx, 'SELECT FROM fairlead_inbox UNION ALL SELECT FROM fairlead_parked');
    return rest.rowCount === 0;
  });
  await Promise.all([...relays, ...consumers].map((part) => part.close()));

  const { rows } = await breaker.stock.query<{ id: string; key: string; version: number }>(
    ctx,
    'SELECT id, key, version FROM effect ORDER BY seq',
  );
  expect(rows.map((row) => row.id).sort()).toEqual([...committed].sort());
  const last = new Map<string, number>();
  for (const { key, version } of rows) {
    expect(version).toBe((last.get(key) ?? 0) + 1);
    last.set(key, version);
  }
});

/** Appends 25 events to streams that it shares with the other writers; every fifth transaction rolls back. */
async function write(ctx: Context, database: Database, writer: number, committed: Set<string>): Promise<void> {
  for (let n = 0; n < 25; n += 1) {
    const id = `w${writer}-${n}`;
    const key = `k${(n + writer) % 6}`;
    const undone = n % 5 === 4;
    await database
      .tx(ctx, async (tx) => {
        await append(tx, key, 'any', [{ id, type: 'order.placed', key, data: { n } }]);
        if (undone) throw new Error('rolled back');
      })
      .then(
        () => committed.add(id),
        (error: unknown) => {
          if (!undone) throw error;
        },
      );
  }
}

/** Ends connections to the consumer's and the broker's databases from outside; `stock` is a pool of its own to look with. */
function breakerOf(bed: PostgresBed, stock: TestDatabase) {
  const admin = openDatabase({ url: stock.adminUrl, name: 'breaker', clock });
  const look = openDatabase({ url: stock.ownerUrl, name: 'looker', clock });
  const targets = [stock.ownerUrl, bed.databaseUrl].map((url) => new URL(url).pathname.slice(1));
  return {
    stock: look,
    async breakConnections(): Promise<void> {
      await admin.query(
        bed.ctx,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = ANY($1) AND application_name NOT LIKE 'looker%'`,
        [targets],
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([admin.close({ graceMs: 0 }), look.close({ graceMs: 0 })]);
    },
  };
}
