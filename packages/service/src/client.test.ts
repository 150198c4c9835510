import { createContext, realClock, realRandom, type Transport, type TransportRequest } from '@fairlead/core';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { clients } from './client.ts';
import { weatherContract } from './notes.fixture.ts';

const clock = realClock();
const random = realRandom();

function recording(status = 200, body = '{"ok":true}') {
  const sent: TransportRequest[] = [];
  const transport: Transport = {
    async send(_ctx, request) {
      sent.push(request);
      return { status, headers: {}, body };
    },
  };
  const run = clients({ service: 'orders', uses: { sky: weatherContract }, transport, telemetry: noTelemetry() });
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
