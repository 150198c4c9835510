import { PGlite } from '@electric-sql/pglite';
import { createContext, seededRandom, virtualClock, type Context, type ScopedContext } from '@fairlead/core';
import { append, migrate, migrateStore, type Database } from '@fairlead/store';
import { pgliteDatabase } from '@fairlead/store/pglite';
import { recordingTelemetry } from '@fairlead/telemetry';
import { brokerGrants } from './broker-grants.ts';
import type { PublishedEvent } from './broker.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { startConsumer } from './consumer.ts';
import { BROKER_MIGRATIONS, MESSAGING_MIGRATIONS } from './migrations.ts';
import { postgresBroker } from './postgres-broker.ts';
import { startRelay, type RelayOptions } from './relay.ts';

/** One producer (`orders`), one consumer (`stock`) and the broker, on a virtual clock and one PGlite. */
export type TestBed = Awaited<ReturnType<typeof testBed>>;

/** An event to append: its key, and what the handler shall find. */
export interface Fact {
  readonly key: string;
  readonly id: string;
  readonly type?: string;
}

/** Makes the bed. `stock` has a table `effect(id, key, seq)`. */
export async function testBed() {
  const clock = virtualClock();
  const random = seededRandom('bed');
  const telemetry = recordingTelemetry({ clock });
  const pglite = await PGlite.create();
  const open = (name: string): Database => pgliteDatabase({ pglite, schema: name, name, clock });
  const [orders, stock, brokerDatabase] = [open('orders'), open('stock'), open('broker')];
  const ctx: ScopedContext = createContext({ clock, random, tenant: 'acme' });
  for (const database of [orders, stock, brokerDatabase]) await migrateStore(ctx, database);
  await migrate(ctx, brokerDatabase, { set: 'broker', from: BROKER_MIGRATIONS });
  await migrate(ctx, stock, { set: 'messaging', from: MESSAGING_MIGRATIONS });
  await stock.query(ctx, 'CREATE TABLE effect (id text, key text, seq bigint GENERATED ALWAYS AS IDENTITY)');
  const grants = [
    { service: 'orders', role: 'postgres', reads: [] },
    { service: 'stock', role: 'postgres', reads: ['orders'] },
  ];
  await brokerGrants(ctx, brokerDatabase, grants);
  const broker = postgresBroker({ database: brokerDatabase });

  return {
    clock,
    random,
    telemetry,
    orders,
    stock,
    brokerDatabase,
    broker,
    ctx,

    /** Empties everything but the schema. */
    async reset(): Promise<void> {
      await orders.query(ctx, 'TRUNCATE fairlead_log, fairlead_stream');
      await orders.query(ctx, 'ALTER SEQUENCE fairlead_log_position RESTART');
      await stock.query(ctx, 'TRUNCATE fairlead_cursor, fairlead_inbox, fairlead_parked, effect RESTART IDENTITY');
      await brokerDatabase.query(ctx, 'TRUNCATE fairlead_event');
      await brokerDatabase.query(ctx, 'UPDATE fairlead_source SET published = 0');
    },

    /** Appends to the log of `orders`, one transaction each. */
    async publish(facts: readonly Fact[], on: Context = ctx): Promise<void> {
      for (const { key, id, type } of facts) {
        await orders.tx(on, (tx) =>
          append(tx, key, 'any', [{ id, key, type: type ?? 'order.placed', data: { id, nul: '\0' } }]),
        );
      }
    },

    relay(options: Partial<RelayOptions> = {}) {
      return startRelay({ source: 'orders', database: orders, broker, clock, random, telemetry, ...options });
    },

    consumer(options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'handler'>) {
      const defaults = { name: 'stock', database: stock, broker, sources: ['orders'], clock, random, telemetry };
      return startConsumer({ ...defaults, ...options });
    },

    /** A handler's effect. */
    async effect(tx: { query: SqlQuery }, event: PublishedEvent): Promise<void> {
      await tx.query('INSERT INTO effect (id, key) VALUES ($1, $2)', [event.id, event.key]);
    },

    /** Ids of the effects, in the order they were made. */
    async effects(): Promise<readonly string[]> {
      const { rows } = await stock.query<{ id: string }>(ctx, 'SELECT id FROM effect ORDER BY seq');
      return rows.map((row) => row.id);
    },

    async count(table: 'fairlead_inbox' | 'fairlead_parked'): Promise<number> {
      const { rows } = await stock.query<{ n: string }>(ctx, `SELECT count(*)::text AS n FROM ${table}`);
      return Number(rows[0]?.n);
    },

    /** Lets virtual time pass until it is so. @throws Error after `maxMs` of it */
    async until(what: () => Promise<boolean> | boolean, maxMs = 600_000, stepMs = 50): Promise<void> {
      for (let ms = 0; !(await what()); ms += stepMs) {
        if (ms >= maxMs) throw new Error(`not so after ${maxMs} ms: ${what.toString()}`);
        await clock.advance(stepMs);
      }
    },

    async close(): Promise<void> {
      await broker.close();
      ctx[Symbol.dispose]();
      await pglite.close();
    },
  };
}

type SqlQuery = (text: string, params?: readonly unknown[]) => Promise<unknown>;
