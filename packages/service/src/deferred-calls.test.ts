import { defineContract, operation } from '@fairlead/contract';
import {
  contextToHeaders,
  createContext,
  FairleadError,
  realClock,
  realRandom,
  type Transport,
  type TransportRequest,
} from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';

const clock = realClock();
const random = realRandom();
/** Waiting for what workers do, however busy the machine is. */
const SOON = { timeout: 20_000 };
const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const setup = createContext({ clock, random });

let held: TestDatabase;
beforeAll(async () => {
  held = await testDatabase({
    migrations: [
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'till', from: MIGRATIONS },
    ],
  });
});
afterAll(() => held[Symbol.asyncDispose]());
beforeEach(() => held.database.query(setup, 'delete from fairlead_job'));

const bankContract = defineContract({
  name: 'bank',
  version: '1.0.0',
  operations: {
    refund: operation({
      method: 'POST',
      path: '/refunds',
      idempotencyKey: 'required',
      input: z.object({ cents: z.int() }),
      output: z.object({ state: z.enum(['done', 'later']), receipt: z.string() }),
      errors: { NO_ACCOUNT: 'unprocessable' },
    }),
  },
});
const tillContract = defineContract({
  name: 'till',
  version: '1.0.0',
  operations: {
    give: operation({
      method: 'POST',
      path: '/give',
      idempotencyKey: 'required',
      input: z.object({ cents: z.int() }),
      output: z.object({ state: z.string(), receipt: z.string() }),
    }),
  },
});

/** A till whose bank answers as it is told. */
function till(
  bank: { answer: () => string },
  options: { readonly deferredCalls?: object; readonly policy?: PolicySpec },
) {
  const asked: TransportRequest[] = [];
  const transport: Transport = {
    async send(_ctx, request) {
      asked.push(request);
      return { status: 200, headers: {}, body: bank.answer() };
    },
  };
  const definition = defineService({
    contract: tillContract,
    uses: { bank: bankContract },
    database: { migrations: MIGRATIONS },
    ...('deferredCalls' in options ? { deferredCalls: options.deferredCalls ?? {} } : {}),
    operations: {
      async give(ctx, { cents }, kit) {
        const later = { state: 'later' as const };
        return kit.calls.bank.refund(ctx, { cents }, { defer: ({ jobId }) => ({ ...later, receipt: jobId }) });
      },
    },
  });
  const telemetry = recordingTelemetry({ clock, random, service: 'till' });
  const policy = options.policy ?? { fallback: {}, timeout: { total: '5s' } };
  const instance = createService(definition, {
    clock,
    random,
    telemetry,
    transport,
    env: {},
    instance: 'till-1',
    database: held.database,
    policies: { bank: policy },
  });
  const give = async (key: string) => {
    const caller = { service: 'till-front', subject: 'ada', roles: ['support'] };
    using ctx = createContext({ clock, random, tenant: 'acme', timeoutMs: 10_000, caller });
    const headers = { ...contextToHeaders(ctx), 'content-type': 'application/json', 'idempotency-key': key };
    const request = { service: 'till', operation: 'give', method: 'POST', path: '/give', headers, body: '{"cents":5}' };
    const { status, body } = await instance.handle(request);
    return { status, body: JSON.parse(body) as { state: string; receipt: string } };
  };
  return { instance, asked, give, telemetry };
}

const away = (): never => {
  throw new FairleadError('unavailable', 'UNAVAILABLE', 'away', { details: { processed: 'no' } });
};
const jobs = async () =>
  (await held.database.query(setup, 'select id::text as id, state, tenant from fairlead_job')).rows.map((row) => row);

test('a call that can’t be made now is answered for, and made by a worker when it can: once, under its own key, in the caller’s name', async () => {
  const bank = { answer: away as () => string };
  const { instance, asked, give, telemetry } = till(bank, { deferredCalls: { backoff: { base: '5ms', cap: '5ms' } } });
  const { status, body } = await give('k1');
  expect([status, body.state]).toEqual([200, 'later']);
  expect(await jobs()).toEqual([{ id: body.receipt, state: 'ready', tenant: 'acme' }]);
  const first = asked[0];

  asked.length = 0;
  await instance.start();
  await expect.poll(() => asked.length, SOON).toBeGreaterThan(1);
  bank.answer = () => '{"state":"done","receipt":"r1"}';
  await expect.poll(jobs, SOON).toEqual([]);
  const last = asked.at(-1);
  expect(last?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
  expect(last?.headers['idempotency-key']).toBeDefined();
  expect([last?.method, last?.path, last?.body]).toEqual([first?.method, first?.path, first?.body]);
  for (const name of ['x-fairlead-tenant', 'x-fairlead-subject', 'x-fairlead-roles', 'x-fairlead-caller'])
    expect([name, last?.headers[name]]).toEqual([name, first?.headers[name]]);
  expect(telemetry.spans.some(({ name }) => name === 'job deferred-calls')).toBe(true);
  await instance.close();
});

test('what the policy has for now does not stand in for a call that was promised', async () => {
  const bank = { answer: away as () => string };
  const policy: PolicySpec = { fallback: { value: { state: 'done', receipt: 'made up' } }, timeout: { total: '5s' } };
  const { instance, asked, give } = till(bank, { deferredCalls: { backoff: { base: '5ms', cap: '5ms' } }, policy });
  expect((await give('k2')).body.state).toBe('later');
  await instance.start();
  await expect.poll(() => asked.length, SOON).toBeGreaterThan(2);
  expect(await jobs()).toHaveLength(1);
  bank.answer = () => '{"state":"done","receipt":"r1"}';
  await expect.poll(jobs, SOON).toEqual([]);
  await instance.close();
});

test('a refusal that would be the same next time leaves a dead letter at once', async () => {
  const bank = { answer: away as () => string };
  const { instance, give } = till(bank, { deferredCalls: {} });
  await give('k3');
  bank.answer = () => {
    throw new FairleadError('unprocessable', 'NO_ACCOUNT', 'closed');
  };
  await instance.start();
  await expect.poll(jobs, SOON).toMatchObject([{ state: 'dead' }]);
  await instance.close();
});

test('a service that keeps no calls says what to add', async () => {
  const { instance, give, telemetry } = till({ answer: away }, {});
  expect((await give('k4')).status).toBe(500);
  expect(JSON.stringify(telemetry.logs)).toContain('Add deferredCalls: {} to its definition');
  await instance.close();
});
