import { PGlite } from '@electric-sql/pglite';
import {
  createContext,
  realClock,
  realRandom,
  virtualClock,
  type Clock,
  type Context,
  type VirtualClock,
} from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import { append } from '../log/log.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { SILENT, type StoreMetric, type StoreMetrics, type StoreTelemetry } from '../telemetry.ts';
import { testDatabase } from '../testing/index.ts';
import { subscribe } from './subscribe.ts';
import type { EventSubscription, ShardState, SubscribeOptions } from './subscription-types.ts';

const random = realRandom();

/** A database with a log, a table of effects, and time that tests wait by. */
export interface SubscriptionWorld extends AsyncDisposable {
  readonly clock: Clock;
  readonly ctx: Context;
  readonly database: Database;
  /** Appends one event for each key, of type `thing.happened`, in one transaction; the data counts from 1 over all. */
  add(...keys: readonly string[]): Promise<void>;
  /** A subscription `things` that writes what it is given into the table of effects, unless told otherwise. */
  open(options?: Partial<SubscribeOptions>): EventSubscription;
  /** What was written, in order. */
  effects(): Promise<readonly number[]>;
  /** Lets time go by until that much was written. */
  written(count: number): Promise<void>;
  /** Lets time go by until it is so. */
  until(what: () => boolean | Promise<boolean>): Promise<void>;
}

const EFFECT = 'create table effect (seq serial primary key, key text not null, n integer not null)';

export async function onPostgres(): Promise<SubscriptionWorld> {
  const migrations = [{ set: 'effects', from: [{ name: '0001_effect.sql', sql: EFFECT }] }];
  const held = await testDatabase({ migrations });
  const clock = realClock();
  return world(
    held.database,
    clock,
    () => clock.sleep(2),
    async () => held[Symbol.asyncDispose](),
  );
}

/** One instance for all tests of a worker, which it ends with; a schema each. */
let instance: Promise<PGlite> | undefined;
let schemas = 0;

export async function onPglite(): Promise<SubscriptionWorld> {
  const clock: VirtualClock = virtualClock();
  instance ??= PGlite.create();
  const database = pgliteDatabase({
    pglite: await instance,
    schema: `orders_${(schemas += 1)}`,
    name: 'orders',
    clock,
  });
  const ctx = createContext({ clock, random });
  await migrateStore(ctx, database);
  await database.query(ctx, EFFECT);
  return world(
    database,
    clock,
    () => clock.advance(25),
    () => database.close(),
  );
}

function world(
  database: Database,
  clock: Clock,
  pass: () => Promise<void>,
  end: () => Promise<void>,
): SubscriptionWorld {
  const ctx = createContext({ clock, random });
  let count = 0;
  const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
    const limit = clock.monotonic() + 60_000;
    while (!(await what())) {
      if (clock.monotonic() > limit) throw new Error(`It did not come to be so: ${what.toString()}`);
      await pass();
    }
  };
  const effects = async (): Promise<readonly number[]> => {
    const { rows } = await database.query<{ n: number }>(ctx, 'select n from effect order by seq');
    return rows.map(({ n }) => n);
  };
  return {
    clock,
    ctx,
    database,
    async add(...keys) {
      await database.tx(ctx, async (tx) => {
        for (const key of keys) {
          count += 1;
          await append(tx, `thing-${key}`, 'any', [{ type: 'thing.happened', key, data: count }]);
        }
      });
    },
    open: (options) =>
      // Either of the two ways to handle events, as the tests give it.
      subscribe({
        database,
        name: 'things',
        clock,
        random,
        pollMs: 1_000,
        backoff: { baseMs: 20, maxMs: 20 },
        handler: writeEffects,
        ...options,
      } as SubscribeOptions),
    effects,
    written: (least) => until(async () => (await effects()).length >= least),
    until,
    [Symbol.asyncDispose]: end,
  };
}

/** A handler that writes the number and key of each event. */
export async function writeEffects(tx: Tx, events: readonly LoggedEvent[]): Promise<void> {
  for (const { key, data } of events) await tx.query('insert into effect (key, n) values ($1, $2)', [key, data]);
}

/** The shards that a subscription works on here. */
export function shardsOf(subscription: EventSubscription): readonly ShardState[] {
  const state = subscription.state();
  return state.kind === 'running' ? state.shards : [];
}

/** Telemetry that remembers what its counters and gauges stand at, by name and labels: `name label label`. */
export function recordedMetrics(): { readonly telemetry: StoreTelemetry; readonly numbers: Map<string, number> } {
  const numbers = new Map<string, number>();
  const keyOf = (metric: StoreMetric, labels: object): string => [metric.name, ...Object.values(labels)].join(' ');
  const metrics: StoreMetrics = {
    counter: (metric) => ({
      inc(labels, by = 1) {
        numbers.set(keyOf(metric, labels), (numbers.get(keyOf(metric, labels)) ?? 0) + by);
      },
    }),
    gauge: (metric) => ({
      set: (labels, value) => void numbers.set(keyOf(metric, labels), value),
      remove: (labels) => void numbers.delete(keyOf(metric, labels)),
    }),
    histogram: () => ({ observe: () => {} }),
  };
  return { telemetry: { ...SILENT, metrics }, numbers };
}
