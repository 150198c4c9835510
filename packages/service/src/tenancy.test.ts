import { defineContract, event, operation } from '@fairlead/contract';
import { contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants, MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { installTenancy, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { expect, test, vi } from 'vitest';
import { defineService } from './define-service.ts';
import { idempotencyRecords } from './idempotency-records.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';

const clock = realClock();
const random = realRandom();
const setup = createContext({ clock, random });
const MIGRATIONS = new URL('./tenancy.fixture/', import.meta.url);
const SOON = { timeout: 20_000 };
const SETS = [
  { set: 'broker', from: BROKER_MIGRATIONS },
  { set: 'messaging', from: MESSAGING_MIGRATIONS },
  { set: 'service', from: SERVICE_MIGRATIONS },
  { set: 'desk', from: MIGRATIONS },
];

const desk = defineContract({
  name: 'desk',
  version: '1.0.0',
  operations: {
    write: operation({ method: 'POST', path: '/memos', input: z.object({ id: z.string() }), output: z.object({}) }),
    order: operation({
      method: 'POST',
      path: '/orders',
      idempotencyKey: 'required',
      input: z.object({}),
      output: z.object({ said: z.string() }),
    }),
    list: operation({ method: 'GET', path: '/memos', output: z.object({ texts: z.array(z.string()) }) }),
  },
  events: { 'memo.written': event({ key: 'id', data: z.object({ id: z.string() }) }) },
});

const definition = defineService({
  contract: desk,
  database: { migrations: MIGRATIONS, tenancy: 'rows' },
  operations: {
    async write(ctx, { id }, kit) {
      return kit.commit(async (tx) => {
        await tx.query('insert into memo (id, text) values ($1, $2)', [id, `memo of ${ctx.tenant}`]);
        await tx.publish('memo.written', { id });
        await kit.jobs.enqueue(tx, 'file', { id });
        return {};
      });
    },
    // Whoever calls it, tenant or not: what it says is for this caller alone.
    async order(ctx, _input, kit) {
      return kit.commit(async () => ({ said: `secret of ${ctx.tenant ?? 'nobody'}` }));
    },
    async list(ctx, _input, kit) {
      const { rows } = await kit.db.query<{ text: string }>(ctx, 'select text from memo order by text');
      return { texts: rows.map(({ text }) => text) };
    },
  },
  jobs: {
    file: {
      input: z.object({ id: z.string() }),
      async handle(ctx, { id }, kit) {
        await kit.commit((tx) =>
          tx.query('insert into memo (id, text) values ($1, $2)', [`${id}f`, `filed for ${ctx.tenant}`]),
        );
      },
    },
  },
});

test('a service with tenancy serves, publishes and works through the jobs of each tenant apart from the others', async () => {
  await using held = await testDatabase({ migrations: SETS });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(setup, owner, { url: held.url });
  await brokerGrants(setup, owner, [{ service: 'desk', role: 'test_runtime', reads: [] }]);
  await using database = openDatabase({ url: held.url, name: 'desk', clock, tenancy: 'rows' });
  const telemetry = recordingTelemetry({ clock, random, service: 'desk' });
  await using instance = createService(definition, {
    clock,
    random,
    telemetry,
    transport: localTransport(new Map()),
    env: {},
    instance: 'desk-1',
    database,
    broker: postgresBroker({ database: held.database }),
  });
  await instance.start();
  const call = async (tenant: string | undefined, name: 'write' | 'list', input?: object) => {
    const caller = { service: 'test', subject: undefined, roles: [] };
    using ctx = createContext({ clock, random, tenant, timeoutMs: 10_000, caller });
    const { method, path } = desk.operations[name];
    const headers = { ...contextToHeaders(ctx), 'content-type': 'application/json' };
    const body = input === undefined ? undefined : JSON.stringify(input);
    const answer = await instance.handle({ service: 'desk', operation: name, method, path, headers, body });
    return { status: answer.status, body: JSON.parse(answer.body) as { texts?: string[]; code?: string } };
  };
  for (const tenant of ['ann', 'bob']) expect(await call(tenant, 'write', { id: '1' })).toMatchObject({ status: 200 });
  for (const tenant of ['ann', 'bob']) {
    await vi.waitFor(async () => {
      expect((await call(tenant, 'list')).body.texts).toEqual([`filed for ${tenant}`, `memo of ${tenant}`]);
    }, SOON);
  }
  // No code of the contract's, so callers are told nothing more.
  expect(await call(undefined, 'list')).toMatchObject({ status: 500 });
  expect(await call(undefined, 'write', { id: '2' })).toMatchObject({ status: 500 });
  const required = telemetry.logs.filter(({ error }) => JSON.stringify(error ?? '').includes('TENANT_REQUIRED'));
  expect(required).toHaveLength(2);
  await vi.waitFor(async () => {
    const { rows } = await owner.query(setup, 'select tenant from fairlead_event order by tenant');
    expect(rows).toEqual([{ tenant: 'ann' }, { tenant: 'bob' }]);
  }, SOON);
});

test('answers that are kept by idempotency key are their tenant’s, those of nobody the service’s own, and all are cleared away', async () => {
  await using held = await testDatabase({ migrations: SETS });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(setup, owner, { url: held.url });
  await using database = openDatabase({ url: held.url, name: 'desk', clock, tenancy: 'rows' });
  await using instance = createService(definition, {
    clock,
    random,
    telemetry: recordingTelemetry({ clock, random, service: 'desk' }),
    transport: localTransport(new Map()),
    env: {},
    instance: 'desk-1',
    database,
    broker: postgresBroker({ database: held.database }),
  });
  const order = async (tenant: string | undefined) => {
    const caller = { service: 'test', subject: undefined, roles: [] };
    using ctx = createContext({ clock, random, tenant, timeoutMs: 10_000, caller });
    const headers = { ...contextToHeaders(ctx), 'content-type': 'application/json', 'idempotency-key': 'one' };
    const answer = await instance.handle({
      service: 'desk',
      operation: 'order',
      method: 'POST',
      path: '/orders',
      headers,
      body: '{}',
    });
    return [answer.status, JSON.parse(answer.body), answer.headers['idempotency-replayed']];
  };
  for (const tenant of ['ann', 'bob', undefined]) {
    const said = `secret of ${tenant ?? 'nobody'}`;
    expect(await order(tenant)).toEqual([200, { said }, undefined]);
    expect(await order(tenant)).toEqual([200, { said }, 'true']);
  }
  const ann = setup.derive({ tenant: 'ann' });
  const seen = async (text: string): Promise<string> => JSON.stringify((await database.query(ann, text)).rows);
  const all = 'select tenant, body from fairlead_idempotency order by tenant';
  expect(await seen(all)).toMatch(/secret of nobody.*secret of ann/s);
  expect(await seen(all)).not.toContain('of bob');
  expect(await seen(`delete from fairlead_idempotency where tenant = 'bob' returning *`)).toBe('[]');
  expect(await seen(`update fairlead_idempotency set body = '{}' where tenant = 'bob' returning *`)).toBe('[]');

  await owner.tx(setup, async (tx) => {
    await tx.query('select fairlead.claim_every_tenant()');
    await tx.query(`update fairlead_idempotency set expires_at = fairlead.now() - interval '1 second'`);
  });
  const records = idempotencyRecords({ database, clock, random, instance: 'desk-1', retentionMs: 1_000 });
  expect(await records.cleanUp(setup, 10)).toBe(3);
});

test('a tenancy that is no such thing is refused when the service is defined', () => {
  const database = { migrations: MIGRATIONS, tenancy: 'columns' };
  // @ts-expect-error no such tenancy
  expect(() => defineService({ ...definition, database })).toThrow(/database\.tenancy is "columns"/);
});
