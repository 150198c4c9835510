import { createContext, seededRandom, virtualClock, type Context, type VirtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveConcurrency, type ConcurrencySpec } from './concurrency-options.ts';
import { createGate } from './create-gate.ts';
import { DROPPED, type Gate, type GateOutcome, type GateRefusal } from './gate.ts';
import { FAILURE, IGNORED, SUCCESS } from './outcome.ts';
import { Problems } from './problems.ts';

const random = seededRandom(1);

function gateOf(spec: ConcurrencySpec): Gate {
  const problems = new Problems('concurrency');
  const options = resolveConcurrency(spec, problems);
  expect(problems.found).toEqual([]);
  if (options === undefined) throw new Error('no section');
  return createGate(options, { random });
}

function setUp(spec: ConcurrencySpec) {
  const clock = virtualClock();
  const gate = gateOf(spec);
  return { clock, gate, ctx: (timeoutMs?: number) => createContext({ clock, random, timeoutMs }) };
}

/** Enters and keeps what came of it. */
function queue(gate: Gate, ctx: Context, clock: VirtualClock, cost = 1) {
  const held: { answer: number | GateRefusal | undefined } = { answer: undefined };
  void Promise.resolve(gate.enter(ctx, clock, clock.monotonic(), cost)).then((answer) => (held.answer = answer));
  return held;
}

const cause = (held: { answer: number | GateRefusal | undefined }) =>
  typeof held.answer === 'object' ? held.answer.cause : held.answer === undefined ? 'waits' : 'in';

describe('slots', () => {
  test('as many get in as there are slots, and one more for each that leaves', () => {
    const { gate, ctx } = setUp({ limit: 2, queue: 0 });
    const first = gate.tryEnter(ctx(), 0, 1);
    expect(gate.tryEnter(ctx(), 0, 1)).toBeGreaterThanOrEqual(0);
    expect(gate.tryEnter(ctx(), 0, 1)).toBe(-1);
    gate.leave(first, 10, SUCCESS);
    expect(gate.tryEnter(ctx(), 10, 1)).toBeGreaterThanOrEqual(0);
    expect(gate.inspect(10)).toMatchObject({ inUse: 2, admitted: 3, meanHoldMs: 10 });
  });

  test('a slot stays taken while the work runs, though nobody waits for it any more', () => {
    const { gate, ctx } = setUp({ limit: 1, queue: 0 });
    const caller = ctx();
    gate.tryEnter(caller, 0, 1);
    caller.cancel();
    expect(gate.tryEnter(ctx(), 1_000, 1)).toBe(-1);
  });

  test('a ticket given back twice takes nobody else the slot', () => {
    const { gate, ctx } = setUp({ limit: 1, queue: 0 });
    const stale = gate.tryEnter(ctx(), 0, 1);
    gate.leave(stale, 1, SUCCESS);
    const other = gate.tryEnter(ctx(), 1, 1);
    gate.leave(stale, 2, SUCCESS);
    gate.leave(12_345, 2, SUCCESS);
    expect(other).not.toBe(stale);
    expect(gate.tryEnter(ctx(), 2, 1)).toBe(-1);
    expect(gate.inspect(2)).toMatchObject({ inUse: 1, strayTickets: 2 });
  });
});

describe('the queue', () => {
  test('a freed slot goes to the first of the queue, never to a newcomer', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1 });
    const ticket = gate.tryEnter(ctx(), 0, 1);
    const waiter = queue(gate, ctx(), clock);
    gate.leave(ticket, 0, SUCCESS);
    expect(gate.tryEnter(ctx(), 0, 1)).toBe(-1);
    await clock.advance(0);
    expect(cause(waiter)).toBe('in');
    expect(clock.pending).toBe(0);
  });

  test('first come, first served', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 3 });
    let ticket = gate.tryEnter(ctx(), 0, 1);
    const waiters = [queue(gate, ctx(), clock), queue(gate, ctx(), clock), queue(gate, ctx(), clock)];
    for (const waiter of waiters) {
      gate.leave(ticket, 0, SUCCESS);
      await clock.advance(0);
      expect(cause(waiter)).toBe('in');
      ticket = Number(waiter.answer);
    }
  });

  test('one that is full refuses at once and says what it measured', async () => {
    const { gate, ctx, clock } = setUp({ limit: 2, queue: 1 });
    gate.leave(gate.tryEnter(ctx(), 0, 1), 30, SUCCESS);
    gate.tryEnter(ctx(), 30, 1);
    gate.tryEnter(ctx(), 30, 1);
    queue(gate, ctx(), clock);
    expect(gate.enter(ctx(), clock, 30, 1)).toEqual({
      cause: 'full',
      waitedMs: 0,
      limit: 2,
      inUse: 2,
      queued: 1,
      retryAfterMs: 30,
    });
  });

  test('a queue of 0 lets nobody wait', () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 0 });
    gate.tryEnter(ctx(), 0, 1);
    expect(gate.enter(ctx(), clock, 0, 1)).toMatchObject({ cause: 'full', queued: 0 });
    expect(clock.pending).toBe(0);
  });

  test('nobody waits longer than the policy says, nor than a quarter of the time left', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 9, wait: '50ms' });
    gate.tryEnter(ctx(), 0, 1);
    const [long, short] = [ctx(10_000), ctx(100)];
    const patient = queue(gate, long, clock);
    const hurried = queue(gate, short, clock);
    await clock.advance(24.9);
    expect(cause(hurried)).toBe('waits');
    await clock.advance(0.1);
    expect(hurried.answer).toMatchObject({ cause: 'queue-timeout', waitedMs: 25 });
    await clock.advance(24.9);
    expect(cause(patient)).toBe('waits');
    await clock.advance(0.1);
    expect(patient.answer).toMatchObject({ cause: 'queue-timeout', waitedMs: 50 });
    for (const caller of [long, short]) caller[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  test('an abort leaves the queue at once, synchronously', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1 });
    gate.tryEnter(ctx(), 0, 1);
    const caller = ctx();
    const waiter = queue(gate, caller, clock);
    expect(gate.inspect(0).waiting).toBe(1);
    caller.cancel();
    expect(gate.inspect(0).waiting).toBe(0);
    expect(clock.pending).toBe(0);
    await clock.advance(0);
    expect(cause(waiter)).toBe('cancelled');
  });

  test('who comes cancelled or too late never joins it', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1 });
    gate.tryEnter(ctx(), 0, 1);
    const caller = ctx();
    caller.cancel();
    const [cancelled, late] = [queue(gate, caller, clock), queue(gate, ctx(0), clock)];
    expect(gate.inspect(0).waiting).toBe(0);
    await clock.advance(0);
    expect([cause(cancelled), cause(late)]).toEqual(['cancelled', 'deadline']);
    expect(clock.pending).toBe(0);
  });

  test('an aborted head does not strand those behind it', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 3 });
    const ticket = gate.tryEnter(ctx(), 0, 1);
    const head = ctx();
    queue(gate, head, clock);
    const second = queue(gate, ctx(), clock);
    head.cancel();
    gate.leave(ticket, 0, SUCCESS);
    await clock.advance(0);
    expect(cause(second)).toBe('in');
  });

  test('a waiter whose time is over is not let in, though no timer had the chance to say so', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 3, wait: '50ms' });
    const ticket = gate.tryEnter(ctx(), 0, 1);
    const late = queue(gate, ctx(), clock);
    // The event loop was busy until 60 ms: the work ends before any timer runs.
    gate.leave(ticket, 60, SUCCESS);
    await clock.advance(0);
    expect(late.answer).toMatchObject({ cause: 'queue-timeout', waitedMs: 60 });
    expect(gate.inspect(60)).toMatchObject({ inUse: 0, waiting: 0 });
  });

  test('says how long its first has waited', () => {
    const { gate, ctx, clock } = setUp({ limit: 1 });
    gate.tryEnter(ctx(), 0, 1);
    expect(gate.queueDelayMs(10)).toBe(0);
    queue(gate, ctx(), clock);
    queue(gate, ctx(), clock);
    expect(gate.queueDelayMs(10)).toBe(10);
    expect(gate.inspect(10).oldestWaitMs).toBe(10);
  });

  test('100 000 waiters of one caller leave together and leave nothing behind', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, queue: 100_000, wait: '10s' });
    const ticket = gate.tryEnter(ctx(), 0, 1);
    const caller = ctx();
    const answers: (number | GateRefusal)[] = [];
    for (let count = 0; count < 100_000; count++)
      void Promise.resolve(gate.enter(caller, clock, 0, 1)).then((answer) => answers.push(answer));
    caller.cancel();
    expect(gate.inspect(0).waiting).toBe(0);
    expect(clock.pending).toBe(0);
    gate.leave(ticket, 0, SUCCESS);
    await clock.advance(0);
    expect(answers).toHaveLength(100_000);
    expect(gate.inspect(0)).toMatchObject({ inUse: 0, refused: { cancelled: 100_000 } });
  });
});

describe('slots by cost', () => {
  test('a heavy call takes several slots, and at most all', () => {
    const { gate, ctx } = setUp({ limit: 4, slotsByCost: true });
    const heavy = gate.tryEnter(ctx(), 0, 2.5);
    expect(gate.inspect(0).inUse).toBe(3);
    expect(gate.tryEnter(ctx(), 0, 2)).toBe(-1);
    gate.leave(heavy, 0, SUCCESS);
    gate.tryEnter(ctx(), 0, 1_000);
    expect(gate.inspect(0).inUse).toBe(4);
  });

  test('light ones do not overtake a heavy one for ever, and go on when it leaves', async () => {
    const { gate, ctx, clock } = setUp({ limit: 2, slotsByCost: true });
    gate.tryEnter(ctx(), 0, 1);
    const caller = ctx();
    const heavy = queue(gate, caller, clock, 2);
    const light = queue(gate, ctx(), clock, 1);
    await clock.advance(0);
    expect([cause(heavy), cause(light)]).toEqual(['waits', 'waits']);
    caller.cancel();
    await clock.advance(0);
    expect([cause(heavy), cause(light)]).toEqual(['cancelled', 'in']);
  });

  test('without it every call takes one, whatever it costs', () => {
    const { gate, ctx } = setUp({ limit: 4 });
    gate.tryEnter(ctx(), 0, 100);
    expect(gate.inspect(0).inUse).toBe(1);
  });
});

describe('an adaptive limit', () => {
  const aimd = { algorithm: 'aimd', window: '0ms', min: 1, timeout: '1s' } as const;

  test('grows with success and lets in who waits', async () => {
    const { gate, ctx, clock } = setUp({ limit: 1, adaptive: aimd });
    const ticket = gate.tryEnter(ctx(), 0, 1);
    const waiters = [queue(gate, ctx(), clock)];
    gate.leave(ticket, 1, SUCCESS);
    waiters.push(queue(gate, ctx(), clock));
    await clock.advance(0);
    expect(waiters.map(cause)).toEqual(['in', 'in']);
    expect(gate.inspect(1)).toMatchObject({ inUse: 2, limit: { algorithm: 'aimd', current: 2 } });
  });

  test.each<[string, GateOutcome, number, number]>([
    ['a drop lowers it', DROPPED, 1, 18],
    ['a caller that went away does not move it', IGNORED, 5_000, 20],
    ['a failure that came quicker than success says nothing', FAILURE, 1, 20],
    ['a failure that took long is a measurement', FAILURE, 1_500, 18],
  ])('%s', (_, outcome, heldMs, expected) => {
    const { gate, ctx } = setUp({ limit: 20, adaptive: aimd });
    // One at a time, so that nothing grows.
    for (let count = 0; count < 10; count++) gate.leave(gate.tryEnter(ctx(), 0, 1), 10, SUCCESS);
    gate.leave(gate.tryEnter(ctx(), 0, 1), heldMs, outcome);
    expect(gate.inspect(0).limit.current).toBe(expected);
  });

  test('one that sinks below what is in use lets nobody in until it is above it again', async () => {
    const { gate, ctx, clock } = setUp({ limit: 20, queue: 20, adaptive: aimd });
    const tickets = Array.from({ length: 20 }, () => gate.tryEnter(ctx(), 0, 1));
    const waiter = queue(gate, ctx(), clock);
    gate.leave(tickets[0]!, 0, DROPPED);
    gate.leave(tickets[1]!, 0, DROPPED);
    expect(gate.inspect(0)).toMatchObject({ inUse: 18, waiting: 1, limit: { current: 16 } });
    gate.leave(tickets[2]!, 0, IGNORED);
    gate.leave(tickets[3]!, 0, IGNORED);
    await clock.advance(0);
    expect(cause(waiter)).toBe('waits');
    gate.leave(tickets[4]!, 0, IGNORED);
    await clock.advance(0);
    expect(cause(waiter)).toBe('in');
  });

  test('a heavy call that has waited takes no more than all, when all became fewer', async () => {
    const { gate, ctx, clock } = setUp({ limit: 2, slotsByCost: true, adaptive: aimd });
    const ticket = gate.tryEnter(ctx(), 0, 2);
    const heavy = queue(gate, ctx(), clock, 2);
    gate.leave(ticket, 0, DROPPED);
    await clock.advance(0);
    expect(cause(heavy)).toBe('in');
    expect(gate.inspect(0)).toMatchObject({ inUse: 1, limit: { current: 1 } });
  });

  test('the queue is as long as the limit, unless told', () => {
    const { gate, ctx, clock } = setUp({ limit: 2, adaptive: { ...aimd, max: 2 } });
    gate.tryEnter(ctx(), 0, 1);
    gate.tryEnter(ctx(), 0, 1);
    queue(gate, ctx(), clock);
    queue(gate, ctx(), clock);
    expect(gate.enter(ctx(), clock, 0, 1)).toMatchObject({ cause: 'full', queued: 2 });
  });
});

test('whatever happens, slots and waiters are conserved, order is kept, and no timer stays', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('enter' as const), cost: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constantFrom('leave' as const, 'cancel' as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, slotsByCost) => {
      const { gate, ctx, clock } = setUp({ limit: 3, queue: 5, wait: '60ms', slotsByCost });
      const callers: ReturnType<typeof ctx>[] = [];
      const inside = new Map<number, number>();
      const order: number[] = [];
      let answered = 0;
      for (const each of steps) {
        const nowMs = clock.monotonic();
        if (each.kind === 'enter') {
          const caller = ctx();
          const index = callers.push(caller) - 1;
          void Promise.resolve(gate.enter(caller, clock, nowMs, each.cost)).then((answer) => {
            answered += 1;
            if (typeof answer !== 'number') return;
            order.push(index);
            inside.set(answer, Math.min(3, slotsByCost ? each.cost : 1));
          });
        } else if (each.kind === 'leave') {
          const tickets = [...inside.keys()];
          const ticket = tickets[each.which % Math.max(1, tickets.length)];
          if (ticket !== undefined) {
            inside.delete(ticket);
            gate.leave(ticket, nowMs, SUCCESS);
          }
        } else if (each.kind === 'cancel') callers[each.which % Math.max(1, callers.length)]?.cancel();
        await clock.advance(each.kind === 'wait' ? each.ms : 0);
        const state = gate.inspect(clock.monotonic());
        expect(state.inUse).toBe([...inside.values()].reduce((sum, width) => sum + width, 0));
        expect(state.inUse).toBeLessThanOrEqual(3);
        expect(state.waiting).toBe(callers.length - answered);
        expect(clock.pending).toBe(state.waiting);
        if (!slotsByCost && state.waiting > 0) expect(state.inUse).toBe(3);
      }
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      await clock.advance(100);
      expect(gate.inspect(clock.monotonic()).waiting).toBe(0);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 150 },
  );
});
