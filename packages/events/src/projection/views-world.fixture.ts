import { PGlite } from '@electric-sql/pglite';
import { defineContract, event } from '@fairlead/contract';
import {
  createContext,
  realClock,
  realRandom,
  virtualClock,
  type Clock,
  type Context,
  type VirtualClock,
} from '@fairlead/core';
import { MESSAGING_MIGRATIONS } from '@fairlead/messaging';
import { append, migrate, migrateStore, type Database } from '@fairlead/store';
import { pgliteDatabase } from '@fairlead/store/pglite';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry, type RecordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import type { Projection } from './projection-types.ts';
import { projection } from './projection.ts';
import { documents, tables } from './target.ts';
import { openViews, type Views, type ViewsOptions } from './views.ts';

const random = realRandom();
/** However busy the machine is. */
const PATIENCE_MS = 80_000;

/** What the tests' service says of things. */
export const thingsContract = defineContract({
  name: 'things',
  version: '1.0.0',
  operations: {},
  events: {
    'thing.counted': event({ key: 'id', data: z.object({ id: z.string(), n: z.int() }) }),
    'thing.gone': event({ key: 'id', data: z.object({ id: z.string() }) }),
    'thing.noticed': event({ key: 'id', data: z.object({ id: z.string() }) }),
  },
});

/** A document of `sums`. */
export interface Sum {
  readonly sum: number;
  readonly seen: readonly number[];
}

/** The sum of what was counted, by thing. */
export const sums = (
  version: number,
  options: {
    readonly name?: string;
    readonly mode?: 'inline' | 'async';
    readonly shards?: number;
    readonly trimmed?: 'refuse' | 'skip';
    readonly by?: (n: number) => number;
    readonly before?: Projection<typeof thingsContract>;
  } = {},
) => {
  const { by = (n: number) => n, ...rest } = options;
  return projection({
    name: 'sums',
    ...rest,
    version,
    of: thingsContract,
    into: documents<Sum>(),
    on: {
      'thing.counted': (before, { data }) => ({
        sum: (before?.sum ?? 0) + by(data.n),
        seen: [...(before?.seen ?? []), data.n],
      }),
      'thing.gone': () => undefined,
    },
  });
};

/** A row for each event that was counted, in the order in which they were written. */
export const counted = (version: number, { tenants = false }: { readonly tenants?: boolean } = {}) =>
  projection({
    name: 'counted',
    version,
    of: thingsContract,
    into: tables('counted'),
    on: {
      'thing.counted': (tx, { data, key, tenant }, names) =>
        tenants
          ? tx.query(`insert into ${names.counted} (tenant, thing, n) values ($1, $2, $3)`, [tenant, key, data.n])
          : tx.query(`insert into ${names.counted} (thing, n) values ($1, $2)`, [key, data.n]),
    },
  });

const TABLES = ['1a', '1b', '2a', '2b']
  .map((suffix) => `create table counted_v${suffix} (seq serial primary key, thing text not null, n integer not null);`)
  .join('\n');

/** A database with a log, and time that tests wait by. */
export interface ViewsWorld extends AsyncDisposable {
  readonly clock: Clock;
  readonly ctx: Context;
  readonly database: Database;
  readonly telemetry: RecordingTelemetry;
  /** Appends to the stream of a thing; resolves to the events' ids. */
  count(thing: string, ...numbers: readonly number[]): Promise<readonly string[]>;
  gone(thing: string): Promise<void>;
  /** Views that look often, not begun yet. */
  open(options: Partial<ViewsOptions>): Views;
  /** Lets time go by until it is so. */
  until(what: () => boolean | Promise<boolean>): Promise<void>;
  /** What was written into a table, in order. */
  rows(table: string): Promise<readonly number[]>;
}

export async function onPostgres(): Promise<ViewsWorld> {
  const migrations = [
    { set: 'messaging', from: MESSAGING_MIGRATIONS },
    { set: 'counted', from: [{ name: '0001_counted.sql', sql: TABLES }] },
  ];
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

export async function onPglite(): Promise<ViewsWorld> {
  const clock: VirtualClock = virtualClock();
  instance ??= PGlite.create();
  const database = pgliteDatabase({
    pglite: await instance,
    schema: `things_${(schemas += 1)}`,
    name: 'things',
    clock,
  });
  const ctx = createContext({ clock, random });
  await migrateStore(ctx, database);
  await migrate(ctx, database, { set: 'messaging', from: MESSAGING_MIGRATIONS });
  await migrate(ctx, database, { set: 'counted', from: [{ name: '0001_counted.sql', sql: TABLES }] });
  return world(
    database,
    clock,
    () => clock.advance(25),
    () => database.close(),
  );
}

/** Both, for `describe.each`. */
export const BOTH = [
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
] as const;

function world(database: Database, clock: Clock, pass: () => Promise<void>, end: () => Promise<void>): ViewsWorld {
  const ctx = createContext({ clock, random });
  const telemetry = recordingTelemetry({ clock });
  const add = async (type: string, id: string, data: readonly object[]) => {
    const events = data.map((each) => ({ type, key: id, data: { id, ...each } }));
    const result = await database.tx(ctx, (tx) => append(tx, `thing-${id}`, 'any', events));
    return result.kind === 'appended' ? result.events.map((each) => each.id) : [];
  };
  return {
    clock,
    ctx,
    database,
    telemetry,
    count: (thing, ...numbers) =>
      add(
        'thing.counted',
        thing,
        numbers.map((n) => ({ n })),
      ),
    gone: async (thing) => void (await add('thing.gone', thing, [{}])),
    open: (options) =>
      openViews({ database, clock, random, telemetry, backoff: { baseMs: 20, maxMs: 20 }, ...options }),
    async until(what) {
      const limit = clock.monotonic() + PATIENCE_MS;
      while (!(await what())) {
        if (clock.monotonic() > limit) throw new Error(`It did not come to be so: ${what.toString()}`);
        await pass();
      }
    },
    async rows(table) {
      const { rows } = await database.query<{ n: number }>(ctx, `select n from ${table} order by seq`);
      return rows.map(({ n }) => n);
    },
    [Symbol.asyncDispose]: end,
  };
}

/** The version of the build that is read, when that is live. */
export async function live(world: ViewsWorld, views: Views, name = 'sums'): Promise<number | undefined> {
  const view = (await views.status(world.ctx)).find((each) => each.name === name);
  return view?.builds.find(({ number, state }) => state === 'live' && number === view.reading)?.version;
}

/** What comes of something that waits by the world's time. */
export async function settled<T>(world: ViewsWorld, work: () => Promise<T>): Promise<T> {
  let done = false;
  const working = work().finally(() => (done = true));
  await world.until(() => done);
  return working;
}
