import { createContext, realClock, realRandom } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants, MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { migrate, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { notesContract, notesService } from './notes.fixture.ts';
import { createService } from './service.ts';
import type { ServiceInstance } from './service-instance.ts';

const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const clock = realClock();
const random = realRandom();

const listenerContract = defineContract({
  name: 'listener',
  version: '1.0.0',
  operations: { heard: operation({ method: 'GET', path: '/heard', output: z.object({ texts: z.array(z.string()) }) }) },
});

const databaseOf = (set: string) =>
  testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set, from: MIGRATIONS },
    ],
  });

test('an event goes from the commit of one service into the commit of another, with its trace, and calls back', async () => {
  await using notesDatabase = await databaseOf('notes');
  await using listenerDatabase = await databaseOf('listener');
  await using brokerDatabase = await testDatabase();
  using setup = createContext({ clock, random, timeoutMs: 20_000 });
  await using owner = openDatabase({ url: brokerDatabase.ownerUrl, name: 'broker', clock });
  await migrate(setup, owner, { set: 'broker', from: BROKER_MIGRATIONS });
  const role = decodeURIComponent(new URL(brokerDatabase.url).username);
  await brokerGrants(setup, owner, [
    { service: 'notes', role, reads: [] },
    { service: 'listener', role, reads: ['notes'] },
  ]);
  await using broker = postgresBroker({ database: brokerDatabase.database });

  const handled = Promise.withResolvers<{ tenant: string | undefined; traceId: string; mood: string; count: number }>();
  let attempts = 0;
  const listener = defineService({
    contract: listenerContract,
    uses: { notes: notesContract },
    database: { migrations: MIGRATIONS },
    operations: {
      async heard(ctx, _input, kit) {
        const { rows } = await kit.db.query<{ text: string }>(ctx, 'select text from heard');
        return { texts: rows.map((row) => row.text) };
      },
    },
    consumers: {
      notes: {
        async 'note.added'(ctx, event, kit) {
          attempts++;
          if (attempts === 1) throw new Error('not this time');
          const { count } = await kit.calls.notes.countNotes(ctx, {});
          await kit.commit((tx) =>
            tx.query('insert into heard (id, text) values ($1, $2)', [event.data.id, event.data.text]),
          );
          handled.resolve({ tenant: ctx.tenant, traceId: ctx.trace.traceId, mood: event.data.mood, count });
        },
      },
    },
  });

  const instances = new Map<string, ServiceInstance>();
  const common = { clock, random, broker, env: {}, transport: localTransport(instances) };
  const telemetry = recordingTelemetry({ clock });
  instances.set(
    'notes',
    createService(notesService().definition, {
      ...common,
      telemetry,
      database: notesDatabase.database,
      instance: 'notes-1',
    }),
  );
  instances.set(
    'listener',
    createService(listener, {
      ...common,
      telemetry: recordingTelemetry({ clock }),
      database: listenerDatabase.database,
      instance: 'listener-1',
    }),
  );
  for (const instance of instances.values()) await instance.start();
  try {
    const answer = await instances.get('notes')!.handle({
      service: 'notes',
      operation: 'addNote',
      method: 'POST',
      path: '/notes',
      headers: {
        'idempotency-key': 'k',
        'x-fairlead-tenant': 'acme',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      },
      body: '{"text":"hello"}',
    });
    expect(answer.status).toBe(201);
    expect(await handled.promise).toEqual({ tenant: 'acme', traceId: 'a'.repeat(32), mood: 'good', count: 1 });
    const heard = await instances
      .get('listener')!
      .handle({ service: 'listener', operation: 'heard', method: 'GET', path: '/heard', headers: {}, body: undefined });
    expect(JSON.parse(heard.body)).toEqual({ texts: ['hello'] });
    expect(attempts).toBe(2);
    for (const instance of instances.values()) expect(await instance.ready()).toMatchObject({ ready: true });
    expect(await instances.get('listener')!.deadLetters(setup)).toEqual([]);

    const notes = instances.get('notes')!;
    const { events, position } = await notes.published(setup, { after: 0n }, 10);
    expect(events).toMatchObject([{ source: 'notes', type: 'note.added', tenant: 'acme', data: { text: 'hello' } }]);
    expect(await notes.published(setup, { after: position }, 10)).toEqual({ events: [], position });
    const { time } = events[0]!;
    expect((await notes.published(setup, { sinceMs: time }, 10)).events).toEqual(events);
    expect(await notes.published(setup, { sinceMs: time + 1 }, 10)).toEqual({ events: [], position });
    // It only listens.
    expect((await instances.get('listener')!.published(setup, { after: 0n }, 10)).events).toEqual([]);
  } finally {
    for (const instance of instances.values()) await instance.close({ graceMs: 1_000 });
  }
});

test('a service does not start on a database that lacks its migrations, and says which', async () => {
  await using database = await testDatabase({ migrations: [{ set: 'messaging', from: MESSAGING_MIGRATIONS }] });
  const instance = createService(notesService().definition, {
    clock,
    random,
    telemetry: recordingTelemetry({ clock }),
    transport: localTransport(new Map()),
    database: database.database,
    broker: postgresBroker({ database: database.database }),
    env: {},
    instance: 'notes-1',
  });
  await expect(instance.start()).rejects.toThrow(
    /notes: its database lacks the migrations notes\/0001_notes\.sql, service\/0001_idempotency\.sql/,
  );
  await instance.close({ graceMs: 0 });
});
