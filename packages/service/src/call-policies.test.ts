import { defineContract, operation } from '@fairlead/contract';
import {
  createContext,
  FairleadError,
  seededRandom,
  virtualClock,
  type Transport,
  type TransportResponse,
} from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { callPolicies, identityOf } from './call-policies.ts';
import { defineService } from './define-service.ts';
import { notesContract, weatherContract } from './notes.fixture.ts';
import { createService } from './service.ts';

const boatsContract = defineContract({
  name: 'boats',
  version: '1.0.0',
  operations: { look: operation({ method: 'GET', path: '/look', output: z.object({ ok: z.boolean() }) }) },
});

const boats = defineService({
  contract: boatsContract,
  uses: { sky: weatherContract },
  operations: {
    look: async (ctx, _input, kit) => kit.calls.sky.forecast(ctx, {}),
  },
});

/** A service that asks another one, whose answers are in the test's hands. */
function asking(policies: Record<string, PolicySpec>) {
  const clock = virtualClock();
  const random = seededRandom('boats');
  const telemetry = recordingTelemetry({ clock });
  const asked: PromiseWithResolvers<TransportResponse>[] = [];
  const calls: (object | undefined)[] = [];
  const transport: Transport = {
    send(_ctx, { call }) {
      calls.push(call);
      const answer = Promise.withResolvers<TransportResponse>();
      asked.push(answer);
      return answer.promise;
    },
  };
  const ports = { clock, random, telemetry, transport, policies, env: {}, instance: 'boats-1' };
  const instance = createService(boats, ports);
  const look = () =>
    instance.handle({
      service: 'boats',
      operation: 'look',
      method: 'GET',
      path: '/look',
      headers: {},
      body: undefined,
    });
  return { clock, telemetry, asked, calls, instance, look };
}

const ok: TransportResponse = { status: 200, headers: {}, body: '{"ok":true}' };
const down: TransportResponse = { status: 503, headers: {}, body: '{}' };

test('calls that do not stop when they are told turn readiness off where their policy says so, until they stop', async () => {
  const { clock, asked, instance, look } = asking({ '*': { timeout: { attempt: '1s', stuckLimit: 1 } } });
  await instance.start();
  const answer = look();
  await clock.advance(1_000);
  expect((await answer).status).toBe(504);
  expect(await instance.ready()).toMatchObject({ ready: true });
  await clock.advance(10_000);
  expect(await instance.ready()).toMatchObject({
    ready: false,
    checks: [{ name: 'calls to weather', ok: false, problem: expect.stringMatching(/^1 attempts have not stopped/) }],
  });
  asked[0]?.resolve(ok);
  await clock.advance(1_000);
  expect(await instance.ready()).toMatchObject({ ready: true, checks: [] });
  await instance.close();
});

test('an open breaker is 503 to the caller, with when to come back; it is told once, measured, and shown', async () => {
  const { clock, telemetry, asked, instance, look } = asking({
    weather: { breaker: { window: 2, openFor: '5s', openJitter: '0%' } },
  });
  await instance.start();
  for (let call = 0; call < 2; call++) {
    const answer = look();
    await clock.advance(0);
    asked[call]?.resolve(down);
    expect((await answer).status).toBe(503);
  }
  for (let call = 0; call < 3; call++)
    expect(await look()).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  expect(asked).toHaveLength(2);
  expect(instance.policies()).toMatchObject([
    { target: 'weather', trouble: 'breaker open for 0ms: 2 of 2 calls failed (100 %); tries again in 5s' },
  ]);
  const messages = telemetry.logs.map(({ msg }) => msg);
  expect(messages.filter((message) => message.includes('from closed to open'))).toHaveLength(1);
  expect(messages.filter((message) => message.includes('was not let through'))).toHaveLength(1);
  const exposition = await telemetry.metrics.exposition();
  expect(exposition).toMatch(/fairlead_policy_rejections_total\{[^}]*policy="weather"[^}]*cause="open"[^}]*\} 3/);
  expect(exposition).toMatch(/fairlead_policy_breaker_transitions_total\{[^}]*to="open"[^}]*\} 1/);
  await instance.close();
});

test('a caller is told not to repeat what was repeated below', async () => {
  const { clock, asked, calls, instance, look } = asking({ weather: { retry: { calls: 'all', attempts: 2 } } });
  await instance.start();
  const answer = look();
  for (let attempt = 0; attempt < 2; attempt++) {
    await clock.advance(1_000);
    asked[attempt]?.resolve(down);
  }
  expect(await answer).toMatchObject({ status: 503, headers: { 'grpc-retry-pushback-ms': '-1' } });
  expect(asked).toHaveLength(2);
  // They are attempts of one call, which a transport sends to different places if it can.
  expect(calls[0]).toBeDefined();
  expect(calls[1]).toBe(calls[0]);
  await instance.close();
});

test('the nearest policy counts, and an operation with one of its own shares nothing with the others', () => {
  const clock = virtualClock();
  const policies = callPolicies({
    uses: { sky: weatherContract, memo: notesContract },
    targets: { '*': {}, 'weather.today': { breaker: {} }, nobody: { breaker: {} } },
    ports: { clock, random: seededRandom('targets'), telemetry: recordingTelemetry({ clock }) },
  });
  const { today, forecast } = weatherContract.operations;
  expect(policies.of(today).name).toBe('weather.today');
  expect(policies.of(forecast).name).toBe('weather');
  expect(policies.of(notesContract.operations.addNote).name).toBe('notes');
  expect(policies.reports().map(({ target }) => target)).toEqual(['weather', 'weather.today', 'notes']);
});

test('the operations of a destination share its retry budget, also those with a policy of their own', async () => {
  const budget = { ratio: '10%', floorPerSecond: 0, ttl: '10s' } as const;
  const retry = { calls: 'all', attempts: 2, backoff: { growth: 'constant', base: '1ms' } } as const;
  const clock = virtualClock();
  const ports = { clock, random: seededRandom('budget'), telemetry: recordingTelemetry({ clock }) };
  const targets = { weather: { retry, budget }, 'weather.today': { retry } };
  const policies = callPolicies({ uses: { sky: weatherContract }, targets, ports });
  using ctx = createContext(ports);
  const { today, forecast } = weatherContract.operations;
  for (let call = 0; call < 10; call++) await policies.of(forecast).run(ctx, async () => 1);
  let attempts = 0;
  for (let call = 0; call < 3; call++) {
    const failing = policies.of(today).attempt(ctx, async () => {
      attempts += 1;
      throw new FairleadError('unavailable', 'UNAVAILABLE', 'down');
    });
    await clock.advance(100);
    expect(await failing).toMatchObject({ kind: 'failed' });
  }
  expect(attempts).toBe(4);
});

test('a call is identified by what is asked and by whom', () => {
  const ports = { clock: virtualClock(), random: seededRandom('identity') };
  const of = (subject: string, roles: readonly string[]) =>
    identityOf(
      createContext({ ...ports, caller: { service: undefined, subject, roles } }),
      weatherContract.operations.today,
      '/weather/oslo',
    );
  expect(of('ada', ['a'])).toBe(of('ada', ['a']));
  expect(new Set([of('ada', []), of('bob', []), of('ada', ['a']), of('ada a', [])]).size).toBe(4);
});
