import { createContext, seededRandom, virtualClock, type ScopedContext } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scene } from './fair-scene.fixture.ts';
import { SUCCESS } from './outcome.ts';

const random = seededRandom(1);

describe('queues', () => {
  test('one tenant fills its own and nobody else is refused', async () => {
    const scene = new Scene({ limit: 1, queue: 2 });
    for (let count = 0; count < 5; count++) scene.come('busy');
    scene.come('calm');
    await scene.pass(0);
    expect(scene.refusals.map(({ tenant, refusal }) => [tenant, refusal.cause, refusal.queued])).toEqual([
      ['busy', 'full', 2],
      ['busy', 'full', 2],
    ]);
    expect(scene.state('busy')).toMatchObject({ waiting: 2, refused: 2 });
  });

  test('when all are full together, the last of the longest makes room', async () => {
    const scene = new Scene({ limit: 1, queue: 4 }, { queueTotal: 4 });
    for (let count = 0; count < 5; count++) scene.come('busy');
    await scene.pass(7);
    scene.come('calm');
    await scene.pass(0);
    expect(scene.refusals).toMatchObject([{ tenant: 'busy', refusal: { cause: 'full', waitedMs: 7 } }]);
    expect(scene.state('calm')).toMatchObject({ waiting: 1, refused: 0 });
    expect(scene.gate.inspect(0).waiting).toBe(4);
    // Whose own queue is the longest pushes nobody out.
    scene.come('busy');
    await scene.pass(0);
    expect(scene.refusals[1]).toMatchObject({ tenant: 'busy', refusal: { cause: 'full', waitedMs: 0 } });
  });

  test('who waits too long leaves, of whatever tenant', async () => {
    const scene = new Scene({ limit: 1, wait: '50ms' });
    scene.come('a');
    scene.come('a');
    scene.come('b');
    await scene.pass(50);
    expect(scene.refusals.map(({ tenant, refusal }) => [tenant, refusal.cause])).toEqual([
      ['a', 'queue-timeout'],
      ['b', 'queue-timeout'],
    ]);
    expect(scene.clock.pending).toBe(0);
  });

  test('the delay is what everybody must wait: 0 while some tenant is served at once', async () => {
    const scene = new Scene({ limit: 2 }, { cap: '50%' });
    scene.come('busy');
    scene.come('busy');
    await scene.pass(30);
    expect(scene.gate.queueDelayMs(30)).toBe(30);
    scene.come('calm');
    await scene.pass(0);
    expect(scene.gate.queueDelayMs(30)).toBe(0);
    expect(scene.gate.inspect(30).oldestWaitMs).toBe(30);
    scene.come('calm');
    await scene.pass(5);
    expect(scene.gate.queueDelayMs(35)).toBe(5);
  });

  test('a heavy call is not starved by light ones of others', async () => {
    const scene = new Scene({ limit: 2, slotsByCost: true });
    scene.come('light');
    scene.come('light');
    scene.come('heavy', 2);
    await scene.pass(10);
    scene.come('light');
    scene.leave('light');
    await scene.pass(0);
    expect(scene.let).toEqual(['light', 'light']);
    scene.leave('light');
    await scene.pass(0);
    expect(scene.let).toEqual(['light', 'light', 'heavy']);
  });
});

describe('shuffle sharding', () => {
  const shards = { queues: 16, hand: 4 };

  test('a tenant that fills all its queues leaves others theirs', async () => {
    const scene = new Scene({ limit: 1, queue: 3 }, { shards, queueTotal: 100 });
    for (let count = 0; count < 30; count++) scene.come('busy');
    await scene.pass(0);
    // One in, four queues of three.
    expect(scene.state('busy')).toMatchObject({ inUse: 1, waiting: 12, refused: 17 });
    for (let count = 0; count < 20; count++) scene.come(`calm-${count}`);
    await scene.pass(0);
    expect(scene.refusals.filter(({ tenant }) => tenant !== 'busy').length).toBe(0);
  });

  test('a capped tenant does not hold up who shares its queues', async () => {
    const scene = new Scene({ limit: 20, queue: 30 }, { shards: { queues: 2, hand: 1 }, cap: '10%' });
    for (let count = 0; count < 10; count++) scene.come('busy');
    for (let count = 0; count < 10; count++) scene.come(`calm-${count}`);
    await scene.pass(0);
    expect(scene.gate.inspect(0)).toMatchObject({ inUse: 12, waiting: 8 });
    expect(scene.state('busy')!.inUse).toBe(2);
  });
});

test('tenants that do nothing are forgotten, but not what they owe, nor those that do something', async () => {
  const scene = new Scene({ limit: 2 });
  scene.come('holds');
  await scene.serve('paid', 10);
  // The second begins at what the first took, and the virtual time with it: beyond what paid has used.
  await scene.serve('other', 20);
  await scene.serve('other', 20);
  await scene.serve('owes', 1_000);
  for (let count = 0; count < 3_000; count++) {
    const ctx = createContext({ clock: scene.clock, random, tenant: `tenant-${count}` });
    scene.gate.leave(scene.gate.tryEnter(ctx, scene.clock.monotonic(), 1), scene.clock.monotonic(), SUCCESS);
  }
  expect(scene.state('holds')).toMatchObject({ inUse: 1 });
  expect(scene.state('owes')).toMatchObject({ slotMs: 1_000 });
  expect(scene.state('paid')).toBeUndefined();
  scene.leave('holds');
  expect(scene.gate.inspect(0)).toMatchObject({ inUse: 0, strayTickets: 0 });
});

test('names come from where the specification says', () => {
  const clock = virtualClock();
  const caller = { service: 'orders', subject: 'ada', roles: [] };
  for (const [by, name] of [
    ['tenant', 'acme'],
    ['service', 'orders'],
    ['subject', 'ada'],
  ] as const) {
    const scene = new Scene({}, { by });
    scene.gate.tryEnter(createContext({ clock, random, tenant: 'acme', caller }), 0, 1);
    expect(scene.gate.inspect(0).tenants).toMatchObject([{ tenant: name, inUse: 1 }]);
  }
});

test('whatever happens, slots are conserved, nobody is above the cap, and no slot is idle while somebody may have it', async () => {
  const step = fc.record({
    kind: fc.constantFrom('come' as const, 'come' as const, 'leave' as const, 'cancel' as const, 'pass' as const),
    tenant: fc.constantFrom('a', 'b', 'c'),
    number: fc.nat(30),
  });
  const settings = fc.record({
    capped: fc.boolean(),
    sharded: fc.boolean(),
    slotsByCost: fc.boolean(),
    queueTotal: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), settings, async (steps, setting) => {
      const { slotsByCost, queueTotal } = setting;
      const scene = new Scene(
        { limit: 4, queue: 4, wait: '60ms', slotsByCost },
        {
          weights: { b: 0.3, c: 2.5 },
          cap: setting.capped ? '50%' : '100%',
          queueTotal,
          ...(setting.sharded ? { shards: { queues: 4, hand: 2 } } : {}),
        },
      );
      const callers: ScopedContext[] = [];
      for (const { kind, tenant, number } of steps) {
        const { inUse = 0 } = scene.state(tenant) ?? {};
        if (kind === 'come') callers.push(scene.come(tenant, 1 + (number % 3)));
        else if (kind === 'leave' && inUse > 0) scene.leave(tenant);
        else if (kind === 'cancel') callers[number]?.cancel();
        await scene.pass(kind === 'pass' ? number : 0);
        const state = scene.gate.inspect(scene.clock.monotonic());
        expect(state.waiting).toBe(callers.length - scene.let.length - scene.refusals.length);
        expect(state.waiting).toBeLessThanOrEqual(queueTotal);
        expect(scene.clock.pending).toBe(state.waiting);
        expect(state.tenants.reduce((sum, each) => sum + each.inUse, 0)).toBe(state.inUse);
        expect(state.tenants.reduce((sum, each) => sum + each.waiting, 0)).toBe(state.waiting);
        expect(state.inUse).toBeLessThanOrEqual(4);
        const cap = setting.capped ? 2 : 4;
        for (const each of state.tenants) expect(each.inUse).toBeLessThanOrEqual(cap);
        if (!slotsByCost && state.inUse < 4)
          for (const each of state.tenants) if (each.waiting > 0) expect(each.inUse).toBe(cap);
      }
    }),
    { numRuns: 150 },
  );
});

test('whatever the settings, everybody who waits is let in, as long as those inside leave', async () => {
  const arrival = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    cost: fc.integer({ min: 1, max: 9 }),
    leavers: fc.nat(3),
    ms: fc.nat(20),
  });
  const settings = fc.record({
    limit: fc.integer({ min: 1, max: 12 }),
    cap: fc.constantFrom('1%' as const, '50%' as const, '100%' as const),
    reserve: fc.constantFrom('0%' as const, '10%' as const, '50%' as const),
    sharded: fc.boolean(),
    slotsByCost: fc.boolean(),
    adaptive: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 40 }), settings, async (arrivals, setting) => {
      const { limit, cap, reserve, slotsByCost } = setting;
      const scene = new Scene(
        {
          limit,
          slotsByCost,
          queue: 100,
          ...(setting.adaptive
            ? { adaptive: { algorithm: 'aimd', min: 1, max: 16, window: '0ms', timeout: '5ms' } }
            : {}),
        },
        { cap, reserve, weights: { b: 0.1, c: 7 }, ...(setting.sharded ? { shards: { queues: 4, hand: 2 } } : {}) },
      );
      for (const { tenant, cost, leavers, ms } of arrivals) {
        scene.come(tenant, cost);
        await scene.pass(ms);
        for (const each of scene.inside.slice(0, leavers)) scene.leave(each);
      }
      for (let round = 0; scene.gate.inspect(0).waiting > 0; round++) {
        expect(round).toBeLessThan(100);
        await scene.pass(1);
        for (const each of scene.inside) scene.leave(each);
      }
      await scene.pass(0);
      expect(scene.let).toHaveLength(arrivals.length);
      expect(scene.clock.pending).toBe(0);
    }),
    { numRuns: 150 },
  );
});
