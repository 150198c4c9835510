import { describe, expect, test } from 'vitest';
import { measureJain, measureVictims } from './fairness.ts';
import { fairlead, fifo, roundRobin } from './schedulers.ts';

/** Virtual: everything here is the same on every machine. The bench runs for a minute, its goals are for that. */
const DURATION_MS = 10_000;

test('tenants that want more than there is get what their weights say, whatever their calls take', async () => {
  expect(await measureJain(fairlead({}), 20_000)).toBeGreaterThan(0.99);
});

test('first come, first served and round robin give the slots to whoever has long calls', async () => {
  expect(await measureJain(fifo, 5_000)).toBeLessThan(0.5);
  expect(await measureJain(roundRobin, 5_000)).toBeLessThan(0.5);
});

describe('nine tenants hardly notice a tenth that wants three times what there is', () => {
  test.each([
    ['10ms', 2_000],
    ['200ms', DURATION_MS],
    ['tail', DURATION_MS],
  ] as const)('with a cap of half the slots, calls of %s', async (cost, durationMs) => {
    const victims = await measureVictims(fairlead({ cap: '50%' }), cost, durationMs);
    expect(victims.p99Ratio).toBeLessThan(1.1);
    expect(victims.rejected).toBe(0);
  });

  test.each([
    ['10ms', 2_000, 1.1],
    ['200ms', DURATION_MS, 4],
  ] as const)('without one, calls of %s', async (cost, durationMs, most) => {
    const victims = await measureVictims(fairlead({}), cost, durationMs);
    expect(victims.p99Ratio).toBeLessThan(most);
    expect(victims.rejected).toBe(0);
    expect(victims.utilisation).toBeGreaterThan(0.94);
  });
});

test('the reserve is what keeps calls of unexpected length from adding up', async () => {
  const [without, reserved] = [
    await measureVictims(fairlead({ reserve: '0%' }), 'tail', DURATION_MS),
    await measureVictims(fairlead({}), 'tail', DURATION_MS),
  ];
  expect(reserved.p99Ratio).toBeLessThan(without.p99Ratio / 2);
  expect(reserved.rejected + without.rejected).toBe(0);
});

test('one line for all lets everybody feel it', async () => {
  const victims = await measureVictims(fifo, '200ms', DURATION_MS);
  expect(victims.p99Ratio).toBeGreaterThan(10);
  expect(victims.rejected).toBeGreaterThan(0);
});
