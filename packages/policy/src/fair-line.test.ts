import { createContext, seededRandom, virtualClock, type ScopedContext, type VirtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveConcurrency, type ConcurrencySpec } from './concurrency-options.ts';
import { createGate } from './create-gate.ts';
import type { FairSpec } from './fair-options.ts';
import type { Gate, GateRefusal } from './gate.ts';
import { IGNORED, SUCCESS } from './outcome.ts';
import { Problems } from './problems.ts';

const random = seededRandom(1);

/** A gate with a fair queue, and calls of tenants at it. Nothing is reserved unless a test says so. */
class Scene {
  readonly clock: VirtualClock = virtualClock();
  readonly gate: Gate;
  /** Tenants in the order in which they were let in. */
  readonly let: string[] = [];
  readonly refusals: { readonly tenant: string; readonly refusal: GateRefusal }[] = [];
  readonly #inside: { readonly tenant: string; readonly ticket: number }[] = [];

  constructor(spec: ConcurrencySpec, fair: FairSpec = {}) {
    const problems = new Problems();
    const options = resolveConcurrency({ wait: '1h', ...spec, fair: { reserve: '0%', ...fair } }, problems);
    expect(problems.found).toEqual([]);
    this.gate = createGate(options!, { random });
  }

  /** Somebody comes, and stays until told to leave. */
  come(tenant: string, cost = 1): ScopedContext {
    const ctx = createContext({ clock: this.clock, random, tenant });
    void Promise.resolve(this.gate.enter(ctx, this.clock, this.clock.monotonic(), cost)).then((answer) => {
      if (typeof answer !== 'number') this.refusals.push({ tenant, refusal: answer });
      else {
        this.let.push(tenant);
        this.#inside.push({ tenant, ticket: answer });
      }
    });
    return ctx;
  }

  /** The first of a tenant that is in leaves. */
  leave(tenant: string, outcome: typeof SUCCESS | typeof IGNORED = SUCCESS): void {
    const at = this.#inside.findIndex((each) => each.tenant === tenant);
    const [left] = this.#inside.splice(at, at < 0 ? 0 : 1);
    if (left === undefined) throw new Error(`nobody of ${tenant} is in`);
    this.gate.leave(left.ticket, this.clock.monotonic(), outcome);
  }

  /** Somebody comes, is let in at once, and stays so long. */
  async serve(tenant: string, forMs: number): Promise<void> {
    this.come(tenant);
    await this.pass(forMs);
    this.leave(tenant);
    await this.pass(0);
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  state(tenant: string) {
    return this.gate.inspect(this.clock.monotonic()).tenants.find((each) => each.tenant === tenant);
  }
}

describe('whose turn it is', () => {
  test('tenants with calls of the same length take turns, however many calls they have', async () => {
    const scene = new Scene({ limit: 1, queue: 20 });
    for (let count = 0; count < 6; count++) scene.come('busy');
    for (let count = 0; count < 3; count++) scene.come('calm');
    for (let count = 0; count < 8; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.let.slice(0, 7).join(' ')).toBe('busy calm busy calm busy calm busy');
  });

  test('what counts is the time that slots are held, not the number of calls', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    for (let count = 0; count < 40; count++) scene.come('short');
    for (let count = 0; count < 10; count++) scene.come('long');
    for (let count = 0; count < 20; count++) {
      await scene.pass(0);
      const tenant = scene.let.at(-1)!;
      await scene.pass(tenant === 'long' ? 40 : 10);
      scene.leave(tenant);
      await scene.pass(0);
    }
    const [short, long] = [scene.state('short')!.slotMs, scene.state('long')!.slotMs];
    expect(Math.abs(short - long)).toBeLessThanOrEqual(40);
  });

  test('a weight of 3 is three times the time', async () => {
    const scene = new Scene({ limit: 1, queue: 50 }, { weights: { gold: 3 } });
    for (let count = 0; count < 40; count++) for (const tenant of ['gold', 'plain']) scene.come(tenant);
    for (let count = 0; count < 40; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.state('gold')).toMatchObject({ weight: 3, slotMs: 300 });
    expect(scene.state('plain')).toMatchObject({ weight: 1, slotMs: 100 });
  });

  test('a call under way beyond its estimate is charged while it runs', async () => {
    const scene = new Scene({ limit: 2 });
    await scene.serve('stuck', 10);
    await scene.serve('calm', 10);
    scene.come('stuck');
    await scene.pass(500);
    for (let count = 0; count < 5; count++) await scene.serve('calm', 10);
    scene.come('calm');
    scene.come('stuck');
    scene.come('calm');
    await scene.pass(0);
    scene.let.length = 0;
    // What has ended says that calm has used more. What runs says otherwise.
    scene.leave('calm');
    await scene.pass(0);
    expect(scene.let).toEqual(['calm']);
  });

  test('a charge by estimate is corrected when the call ends', async () => {
    const scene = new Scene({ limit: 1, queue: 9 });
    await scene.serve('quick', 100);
    await scene.serve('other', 150);
    scene.let.length = 0;
    // Quick is expected to take 100 ms now and takes 1: it is not charged for more.
    for (const tenant of ['quick', 'quick', 'quick', 'other']) scene.come(tenant);
    for (let count = 0; count < 3; count++) {
      await scene.pass(1);
      scene.leave('quick');
      await scene.pass(0);
    }
    expect(scene.let).toEqual(['quick', 'quick', 'quick', 'other']);
  });

  test('who was away has saved nothing', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    await scene.serve('away', 10);
    for (let count = 0; count < 50; count++) await scene.serve('there', 10);
    scene.let.length = 0;
    scene.come('there');
    for (let count = 0; count < 6; count++) for (const tenant of ['away', 'there']) scene.come(tenant);
    for (let count = 0; count < 8; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    // Turn by turn from the beginning, not six of those that were away.
    expect(scene.let.filter((tenant) => tenant === 'away').length).toBeGreaterThanOrEqual(4);
    expect(scene.let.slice(0, 6).filter((tenant) => tenant === 'away').length).toBeLessThanOrEqual(3);
  });

  test('nobody pays for slots that nobody else wanted', async () => {
    const scene = new Scene({ limit: 1, queue: 50 });
    for (let count = 0; count < 50; count++) await scene.serve('there', 10);
    await scene.serve('new', 10);
    scene.let.length = 0;
    scene.come('new');
    for (let count = 0; count < 6; count++) for (const tenant of ['new', 'there']) scene.come(tenant);
    for (let count = 0; count < 6; count++) {
      await scene.pass(10);
      scene.leave(scene.let.at(-1)!);
      await scene.pass(0);
    }
    expect(scene.let.filter((tenant) => tenant === 'there').length).toBeGreaterThanOrEqual(3);
  });

  test('calls that were given up say nothing about how long the next takes', async () => {
    const scene = new Scene({ limit: 1 });
    await scene.serve('acme', 10);
    scene.come('acme');
    await scene.pass(500);
    scene.leave('acme', IGNORED);
    expect(scene.state('acme')).toMatchObject({ slotMs: 510, estimateMs: 10 });
  });
});

describe('the cap', () => {
  test('a tenant holds no more than it, and others pass by those of it who wait', async () => {
    const scene = new Scene({ limit: 4 }, { cap: '50%' });
    for (let count = 0; count < 4; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.let).toEqual(['busy', 'busy']);
    const ctx = createContext({ clock: scene.clock, random, tenant: 'calm' });
    expect(scene.gate.tryEnter(ctx, 0, 1)).toBeGreaterThanOrEqual(0);
    expect(scene.gate.inspect(0)).toMatchObject({ inUse: 3, waiting: 2 });
  });

  test('a freed slot goes to its own tenant when all others are content', async () => {
    const scene = new Scene({ limit: 4 }, { cap: '50%' });
    for (let count = 0; count < 3; count++) scene.come('busy');
    await scene.pass(0);
    scene.leave('busy');
    await scene.pass(0);
    expect(scene.let).toHaveLength(3);
  });

  test('is at least one slot', async () => {
    const scene = new Scene({ limit: 2 }, { cap: '10%' });
    scene.come('acme');
    scene.come('acme');
    await scene.pass(0);
    expect(scene.let).toEqual(['acme']);
  });
});

describe('the reserve', () => {
  test('is for tenants below their share, while there are several', async () => {
    const scene = new Scene({ limit: 10 }, { reserve: '10%' });
    scene.come('calm');
    for (let count = 0; count < 12; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.state('busy')).toMatchObject({ inUse: 8, waiting: 4 });
    scene.come('calm');
    await scene.pass(0);
    expect(scene.state('calm')).toMatchObject({ inUse: 2, waiting: 0 });
  });

  test('is nothing to a tenant that is alone', async () => {
    const scene = new Scene({ limit: 10 }, { reserve: '10%' });
    for (let count = 0; count < 12; count++) scene.come('busy');
    await scene.pass(0);
    expect(scene.state('busy')).toMatchObject({ inUse: 10, waiting: 2 });
  });

  test('is not wasted when there are more tenants than slots', async () => {
    const scene = new Scene({ limit: 10, queue: 20 }, { reserve: '10%' });
    for (let count = 0; count < 30; count++) scene.come(`tenant-${count}`);
    await scene.pass(0);
    expect(scene.gate.inspect(0).inUse).toBe(10);
  });

  test('goes by weight', async () => {
    const scene = new Scene({ limit: 10, queue: 20 }, { reserve: '10%', weights: { gold: 9 } });
    scene.come('plain');
    for (let count = 0; count < 12; count++) scene.come('gold');
    await scene.pass(0);
    // Nine tenths of the slots are its share: the ninth of ten is still below.
    expect(scene.state('gold')).toMatchObject({ inUse: 9 });
  });
});

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
