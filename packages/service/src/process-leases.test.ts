import { defineContract } from '@fairlead/contract';
import { realClock, realRandom } from '@fairlead/core';
import type { Lease } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import type { Background } from './definition.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { notesService } from './notes.fixture.ts';
import { createService } from './service.ts';
import type { ServicePorts } from './service-instance.ts';

const clock = realClock();
const random = realRandom();
const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const databaseOf = (set: string) =>
  testDatabase({
    migrations: [
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set, from: MIGRATIONS },
    ],
  });

const portsOf = (instance: string, further: Partial<ServicePorts> = {}): ServicePorts => ({
  clock,
  random,
  telemetry: recordingTelemetry({ clock, random, service: 'sweeper' }),
  transport: localTransport(new Map()),
  env: {},
  instance,
  ...further,
});

function sweeper(background: Background<{}, {}>, withDatabase = true) {
  const contract = defineContract({ name: 'sweeper', version: '1.0.0', operations: {} });
  return defineService({
    contract,
    ...(withDatabase ? { database: { migrations: MIGRATIONS } } : {}),
    operations: {},
    background,
  });
}

test('one instance leads what all of them take part in; when it is closed, another does', async () => {
  await using held = await databaseOf('sweeper');
  const leaders: { readonly by: string; readonly lease: Lease }[] = [];
  const led = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const take = (by: string) =>
    sweeper((kit) => {
      kit.leases.lead('sweep', async (ctx, lease) => {
        leaders.push({ by, lease });
        led[leaders.length - 1]?.resolve();
        await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
      });
    });
  const { database } = held;
  await using first = createService(take('first'), portsOf('sweeper-1', { database }));
  await first.start();
  await led[0]?.promise;
  await using second = createService(take('second'), portsOf('sweeper-2', { database }));
  await second.start();
  await first.close();
  expect(leaders[0]?.lease.signal.aborted).toBe(true);
  await led[1]?.promise;
  expect(leaders.map(({ by }) => by)).toEqual(['first', 'second']);
  expect(leaders[1]!.lease.token).toBeGreaterThan(leaders[0]!.lease.token);
});

test('a service that takes no lease asks its database for none', async () => {
  await using held = await databaseOf('notes');
  const asked: string[] = [];
  const watched = {
    ...held.database,
    name: 'watched',
    query: async (_ctx: unknown, text: string) => (asked.push(text), { rows: [], rowCount: 0 }),
    tx: async () => {
      asked.push('tx');
      throw new Error('nobody asks for this');
    },
  };
  const { database } = held;
  const ports = portsOf('notes-1', { database, leaseDatabase: watched as never, broker: {} as never });
  const quiet = defineService({ ...notesService().definition, operations: notesService().definition.operations });
  const instance = createService(quiet, ports);
  await instance.start();
  await instance.close();
  expect(asked).toEqual([]);
});

test('leases need a database, and the message says what to add', async () => {
  const instance = createService(
    sweeper((kit) => void kit.leases, false),
    portsOf('sweeper-1'),
  );
  await expect(instance.start()).rejects.toMatchObject({
    code: 'MISCONFIGURED',
    message: 'sweeper has no database. Add database: { migrations } to its definition.',
  });
  await instance.close();
});
