import { defineContract, event, operation } from '@fairlead/contract';
import { contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';
import { saga } from '@fairlead/events';
import { MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';
import type { ServiceInstance } from './service-instance.ts';
import type { ServiceSagaContext } from './service-sagas.ts';

const clock = realClock();
const random = realRandom();
const SOON = { timeout: 20_000 };
const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const setup = createContext({ clock, random });

let held: TestDatabase;
beforeAll(async () => {
  held = await testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'voyages', from: MIGRATIONS },
    ],
  });
});
afterAll(() => held[Symbol.asyncDispose]());

const portContract = defineContract({
  name: 'port',
  version: '1.0.0',
  operations: {
    berth: operation({
      method: 'POST',
      path: '/berths',
      idempotencyKey: 'required',
      input: z.object({ ship: z.string() }),
      output: z.object({ key: z.string() }),
    }),
  },
});
const voyageContract = defineContract({
  name: 'voyages',
  version: '1.0.0',
  operations: {
    sail: operation({
      method: 'POST',
      path: '/voyages',
      input: z.object({ ship: z.string(), fail: z.boolean().default(false) }),
      output: z.object({ kind: z.string() }),
    }),
    arrive: operation({
      method: 'POST',
      path: '/arrivals',
      input: z.object({ ship: z.string() }),
      output: z.object({ kind: z.string() }),
    }),
  },
  events: { 'voyage.ended': event({ key: 'ship', data: z.object({ ship: z.string() }) }) },
});
const uses = { port: portContract };

const voyage = saga('voyage', async (s: ServiceSagaContext<typeof voyageContract, typeof uses>, ship: string) => {
  const { key } = await s.step('berth', (ctx, kit) => kit.calls.port.berth(ctx, { ship }));
  const from = await s.signal<string>('arrived', { timeout: '1h' });
  const id = s.id();
  await s.transaction('end', async (tx) => {
    await tx.query('insert into note (id, tenant, text) values ($1, $2, $3)', [id, s.tenant, `${ship} ${from}`]);
    await tx.publish('voyage.ended', { ship });
  });
  return key;
});

const port = defineService({
  contract: portContract,
  database: { migrations: MIGRATIONS },
  operations: {
    berth: async (ctx, _input, kit) => kit.commit(async () => ({ key: ctx.idempotencyKey ?? '' })),
  },
});
const voyages = defineService({
  contract: voyageContract,
  uses,
  database: { migrations: MIGRATIONS },
  sagas: { voyage },
  operations: {
    async sail(_ctx, { ship, fail }, kit) {
      return kit.commit(async (tx) => {
        const { kind } = await kit.sagas.start(tx, 'voyage', ship, ship);
        if (fail) throw new Error('not after all');
        return { kind };
      });
    },
    arrive: async (_ctx, { ship }, kit) =>
      kit.commit(async (tx) => ({ kind: (await kit.sagas.signal(tx, 'voyage', ship, 'arrived', 'Oslo')).kind })),
  },
});

function instances(): { readonly instance: ServiceInstance; readonly all: Map<string, ServiceInstance> } {
  const all = new Map<string, ServiceInstance>();
  for (const definition of [port, voyages]) {
    const { name } = definition.contract;
    const ports = {
      clock,
      random,
      telemetry: recordingTelemetry({ clock, random, service: name }),
      transport: localTransport(all),
      env: {},
      instance: `${name}-1`,
      database: held.database,
      broker: postgresBroker({ database: held.database }),
    };
    all.set(name, createService(definition as never, ports));
  }
  const instance = all.get('voyages');
  if (instance === undefined) throw new Error('unreachable');
  return { instance, all };
}

async function call(instance: ServiceInstance, name: 'sail' | 'arrive', input: object) {
  const caller = { service: 'test', subject: undefined, roles: [] };
  using ctx = createContext({ clock, random, tenant: 'acme', timeoutMs: 10_000, caller });
  const { method, path } = voyageContract.operations[name];
  const headers = { ...contextToHeaders(ctx), 'content-type': 'application/json' };
  const request = { service: 'voyages', operation: name, method, path, headers, body: JSON.stringify(input) };
  const { status, body } = await instance.handle(request);
  return { status, body: JSON.parse(body) as { kind: string } };
}

const notes = async (): Promise<unknown[]> =>
  (await held.database.query(setup, 'select tenant, text from note order by text')).rows.map((row) => row);

test('a saga is started and signalled in commits of handlers, calls under its own keys, and publishes in its transactions', async () => {
  const first = instances();
  await first.instance.start();
  expect((await call(first.instance, 'sail', { ship: 'Vega', fail: true })).status).toBe(500);
  expect(await call(first.instance, 'arrive', { ship: 'Vega' })).toMatchObject({ body: { kind: 'unknown' } });
  expect(await call(first.instance, 'sail', { ship: 'Vega' })).toMatchObject({ body: { kind: 'started' } });
  expect(await call(first.instance, 'sail', { ship: 'Vega' })).toMatchObject({ body: { kind: 'exists' } });
  // It goes on in the next process.
  for (const each of first.all.values()) await each.close({ graceMs: 2_000 });
  const second = instances();
  await second.instance.start();
  expect(await call(second.instance, 'arrive', { ship: 'Vega' })).toMatchObject({ body: { kind: 'sent' } });
  await expect.poll(notes, SOON).toEqual([{ tenant: 'acme', text: 'Vega Oslo' }]);
  const ended = async () => (await call(second.instance, 'arrive', { ship: 'Vega' })).body.kind;
  await expect.poll(ended, SOON).toBe('ended');
  for (const each of second.all.values()) await each.close({ graceMs: 2_000 });
  const { rows } = await held.database.query(setup, `select tenant, key from fairlead_log where type = 'voyage.ended'`);
  expect(rows).toEqual([{ tenant: 'acme', key: 'Vega' }]);
});

test('sagas without a database are refused where the service is defined', () => {
  const contract = defineContract({ name: 'raft', version: '1.0.0', operations: {} });
  expect(() => defineService({ contract, operations: {}, sagas: { voyage } })).toThrow('sagas are kept in a database');
});
