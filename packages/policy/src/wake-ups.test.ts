import { virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WakeUp, WakeUps, type Fresh } from './wake-ups.ts';

class Noted extends WakeUp {
  readonly #note: (nowMs: number) => void;

  constructor(note: (nowMs: number) => void) {
    super();
    this.#note = note;
  }

  override wake(nowMs: number): void {
    this.#note(nowMs);
  }
}

test('whatever is set, moved and removed, the rest wakes when it is due, behind one timer', async () => {
  const step = fc.record({ of: fc.nat(9), action: fc.constantFrom('set', 'remove', 'wait'), ms: fc.nat(50) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = virtualClock();
      const wakeUps = new WakeUps(clock);
      const woken: string[] = [];
      const expected: string[] = [];
      const due = new Map<number, number>();
      const entries = Array.from({ length: 10 }, (_, of) => new Noted((nowMs) => woken.push(`${of}@${nowMs}`)));
      for (const { of, action, ms } of steps) {
        if (action === 'set') {
          wakeUps.set(entries[of]!, clock.monotonic() + 1 + ms);
          due.set(of, clock.monotonic() + 1 + ms);
        } else if (action === 'remove') {
          wakeUps.remove(entries[of]!);
          due.delete(of);
        } else {
          await clock.advance(ms);
          for (const [each, atMs] of due) {
            if (atMs > clock.monotonic()) continue;
            expected.push(`${each}@${atMs}`);
            due.delete(each);
          }
        }
        expect(wakeUps.size).toBe(due.size);
        expect(clock.pending).toBe(due.size === 0 ? 0 : 1);
      }
      expect([...woken].sort()).toEqual([...expected].sort());
      const times = woken.map((each) => Number(each.split('@')[1]));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }),
    { numRuns: 200 },
  );
});

test('who wakes may set itself and others, and remove others that are due', async () => {
  const clock = virtualClock();
  const wakeUps = new WakeUps(clock);
  const log: string[] = [];
  const second = new Noted(() => log.push('second'));
  const later = new Noted((nowMs) => log.push(`later ${nowMs}`));
  const first: Noted = new Noted((nowMs) => {
    log.push(`first ${nowMs}`);
    wakeUps.remove(second);
    wakeUps.set(later, nowMs);
    if (nowMs < 20) wakeUps.set(first, nowMs + 10);
  });
  wakeUps.set(first, 10);
  wakeUps.set(second, 10);
  await clock.advance(100);
  expect(log).toEqual(['first 10', 'later 10', 'first 20', 'later 20']);
  expect(clock.pending).toBe(0);
});

test('never is never, and an end that has passed wakes in the next turn', async () => {
  const clock = virtualClock();
  const wakeUps = new WakeUps(clock);
  const log: number[] = [];
  const entry = new Noted((nowMs) => log.push(nowMs));
  wakeUps.set(entry, Infinity);
  expect([wakeUps.size, clock.pending]).toEqual([0, 0]);
  await clock.advance(10);
  wakeUps.set(entry, 3);
  expect(log).toEqual([]);
  await clock.advance(0);
  expect(log).toEqual([10]);
});

test('a timer that comes a rounding error too early is no timer for nothing', async () => {
  const clock = virtualClock();
  const wakeUps = new WakeUps(clock);
  let set = 0;
  const counting = {
    ...clock,
    monotonic: () => clock.monotonic() - 1e-9,
    setTimer: (ms: number, fn: () => void) => (set++, clock.setTimer(ms, fn)),
  };
  const early = new WakeUps(counting);
  let woken = 0;
  early.set(new Noted(() => woken++), 10);
  await clock.advance(11);
  expect([woken, set, wakeUps.size]).toEqual([1, 1, 0]);
});

test('what settles within a few microtasks is never watched; what does not, is, once', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const watched: string[] = [];
  const fresh = (name: string, work: Promise<unknown>): void => {
    const each: Fresh & { isSettled: boolean } = { isSettled: false, watch: () => watched.push(name) };
    void work.then(() => (each.isSettled = true));
    wakeUps.watchSoon(each);
  };
  fresh('at once', Promise.resolve());
  fresh('never', new Promise(() => {}));
  fresh(
    'two steps',
    Promise.resolve().then(() => undefined),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(watched).toEqual(['never']);
  fresh('later', new Promise(() => {}));
  await new Promise((resolve) => setImmediate(resolve));
  expect(watched).toEqual(['never', 'later']);
});
