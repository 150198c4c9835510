import {
  createContext,
  realClock,
  realRandom,
  virtualClock,
  type Transport,
  type TransportRequest,
} from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { callPolicies } from './call-policies.ts';
import { clients } from './client.ts';
import { notesContract, weatherContract } from './notes.fixture.ts';

const clock = realClock();
const random = realRandom();

function recording(status = 200, body = '{"ok":true}', policy: PolicySpec = {}) {
  const sent: TransportRequest[] = [];
  const transport: Transport = {
    async send(_ctx, request) {
      sent.push(request);
      return { status, headers: {}, body };
    },
  };
  const telemetry = noTelemetry();
  const uses = { sky: weatherContract };
  const policies = callPolicies({ uses, targets: { '*': policy }, ports: { clock, random, telemetry } });
  const run = clients({ service: 'orders', uses, transport, telemetry, policies });
  return { sent, forecasts: (work: string) => run(work)['sky']!['forecast']! };
}

const context = (idempotencyKey?: string) =>
  createContext({ clock, random, timeoutMs: 10_000, tenant: 'acme', idempotencyKey });
const keyOf = (request: TransportRequest | undefined) => request?.headers['idempotency-key'];

test('a derived key is the same when the work is repeated, and another for each call, step and work', async () => {
  const { sent, forecasts } = recording();
  using ctx = context('k1');
  for (let round = 0; round < 2; round++) {
    const forecast = forecasts('placeOrder');
    await forecast(ctx, {});
    await forecast(ctx, {});
    await forecast(ctx, {}, { step: 'again' });
    await forecasts('cancelOrder')(ctx, {});
  }
  const keys = sent.map(keyOf);
  expect(keys.slice(0, 4)).toEqual(keys.slice(4));
  expect(new Set(keys).size).toBe(4);
  expect(keys).not.toContain('k1');
});

test('without a key of the caller none is sent, and the caller is named', async () => {
  const { sent, forecasts } = recording();
  using ctx = context();
  await forecasts('placeOrder')(ctx, {});
  expect(keyOf(sent[0])).toBeUndefined();
  expect(sent[0]).toMatchObject({
    service: 'weather',
    operation: 'forecast',
    headers: { 'x-fairlead-caller': 'orders', 'x-fairlead-tenant': 'acme' },
  });
});

test.each([
  [500, '{"code":"INTERNAL"}', 'BAD_GATEWAY'],
  [503, 'gateway says no', 'UNAVAILABLE'],
  [200, 'not json', 'INVALID_ANSWER'],
  [200, '{"ok":"yes"}', 'INVALID_ANSWER'],
])('the answer %i %s is %s, after one attempt', async (status, body, code) => {
  const { sent, forecasts } = recording(status, body);
  using ctx = context('k1');
  await expect(forecasts('x')(ctx, {})).rejects.toMatchObject({ code });
  expect(sent).toHaveLength(1);
});

test('what the callee adds later does not break the caller', async () => {
  const { forecasts } = recording(200, '{"ok":true,"newer":1}');
  using ctx = context();
  expect(await forecasts('x')(ctx, {})).toMatchObject({ ok: true });
});

test('a call that may be repeated is, under the same key; one that may not is left alone', async () => {
  const time = virtualClock();
  const sent: TransportRequest[] = [];
  const transport: Transport = {
    async send(_ctx, request) {
      sent.push(request);
      const ok = sent.length === 3;
      return ok
        ? { status: 200, headers: {}, body: '{"id":"1","text":"hello"}' }
        : { status: 503, headers: {}, body: '{}' };
    },
  };
  const telemetry = noTelemetry();
  const uses = { notes: notesContract };
  const policies = callPolicies({ uses, targets: { notes: { retry: {} } }, ports: { clock: time, random, telemetry } });
  const calls = clients({ service: 'orders', uses, transport, telemetry, policies })('placeOrder');
  using ctx = createContext({ clock: time, random, timeoutMs: 10_000, tenant: 'acme', idempotencyKey: 'k1' });
  const added = calls.notes!['addNote']!(ctx, { text: 'hello' });
  await time.advance(5_000);
  expect(await added).toMatchObject({ id: '1' });
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(keyOf)).size).toBe(1);

  const once = recording(503, '{}', { retry: {} });
  await expect(once.forecasts('x')(ctx, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(once.sent).toHaveLength(1);
});

test('an open breaker answers for the callee, and says why', async () => {
  const { sent, forecasts } = recording(503, '{}', { breaker: { window: 2 } });
  using ctx = context('k1');
  for (let call = 0; call < 2; call++) await forecasts('x')(ctx, {}).catch(() => undefined);
  await expect(forecasts('x')(ctx, {})).rejects.toMatchObject({
    code: 'REJECTED',
    kind: 'unavailable',
    details: { policy: 'weather', cause: 'open', measured: { because: 'failure-ratio', calls: 2 } },
  });
  expect(sent).toHaveLength(2);
});
