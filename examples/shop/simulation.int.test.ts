import { seededRandom } from '@fairlead/core';
import type { World } from '@fairlead/testing';
import { expect, test } from 'vitest';
import { oneOrder } from './simulation.ts';

const SEEDS = 20;
const SERVICES = ['catalog', 'inventory', 'notifications', 'orders', 'payments'];

/** Kills services at times that follow from the seed: anyone, anywhere, also while it starts again. */
function crashes(seed: number): (world: World) => Promise<void> {
  const random = seededRandom(`crashes of ${seed}`);
  return async (world) => {
    for (let i = 0; i < 6; i += 1) {
      await world.sleep(Math.floor(random.next() * 500));
      world.crash(SERVICES[Math.floor(random.next() * SERVICES.length)] ?? 'orders', Math.floor(random.next() * 300));
    }
  };
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'an order ends with one charge while messages are lost, connections break and services die: seed %i',
  async (seed) => {
    const faults = { lossRatio: 0.1, breakRatio: 0.05, endMs: 20_000 };
    const { happenings } = await oneOrder(seed, { faults, meanwhile: crashes(seed) });
    expect(happenings).toBeGreaterThan(200);
  },
);
