import { describe, expect, test } from 'vitest';
import { balance, SCENES, type BalancingOptions } from './balancing.ts';
import { shards } from './shards.ts';

// On virtual time, from one seed: the same numbers on every machine.
function run(balancer: BalancingOptions['balancer'], scene: keyof typeof SCENES, more: Partial<BalancingOptions> = {}) {
  return balance({
    balancer,
    scene: SCENES[scene],
    clients: 20,
    outliers: 'off',
    seconds: 12,
    seed: 'balancing',
    ...more,
  });
}

describe('ten hosts under half of what they can carry', () => {
  test('when all are alike, it hardly matters who decides', async () => {
    for (const balancer of ['p2c', 'least-request', 'round-robin'] as const) {
      expect((await run(balancer, 'all alike')).p99Ms).toBeLessThan(50);
    }
  });

  test('one that is ten times slower is seen in the 99th percentile of round robin, less in that of least request, and not in that of p2c', async () => {
    const p2c = await run('p2c', 'one slow');
    const least = await run('least-request', 'one slow');
    const turns = await run('round-robin', 'one slow');
    expect(p2c.p99Ms).toBeLessThan(55);
    expect(least.p99Ms).toBeGreaterThan(1.5 * p2c.p99Ms);
    expect(turns.p99Ms).toBeGreaterThan(4 * p2c.p99Ms);
  });

  test('one that can carry only a tenth drowns with round robin, and not with p2c', async () => {
    expect((await run('round-robin', 'one small')).p99Ms).toBeGreaterThan(1_000);
    expect((await run('p2c', 'one small')).p99Ms).toBeLessThan(55);
  });

  test('one that fails at once draws requests to it with least request, not with p2c, and outlier ejection ends it with all', async () => {
    expect((await run('least-request', 'one failing')).failed).toBeGreaterThan(0.1);
    expect((await run('p2c', 'one failing')).failed).toBeLessThan(0.005);
    for (const balancer of ['least-request', 'round-robin', 'p2c'] as const) {
      expect((await run(balancer, 'one failing', { outliers: {} })).failed).toBeLessThan(0.005);
    }
  });
});

describe('a hundred thousand keys', () => {
  test.each([3, 10, 100])('on a ring of %i, only those of who leaves move', async (count) => {
    const { most, least, movedBesides } = await shards('ring-hash', count);
    expect(movedBesides).toBe(0);
    expect(most).toBeLessThan(1.4);
    expect(least).toBeGreaterThan(0.7);
  });

  test.each([3, 10, 100])('in a maglev table of %i, all have the same, and few of the others move', async (count) => {
    const { most, least, movedBesides } = await shards('maglev', count);
    expect(movedBesides).toBeLessThan(0.03);
    // A hundred have 1 000 keys each: that is chance.
    expect(most).toBeLessThan(count === 100 ? 1.15 : 1.03);
    expect(least).toBeGreaterThan(count === 100 ? 0.85 : 0.97);
  });
});
