import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from './seeded-random.ts';
import { virtualClock, type TimerRun } from './virtual-clock.ts';

test('timers run in the order of time, then of setting', () => {
  const clock = virtualClock();
  const ran: string[] = [];
  clock.setTimer(20, () => ran.push('c'));
  clock.setTimer(10, () => ran.push('a'));
  clock.setTimer(10, () => ran.push('b'));
  while (clock.runNext());
  expect(ran).toEqual(['a', 'b', 'c']);
  expect(clock.monotonic()).toBe(20);
  expect(clock.pending).toBe(0);
});

test('any mix of setting and cancelling runs what is left in order', () => {
  const delays = fc.array(fc.record({ delayMs: fc.nat(50), cancel: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(delays, (plan) => {
      const clock = virtualClock();
      const ran: number[] = [];
      const timers = plan.map(({ delayMs }, index) => clock.setTimer(delayMs, () => ran.push(index)));
      plan.forEach(({ cancel }, index) => cancel && timers[index]?.cancel());
      while (clock.runNext());
      const expected = plan
        .map(({ delayMs, cancel }, index) => ({ delayMs, cancel, index }))
        .filter(({ cancel }) => !cancel)
        .toSorted((a, b) => a.delayMs - b.delayMs || a.index - b.index);
      expect(ran).toEqual(expected.map(({ index }) => index));
    }),
  );
});

test('hundreds of timers, half of them cancelled in any order, still run in order', () => {
  const random = seededRandom('heap');
  const clock = virtualClock();
  const ran: number[] = [];
  const timers = Array.from({ length: 600 }, () => {
    const delayMs = Math.floor(random.next() * 1000);
    return { delayMs, timer: clock.setTimer(delayMs, () => ran.push(delayMs)) };
  });
  const kept = timers.filter(({ timer }) => {
    const keep = random.next() < 0.5;
    if (!keep) timer.cancel();
    return keep;
  });
  while (clock.runNext());
  expect(ran).toEqual(kept.map(({ delayMs }) => delayMs).toSorted((a, b) => a - b));
});

test('wall and monotonic time move together until the wall clock is set', async () => {
  const clock = virtualClock({ startMs: 500 });
  await clock.advance(10);
  expect([clock.now(), clock.monotonic()]).toEqual([510, 10]);
  clock.jump(-300);
  expect([clock.now(), clock.monotonic()]).toEqual([210, 10]);
});

test('advancing lets promises settle, so that a loop that sleeps goes round', async () => {
  const clock = virtualClock();
  let rounds = 0;
  const loop = (async () => {
    for (; rounds < 5; rounds++) await clock.sleep(10);
  })();
  await clock.advance(49);
  expect(rounds).toBe(4);
  await clock.advance(1);
  await loop;
  expect(clock.monotonic()).toBe(50);
});

test('an aborted sleep rejects at once with the reason and leaves no timer', async () => {
  const clock = virtualClock();
  const why = new Error('enough');
  const stop = new AbortController();
  const slept = clock.sleep(1000, stop.signal);
  stop.abort(why);
  await expect(slept).rejects.toBe(why);
  await expect(clock.sleep(1000, stop.signal)).rejects.toBe(why);
  expect(clock.pending).toBe(0);
});

test('a timer that sets itself for ever is reported instead of hanging', async () => {
  const clock = virtualClock();
  const again = () => void clock.setTimer(1, again);
  again();
  await expect(clock.runAll(20)).rejects.toThrow('still has timers after running 20');
});

test('what a crashed owner had planned never happens, and it can plan nothing more', async () => {
  const runs: TimerRun[] = [];
  const clock = virtualClock({ onTimer: (run) => runs.push(run) });
  const orders = clock.owned('orders');
  const payments = clock.owned('payments');
  const ran: string[] = [];
  orders.setTimer(5, () => ran.push('orders'));
  orders.setTimer(6, () => ran.push('orders again')).cancel();
  payments.setTimer(10, () => ran.push('payments'));
  expect([orders.pending, payments.pending, clock.pending]).toEqual([1, 1, 2]);
  orders.crash();
  orders.setTimer(1, () => ran.push('ghost'));
  await clock.runAll();
  expect(ran).toEqual(['payments']);
  expect(orders.now()).toBe(payments.now());
  expect(runs).toEqual([{ dueMs: 10, seq: 2, owner: 'payments' }]);
});

test('an endless timer waits for ever and a negative delay is refused', () => {
  const clock = virtualClock();
  clock.setTimer(Infinity, () => expect.unreachable());
  expect(clock.runNext()).toBe(false);
  expect(() => clock.setTimer(-1, () => {})).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
});

test('an error in a timer comes out of runNext and the clock goes on', () => {
  const clock = virtualClock();
  clock.setTimer(1, () => {
    throw new Error('boom');
  });
  clock.setTimer(2, () => {});
  expect(() => clock.runNext()).toThrow('boom');
  expect(clock.runNext()).toBe(true);
});
