import { expect, test } from 'vitest';
import { brokerGrants } from './broker-grants.ts';
import type { Broker } from './broker.ts';
import { postgresBed } from './fixtures/postgres-bed.ts';
import { postgresBroker } from './postgres-broker.ts';
import { brokerSuite } from './suite/index.ts';

const cases = brokerSuite(async () => {
  const bed = await postgresBed();
  const brokers: Broker[] = [];
  return {
    as(service) {
      const broker = postgresBroker({ database: bed.open(service) });
      brokers.push(broker);
      return broker;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(brokers.map((broker) => broker.close()));
      await bed[Symbol.asyncDispose]();
    },
  };
});
test.each(cases)('Postgres as a broker: $title', ({ run }) => run());

const INSERT = `INSERT INTO fairlead_event (source, position, stream, version, id, type, schema_version, key, data, time,
  traceparent, correlation_id, criticality) VALUES ('orders', 1, 's', 1, 'i', 't', 1, 'k', '{}', now(), 'tp', 'c', 'default')`;

test('the database itself refuses what a role was not granted, whatever SQL it sends', async () => {
  await using bed = await postgresBed();
  const { ctx } = bed;
  const [orders, stock, mail] = [bed.open('orders'), bed.open('stock'), bed.open('mail')];
  await orders.query(ctx, INSERT);
  const count = async (database: typeof mail): Promise<number> =>
    (await database.query(ctx, 'SELECT position FROM fairlead_event')).rows.length;
  expect(await count(stock)).toBe(1);
  expect(await count(mail)).toBe(0);
  await expect(mail.query(ctx, INSERT)).rejects.toThrow(/row-level security/);
  await expect(stock.query(ctx, INSERT)).rejects.toThrow(/row-level security/);
  await expect(orders.query(ctx, 'DELETE FROM fairlead_event')).rejects.toThrow(/permission denied/);
  await expect(orders.query(ctx, `UPDATE fairlead_event SET data = '1'`)).rejects.toThrow(/permission denied/);
  await expect(mail.query(ctx, `INSERT INTO fairlead_grant VALUES (current_user, 'orders', 'read')`)).rejects.toThrow(
    /permission denied/,
  );
  expect((await stock.query(ctx, `UPDATE fairlead_source SET published = 9 WHERE source = 'orders'`)).rowCount).toBe(0);
  expect((await mail.query(ctx, 'SELECT source FROM fairlead_grant')).rows).toEqual([{ source: 'mail' }]);
});

test('grants that are no longer declared are revoked, and calling again changes nothing', async () => {
  await using bed = await postgresBed();
  const { ctx } = bed;
  const stock = postgresBroker({ database: bed.open('stock') });
  expect(await stock.read(ctx, 'orders', { after: 0n, limit: 1 })).toEqual([]);
  await brokerGrants(ctx, bed.owner, bed.grants);
  expect(await stock.read(ctx, 'orders', { after: 0n, limit: 1 })).toEqual([]);

  await brokerGrants(
    ctx,
    bed.owner,
    bed.grants.map((grant) => ({ ...grant, reads: [] })),
  );
  await expect(stock.read(ctx, 'orders', { after: 0n, limit: 1 })).rejects.toMatchObject({ code: 'FORBIDDEN_SOURCE' });

  await brokerGrants(
    ctx,
    bed.owner,
    bed.grants.filter(({ service }) => service !== 'mail'),
  );
  await expect(bed.open('mail').query(ctx, 'SELECT * FROM fairlead_event')).rejects.toThrow(/permission denied/);
  await brokerGrants(ctx, bed.owner, bed.grants);
  expect((await bed.open('mail').query(ctx, 'SELECT * FROM fairlead_event')).rows).toEqual([]);
});

test('a temporary table can not stand in for the grants', async () => {
  await using bed = await postgresBed();
  const { ctx } = bed;
  await bed.open('orders').query(ctx, INSERT);
  const mail = bed.open('mail');
  const rows = await mail
    .tx(ctx, async (tx) => {
      await tx.query('CREATE TEMPORARY TABLE fairlead_grant (role name, source text, access text)');
      await tx.query(`INSERT INTO fairlead_grant VALUES (current_user, 'orders', 'read')`);
      return (await tx.query('SELECT * FROM fairlead_event')).rows;
    })
    .catch((error: unknown) => {
      // A server that lets this role make no temporary tables has no such door at all.
      expect(String(error)).toMatch(/permission denied/);
      return [];
    });
  expect(rows).toEqual([]);
});
