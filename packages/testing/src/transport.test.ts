import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { network } from './network.ts';
import { simulatedProcess } from './process.ts';
import { trace } from './trace.ts';
import { simulatedTransport, type ExternalProvider } from './transport.ts';

const request = { service: 'billing', operation: 'charge', method: 'POST', path: '/charges', headers: {}, body: '{}' };
const ok = { status: 200, headers: {}, body: '{}' };

function setUp(callee: ExternalProvider | undefined, faults = {}) {
  const clock = virtualClock();
  const random = seededRandom(1);
  const record = trace({ keepLines: true });
  const wires = network(clock, random, record, faults);
  const payments = simulatedProcess('payments', 1, clock, random);
  const billing = simulatedProcess('billing', 1, clock, random);
  const transport = simulatedTransport(
    payments,
    () => callee && { answer: callee, process: billing },
    wires,
    clock,
    record,
  );
  const send = async (timeoutMs = 1_000) => {
    const ctx = createContext({ clock, random, timeoutMs });
    const sent = transport.send(ctx, request).then(
      (answer) => answer.status,
      (error: { code: string; details: { processed?: string } }) =>
        `${error.code} ${error.details.processed ?? ''}`.trim(),
    );
    await clock.advance(timeoutMs);
    return sent;
  };
  return { wires, billing, send };
}

test('an answer comes back after delays both ways', async () => {
  expect(await setUp(async () => ok).send()).toBe(200);
});

test('a lost request never reaches its callee, and the caller can not know', async () => {
  let calls = 0;
  const { wires, send } = setUp(async () => ((calls += 1), ok));
  wires.planLoss({ from: 'payments', to: 'billing', part: 'request' });
  expect([await send(), calls]).toEqual(['UNAVAILABLE maybe', 0]);
  expect([await send(), calls]).toEqual([200, 1]);
});

test('a lost answer leaves the work done', async () => {
  let calls = 0;
  const { wires, send } = setUp(async () => ((calls += 1), ok));
  wires.planLoss({ from: 'payments', to: 'billing', part: 'answer' });
  expect([await send(), calls]).toEqual(['UNAVAILABLE maybe', 1]);
});

test('a callee that is down has provably not seen the call', async () => {
  expect(await setUp(undefined).send()).toBe('UNAVAILABLE no');
});

test('the call to a callee that is killed breaks at once', async () => {
  const { billing, send } = setUp(() => new Promise(() => queueMicrotask(() => billing.kill())));
  expect(await send()).toBe('UNAVAILABLE maybe');
});

test('a caller whose time is up does not wait for the answer', async () => {
  expect(await setUp(() => new Promise(() => {})).send(100)).toBe('DEADLINE_EXCEEDED');
});

test('drawn losses come at about their ratio, and end when they should', async () => {
  const { send } = setUp(async () => ok, { lossRatio: 0.5, endMs: 100_000 });
  let lost = 0;
  for (let i = 0; i < 100; i += 1) lost += (await send()) === 200 ? 0 : 1;
  expect(lost).toBeGreaterThan(50); // each call may lose its request or its answer
  expect(lost).toBeLessThan(95);
  for (let i = 0; i < 20; i += 1) expect(await send()).toBe(200);
});
