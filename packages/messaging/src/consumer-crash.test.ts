import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventHandler } from './consumer-options.ts';
import { FaultAt, faultyDatabase } from './fixtures/faulty-database.ts';
import { postgresBroker } from './postgres-broker.ts';
import { testBed, type TestBed } from './fixtures/test-bed.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await testBed(await PGlite.create());
});
afterAll(() => bed.close());

const FACTS = [
  { key: 'a', id: 'a1' },
  { key: 'b', id: 'b1' },
  { key: 'a', id: 'a2' },
  { key: 'b', id: 'b2' },
];

/** Makes the effect; b1 fails the first time. What went outside is noted with the key it went under. */
function handlerOf(outside: Map<string, Set<string | undefined>>): EventHandler {
  let failures = 0;
  return async (ctx, event, commit) => {
    outside.set(event.id, (outside.get(event.id) ?? new Set()).add(ctx.idempotencyKey));
    if (event.id === 'b1' && (failures += 1) === 1) throw new Error('b1 fails once');
    await commit((tx) => bed.effect(tx, event));
  };
}

async function done(): Promise<boolean> {
  if ((await bed.effects()).length < FACTS.length) return false;
  return (await bed.count('fairlead_inbox')) === 0 && (await bed.count('fairlead_parked')) === 0;
}

async function expectEachOnceInOrder(where: string): Promise<void> {
  const effects = await bed.effects();
  expect([...effects].sort(), where).toEqual(['a1', 'a2', 'b1', 'b2']);
  expect(effects.indexOf('a1'), where).toBeLessThan(effects.indexOf('a2'));
  expect(effects.indexOf('b1'), where).toBeLessThan(effects.indexOf('b2'));
}

/** Runs `scenario` with a fault at every step in turn, until a run has fewer steps. Returns how many there were. */
async function atEveryStep(kind: 'once' | 'crash', scenario: (faults: FaultAt) => Promise<void>): Promise<number> {
  for (let at = 1; ; at += 1) {
    await bed.reset();
    const faults = new FaultAt(at, kind);
    await scenario(faults);
    if (faults.hit === undefined) return at - 1;
    await expectEachOnceInOrder(`${kind} at step ${at}: ${faults.hit}`);
  }
}

test('a consumer that crashes at any step loses no event, repeats no effect and keeps the order of a key', async () => {
  const steps = await atEveryStep('crash', async (faults) => {
    const outside = new Map<string, Set<string | undefined>>();
    await bed.publish(FACTS);
    await using _relay = bed.relay();
    const doomed = bed.consumer({
      handler: handlerOf(outside),
      database: faultyDatabase(bed.stock, faults),
      broker: postgresBroker({ database: faultyDatabase(bed.brokerDatabase, faults) }),
    });
    await bed.until(async () => faults.hit !== undefined || (await done()));
    await doomed.close({ graceMs: 0 });
    await using _next = bed.consumer({ handler: handlerOf(outside) });
    await bed.until(done);
    for (const keys of outside.values()) expect(keys.size).toBe(1);
  });
  expect(steps).toBeGreaterThan(40);
});

test('a consumer that meets a passing fault at any step goes on by itself, each effect once', async () => {
  const steps = await atEveryStep('once', async (faults) => {
    await bed.publish(FACTS);
    await using _relay = bed.relay();
    await using _consumer = bed.consumer({
      handler: handlerOf(new Map()),
      database: faultyDatabase(bed.stock, faults),
      broker: postgresBroker({ database: faultyDatabase(bed.brokerDatabase, faults) }),
    });
    await bed.until(done);
  });
  expect(steps).toBeGreaterThan(40);
});

test('a relay that crashes at any step is followed by one that neither loses nor doubles nor reorders', async () => {
  const steps = await atEveryStep('crash', async (faults) => {
    await bed.publish(FACTS);
    const doomed = bed.relay({
      database: faultyDatabase(bed.orders, faults),
      broker: postgresBroker({ database: faultyDatabase(bed.brokerDatabase, faults) }),
      batchSize: 2,
    });
    await bed.until(async () => faults.hit !== undefined || (await bed.broker.published(bed.ctx, 'orders')) === 4n);
    await doomed.close({ graceMs: 0 });
    await using _relay = bed.relay();
    await using _consumer = bed.consumer({ handler: handlerOf(new Map()) });
    await bed.until(done);
  });
  expect(steps).toBeGreaterThan(10);
});

test('a relay that meets a passing fault at any step goes on by itself', async () => {
  const steps = await atEveryStep('once', async (faults) => {
    await bed.publish(FACTS);
    await using _relay = bed.relay({
      database: faultyDatabase(bed.orders, faults),
      broker: postgresBroker({ database: faultyDatabase(bed.brokerDatabase, faults) }),
      batchSize: 2,
    });
    await bed.until(async () => (await bed.broker.published(bed.ctx, 'orders')) === 4n);
    await using _consumer = bed.consumer({ handler: handlerOf(new Map()) });
    await bed.until(done);
  });
  expect(steps).toBeGreaterThan(10);
});
