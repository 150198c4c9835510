import { createContext, realRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { SILENT, type StoreLabels, type StoreTelemetry } from './telemetry.ts';
import { withRetries } from './tx-retry.ts';

const clock = virtualClock({ startMs: 0 });
const ctx = createContext({ clock, random: realRandom() });

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** Runs to its end while the virtual time goes on. */
async function played<T>(work: Promise<T>): Promise<T> {
  let over = false;
  const ended = work.finally(() => (over = true));
  ended.catch(() => {});
  while (!over) {
    await clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ended;
}

test('attempts are told to the span and counted by what ended them', async () => {
  const counted: StoreLabels[] = [];
  const span: Record<string, unknown> = {};
  const telemetry: StoreTelemetry = {
    ...SILENT,
    metrics: {
      counter: () => ({ inc: (labels) => void counted.push(labels) }),
      gauge: () => ({ set: () => {}, remove: () => {} }),
      histogram: () => ({ observe: () => {} }),
    },
  };
  const failures = [failure('40001'), failure('40P01')];
  const report = {
    name: 'orders',
    telemetry,
    span: { set: (key: string, value: unknown) => void (span[key] = value) },
  };
  const value = await played(
    withRetries(ctx, { retry: true }, report, async () => {
      const next = failures.shift();
      if (next !== undefined) throw next;
      return 'done';
    }),
  );
  expect(value).toBe('done');
  expect(counted).toEqual([
    { database: 'orders', state: '40001' },
    { database: 'orders', state: '40P01' },
  ]);
  expect(span).toEqual({ 'fairlead.tx.attempts': 3, 'fairlead.tx.repeated_for': '40P01' });
});

test('what another attempt would meet again is not repeated', async () => {
  const report = { name: 'orders', telemetry: SILENT, span: { set: () => {} } };
  for (const error of [failure('23505'), failure('40003'), new Error('of the work')]) {
    let runs = 0;
    const work = withRetries(ctx, { isolation: 'serializable' }, report, async () => {
      runs += 1;
      throw error;
    });
    await expect(played(work)).rejects.toBe(error);
    expect(runs).toBe(1);
  }
});
