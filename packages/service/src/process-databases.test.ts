import { createContext, realClock, realRandom } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { expect, test } from 'vitest';
import { processDatabases } from './process-databases.ts';
import { PROCESS_CONFIG } from './process-options.ts';
import { readConfig } from './read-config.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

/** What a process reads whose environment has these besides what it must have. */
const configOf = (env: Readonly<Record<string, string>>) =>
  readConfig(PROCESS_CONFIG, {
    service: 'orders',
    env: {
      FAIRLEAD_SERVICE_MODULE: '/service.ts',
      FAIRLEAD_SERVICE_NAME: 'orders',
      FAIRLEAD_LISTEN: 'unix:/run/orders.sock',
      ...env,
    },
  });

test('a process has no more connections than it was given, whatever it asks for at once', async () => {
  await using held = await testDatabase();
  const config = configOf({
    FAIRLEAD_DATABASE_URL: held.url,
    FAIRLEAD_DATABASE_CONNECTIONS: '3',
    FAIRLEAD_BROKER_URL: held.url,
    FAIRLEAD_BROKER_CONNECTIONS: '2',
  });
  const { database, leaseDatabase, brokerDatabase } = processDatabases({ ...config, clock, tenancy: undefined });
  await using own = database!;
  await using leases = leaseDatabase!;
  await using broker = brokerDatabase!;
  /** Statements that are under way on a connection at the same time, at most. */
  const busiest = async (...databases: readonly Database[]): Promise<number> => {
    let running = 0;
    let most = 0;
    const work = (database: Database): Promise<void> =>
      database.tx(ctx, async (tx) => {
        most = Math.max(most, (running += 1));
        await tx.query('select pg_sleep(0.005)');
        running -= 1;
      });
    await Promise.all(databases.flatMap((database) => Array.from({ length: 20 }, () => work(database))));
    return most;
  };
  expect(await busiest(own, leases)).toBe(3);
  expect(await busiest(own)).toBe(1);
  expect(await busiest(broker)).toBe(2);
});

test('a process listens where it was told to', async () => {
  await using pooled = await testDatabase();
  await using server = await testDatabase();
  const config = configOf({ FAIRLEAD_DATABASE_URL: pooled.url, FAIRLEAD_DATABASE_LISTEN_URL: server.url });
  const { database, leaseDatabase, brokerDatabase } = processDatabases({ ...config, clock, tenancy: undefined });
  await using own = database!;
  await using _leases = leaseDatabase!;
  expect(brokerDatabase).toBeUndefined();
  const heard = Promise.withResolvers<void>();
  await using _ = await own.listen('news', (payload) => {
    if (payload === 'there') heard.resolve();
  });
  await server.database.query(ctx, 'select pg_notify($1, $2)', ['news', 'there']);
  await heard.promise;
});

test.each([
  ['FAIRLEAD_DATABASE_CONNECTIONS', '2', 'a whole number from 3 to 10000'],
  ['FAIRLEAD_BROKER_CONNECTIONS', 'many', 'a whole number from 1 to 10000'],
])('%s of %s is refused by name', (name, value, expected) => {
  expect(() => configOf({ [name]: value })).toThrow(`${name} is "${value}", but must be ${expected}`);
});
