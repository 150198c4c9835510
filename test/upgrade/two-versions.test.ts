import { defineContract, operation } from '@fairlead/contract';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { postgresBroker } from '@fairlead/messaging';
import {
  createService,
  defineService,
  localTransport,
  migrateService,
  type ServiceDefinition,
} from '@fairlead/service';
import { openDatabase } from '@fairlead/store';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { z } from 'zod';

const clock = realClock();
const random = realRandom();

const parcel = z.object({ id: z.string(), note: z.string() });
const heavier = parcel.extend({ weight: z.int().optional() });

/** Version 1 of a service: it knows of no weights. */
const first = defineService({
  contract: defineContract({
    name: 'parcels',
    version: '1.0.0',
    operations: {
      add: operation({ method: 'POST', path: '/parcels', visibility: 'public', input: parcel, output: z.object({}) }),
      list: operation({
        method: 'GET',
        path: '/parcels',
        visibility: 'public',
        output: z.object({ items: z.array(parcel) }),
      }),
    },
  }),
  database: { migrations: new URL('./parcels-1/', import.meta.url) },
  operations: {
    async add(_ctx, { id, note }, kit) {
      return kit.commit(async (tx) => {
        await tx.query('insert into parcel (id, note) values ($1, $2)', [id, note]);
        return {};
      });
    },
    async list(ctx, _input, kit) {
      const { rows } = await kit.db.query<z.infer<typeof parcel>>(ctx, 'select id, note from parcel order by id');
      return { items: [...rows] };
    },
  },
});

/** Version 2: a parcel may have a weight, in a column that a later migration adds. */
const second = defineService({
  contract: defineContract({
    name: 'parcels',
    version: '1.1.0',
    operations: {
      add: operation({ method: 'POST', path: '/parcels', visibility: 'public', input: heavier, output: z.object({}) }),
      list: operation({
        method: 'GET',
        path: '/parcels',
        visibility: 'public',
        output: z.object({ items: z.array(heavier) }),
      }),
    },
  }),
  database: { migrations: new URL('./parcels-2/', import.meta.url) },
  operations: {
    async add(_ctx, { id, note, weight }, kit) {
      return kit.commit(async (tx) => {
        await tx.query('insert into parcel (id, note, weight) values ($1, $2, $3)', [id, note, weight ?? null]);
        return {};
      });
    },
    async list(ctx, _input, kit) {
      const { rows } = await kit.db.query<{ id: string; note: string; weight: number | null }>(
        ctx,
        'select id, note, weight from parcel order by id',
      );
      return { items: rows.map(({ weight, ...rest }) => (weight === null ? rest : { ...rest, weight })) };
    },
  },
});

/** An instance on `held`; its broker is never asked for anything. */
function instanceOf(definition: ServiceDefinition, held: TestDatabase) {
  return createService(definition, {
    clock,
    random,
    telemetry: noTelemetry(),
    transport: localTransport(new Map()),
    database: held.database,
    broker: postgresBroker({ database: held.database }),
    env: {},
    instance: 'parcels-1',
  });
}

async function migrated(held: TestDatabase, definition: ServiceDefinition) {
  using ctx = createContext({ clock, random });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'parcels', clock });
  return await migrateService(ctx, owner, definition);
}

async function ask(instance: ReturnType<typeof instanceOf>, method: string, body?: unknown): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = { 'x-fairlead-tenant': 'acme' };
  if (text !== undefined) headers['content-type'] = 'application/json';
  const answer = await instance.handle({
    service: 'parcels',
    operation: method === 'POST' ? 'add' : 'list',
    method,
    path: '/parcels',
    headers,
    body: text,
  });
  expect(answer.status, String(answer.body)).toBe(200);
  return JSON.parse(String(answer.body));
}

test('code of version 1 starts and works beside version 2 on the tables of version 2', async () => {
  await using held = await testDatabase();
  await migrated(held, first);
  await using old = instanceOf(first, held);
  await old.start();
  await ask(old, 'POST', { id: 'a', note: 'before' });

  // The expand step runs under the feet of version 1, and version 2 comes up beside it.
  expect((await migrated(held, second)).applied).toEqual(['parcels/0002_weight.sql']);
  await using fresh = instanceOf(second, held);
  await fresh.start();
  await ask(old, 'POST', { id: 'b', note: 'by the old' });
  await ask(fresh, 'POST', { id: 'c', note: 'by the new', weight: 7 });

  const notes = ['before', 'by the old', 'by the new'];
  expect(await ask(old, 'GET')).toMatchObject({ items: notes.map((note) => ({ note })) });
  expect(await ask(fresh, 'GET')).toMatchObject({ items: [{ note: 'before' }, { note: 'by the old' }, { weight: 7 }] });

  // Back to version 1: its migrations find a database that is ahead, leave it, and it starts again.
  expect(await migrated(held, first)).toEqual({ applied: [], ahead: ['parcels/0002_weight.sql'] });
  await using again = instanceOf(first, held);
  await again.start();
  expect(await ask(again, 'GET')).toMatchObject({ items: notes.map((note) => ({ note })) });
});

test('code of version 2 refuses to start on tables that it would miss', async () => {
  await using held = await testDatabase();
  await migrated(held, first);
  await using early = instanceOf(second, held);
  await expect(early.start()).rejects.toThrow(/lacks the migrations parcels\/0002_weight\.sql/);
});
