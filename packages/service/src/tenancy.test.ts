import { defineContract, event, operation } from '@fairlead/contract';
import { contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants, MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { installTenancy, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { expect, test, vi } from 'vitest';
import { defineService } from './define-service.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';

const clock = realClock();
const random = realRandom();
const setup = createContext({ clock, random });
const MIGRATIONS = new URL('./tenancy.fixture/', import.meta.url);
const SOON = { timeout: 20_000 };

const desk = defineContract({
  name: 'desk',
  version: '1.0.0',
  operations: {
    write: operation({ method: 'POST', path: '/memos', input: z.object({ id: z.string() }), output: z.object({}) }),
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
  await using held = await testDatabase({
    migrations: [
      { set: 'broker', from: BROKER_MIGRATIONS },
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'desk', from: MIGRATIONS },
    ],
  });
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

test('a tenancy that is no such thing is refused when the service is defined', () => {
  const database = { migrations: MIGRATIONS, tenancy: 'columns' };
  // @ts-expect-error no such tenancy
  expect(() => defineService({ ...definition, database })).toThrow(/database\.tenancy is "columns"/);
});
