import { createContext, FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import type { Decision } from './decision.ts';
import { explain } from './explain.ts';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

function world(spec: PolicySpec, loopDelayMs?: () => number) {
  const clock = virtualClock();
  const random = seededRandom('concurrency');
  const guarded = policy('stock', spec, { clock, random, loopDelayMs });
  const ctx = (facts: Partial<Parameters<typeof createContext>[0]> = {}) => createContext({ clock, random, ...facts });
  const begun: { readonly tenant: string | undefined; readonly end: (error?: unknown) => void }[] = [];
  const decisions: Decision<unknown>[] = [];
  /** A call whose work ends when it is told to. */
  const call = (facts: Parameters<typeof ctx>[0] = {}, cost = 1) => {
    const scope = ctx(facts);
    const work = () =>
      new Promise<void>((resolve, reject) => {
        begun.push({ tenant: scope.tenant, end: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    void guarded.attempt(scope, work, { cost }).then((decision) => decisions.push(decision));
    return scope;
  };
  const slots = () => guarded.inspect().concurrency;
  return { clock, guarded, begun, decisions, call, slots };
}

describe('slots', () => {
  test('a timeout frees no slot: the work that nobody waits for still holds it', async () => {
    const { clock, begun, call, slots, decisions } = world({
      timeout: { attempt: '10ms' },
      concurrency: { limit: 1, queue: 0 },
    });
    call();
    await clock.advance(10);
    expect(decisions).toMatchObject([{ kind: 'failed' }]);
    call();
    await clock.advance(0);
    expect(decisions[1]).toMatchObject({ kind: 'rejected', rejection: { cause: 'full', rule: 'concurrency' } });
    expect(begun).toHaveLength(1);
    begun[0]!.end();
    await clock.advance(0);
    expect(slots()).toMatchObject({ inUse: 0 });
  });

  test('who gives up while waiting leaves at once, and its turn goes to the next', async () => {
    const { clock, begun, call, slots, decisions } = world({ concurrency: { limit: 1, queue: 2 } });
    call();
    const first = call();
    call();
    expect(slots()).toMatchObject({ inUse: 1, waiting: 2 });
    first.cancel();
    expect(slots()).toMatchObject({ inUse: 1, waiting: 1 });
    begun[0]!.end();
    await clock.advance(0);
    expect(begun).toHaveLength(2);
    expect(decisions).toMatchObject([{ kind: 'rejected', rejection: { cause: 'cancelled' } }, { kind: 'ok' }]);
  });

  test('who is given a slot in the moment of giving up gives it back', async () => {
    const { clock, begun, call, slots } = world({ concurrency: { limit: 1, queue: 2 } });
    call();
    const waiting = call();
    begun[0]!.end();
    // The slot is handed over as the work's promise settles; its new holder is gone by then, or goes right after.
    await Promise.resolve();
    waiting.cancel();
    await clock.advance(0);
    expect(begun.length).toBeLessThanOrEqual(2);
    for (const { end } of begun) end();
    await clock.advance(0);
    expect(slots()).toMatchObject({ inUse: 0, waiting: 0, strayTickets: 0 });
    expect(clock.pending).toBe(0);
  });

  test('backoff holds none', async () => {
    const { clock, begun, call, slots } = world({
      retry: { calls: 'all', backoff: { base: '100ms', jitter: 'none' } },
      concurrency: { limit: 1, queue: 0 },
    });
    call();
    begun[0]!.end(new FairleadError('unavailable', 'UNAVAILABLE', 'away'));
    await clock.advance(50);
    expect(slots()).toMatchObject({ inUse: 0 });
    await clock.advance(50);
    expect(begun).toHaveLength(2);
    expect(slots()).toMatchObject({ inUse: 1 });
  });

  test('a rejection says what was measured and when to come back', async () => {
    const { clock, begun, call, decisions } = world({ concurrency: { limit: 2, queue: 1, wait: '30ms' } });
    call();
    await clock.advance(40);
    begun[0]!.end();
    await clock.advance(0);
    for (let count = 0; count < 4; count++) call();
    await clock.advance(30);
    const [full, late] = decisions.slice(1);
    expect(full).toMatchObject({
      rejection: { policy: 'stock', cause: 'full', measured: { limit: 2, inUse: 2, queued: 1 }, retryAfterMs: 40 },
    });
    expect(late).toMatchObject({ rejection: { cause: 'queue-timeout', measured: { waitedMs: 30 } } });
    if (full?.kind !== 'rejected') throw new Error('it was refused');
    expect(explain(full.rejection)).toContain('stock');
  });
});

describe('an adaptive limit through calls', () => {
  const spec = {
    timeout: { attempt: '1s' },
    concurrency: { limit: 20, adaptive: { algorithm: 'aimd', window: '0ms' } },
  } as const satisfies PolicySpec;

  test.each([
    ['being turned away lowers it', new FairleadError('exhausted', 'RATE_LIMITED', 'later', { retryAfterMs: 5 }), 18],
    ['a failure that says nothing about load leaves it', new FairleadError('internal', 'INTERNAL', 'bug'), 20],
  ])('%s', async (_, error, expected) => {
    const { clock, begun, call, slots } = world(spec);
    call();
    await clock.advance(10);
    begun[0]!.end();
    await clock.advance(0);
    call();
    begun[1]!.end(error);
    await clock.advance(0);
    expect(slots()?.limit.current).toBe(expected);
  });

  test('a timeout lowers it when the work has settled', async () => {
    const { clock, begun, call, slots } = world(spec);
    call();
    await clock.advance(1_000);
    expect(slots()?.limit.current).toBe(20);
    begun[0]!.end();
    await clock.advance(0);
    expect(slots()?.limit.current).toBe(18);
  });
});

describe('a fair queue through calls', () => {
  test("one tenant's calls wait for themselves, and another's pass", async () => {
    const { clock, begun, call, slots, decisions } = world({
      concurrency: { limit: 2, queue: 1, fair: { cap: '50%' } },
    });
    for (let count = 0; count < 3; count++) call({ tenant: 'busy' });
    call({ tenant: 'calm' });
    await clock.advance(0);
    expect(begun.map(({ tenant }) => tenant)).toEqual(['busy', 'calm']);
    expect(decisions).toMatchObject([{ rejection: { cause: 'full', measured: { inUse: 1, limit: 2, queued: 1 } } }]);
    expect(slots()?.tenants).toMatchObject([
      { tenant: 'busy', inUse: 1, waiting: 1, refused: 1 },
      { tenant: 'calm', inUse: 1, waiting: 0, refused: 0 },
    ]);
  });
});

describe('shedding through calls', () => {
  test('a late event loop turns sheddable calls away and lets critical ones go on', async () => {
    const { clock, begun, call, decisions, guarded } = world({ shed: {} }, () => 80);
    for (let count = 0; count < 120; count++) {
      call({ criticality: 'sheddable' });
      call({ criticality: 'critical' });
      await clock.advance(10);
    }
    const rejected = decisions.flatMap((each) => (each.kind === 'rejected' ? [each.rejection] : []));
    expect(rejected.length).toBeGreaterThan(20);
    expect(rejected.every(({ cause, measured }) => cause === 'shed' && measured['criticality'] === 'sheddable')).toBe(
      true,
    );
    expect(begun).toHaveLength(240 - rejected.length);
    expect(rejected[0]?.retryAfterMs).toBeGreaterThan(0);
    expect(guarded.inspect()).toMatchObject({ shed: { overloaded: true, loopDelayMs: 80 } });
  });

  test('a queue that stands does the same, and a queue that goes ends it', async () => {
    const { clock, begun, call, guarded } = world({ concurrency: { limit: 1, queue: 50, wait: '10s' }, shed: {} });
    for (let count = 0; count < 20; count++) {
      call({ criticality: 'sheddable' });
      await clock.advance(20);
    }
    expect(guarded.inspect().shed).toMatchObject({ overloaded: true });
    for (let count = 0; count < 30; count++) {
      for (const { end } of begun) end();
      await clock.advance(0);
    }
    await clock.advance(1_000);
    call();
    await clock.advance(1_000);
    begun.at(-1)!.end();
    call();
    expect(guarded.inspect().shed).toMatchObject({ overloaded: false, admittedRatio: 1 });
  });
});
