import { NOWHERE, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Followed } from './follower.ts';
import { WakeUps, type WakeUp } from './wake-ups.ts';

class Noted implements WakeUp {
  dueMs = Infinity;
  index = NOWHERE;
  readonly #note: (nowMs: number) => void;

  constructor(note: (nowMs: number) => void) {
    this.#note = note;
  }

  wake(nowMs: number): void {
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
        // The timer of who has left stays until the microtasks have run dry.
        if (due.size === 0) await clock.advance(0);
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

/** Notes what it is told. */
const noting = (name: string, log: string[], onWatch: () => void = () => {}): Followed => ({
  succeeded: (value) => log.push(`${name} gave ${String(value)}`),
  failed: (error) => log.push(`${name} threw ${String(error)}`),
  watch: () => {
    log.push(`${name} is watched`);
    onWatch();
  },
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const steps = async (count: number): Promise<number> => {
  for (let step = 0; step < count; step++) await Promise.resolve();
  return count;
};

test('what settles before the microtasks have run dry is never watched; what does not, is, once', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const log: string[] = [];
  wakeUps.follow(new Promise(() => {}), noting('never', log));
  wakeUps.follow(Promise.resolve(0), noting('at once', log));
  wakeUps.follow(steps(100), noting('a hundred steps', log));
  wakeUps.follow(
    turn().then(() => steps(1)),
    noting('a turn', log),
  );
  await turn();
  await steps(9);
  expect(log).toEqual([
    'at once gave 0',
    'a hundred steps gave 100',
    'never is watched',
    'a turn is watched',
    'a turn gave 1',
  ]);
  wakeUps.follow(new Promise(() => {}), noting('never again', log));
  await turn();
  expect(log.slice(5)).toEqual(['never again is watched']);
});

test('work tells how it ended to whom it belongs, in whatever order it ends, and once', async () => {
  const piece = fc.record({ steps: fc.nat(40), turns: fc.nat(2), fails: fc.boolean(), after: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 400 }), async (pieces) => {
      const wakeUps = new WakeUps(virtualClock());
      const log: string[] = [];
      const expected: string[] = [];
      for (const [index, { turns, fails, after, steps: count }] of pieces.entries()) {
        const work = async (): Promise<string> => {
          for (let left = turns; left > 0; left--) await turn();
          await steps(count);
          if (fails) throw new Error('no');
          return `its ${index}`;
        };
        if (turns > 0) expected.push(`${index} is watched`);
        expected.push(fails ? `${index} threw Error: no` : `${index} gave its ${index}`);
        wakeUps.follow(work(), noting(String(index), log));
        if (after === 3) await steps(20);
      }
      for (let left = 0; left < 4; left++) await turn();
      expect(log.toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 50 },
  );
});

test('what begins outside of any microtask has its microtasks too', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const log: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      wakeUps.follow(Promise.resolve(1), noting('it', log));
      resolve();
    });
  });
  await turn();
  expect(log).toEqual(['it gave 1']);
});

test('what is watched may begin something new, which is watched in its own time', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const log: string[] = [];
  const never = new Promise(() => {});
  wakeUps.follow(
    never,
    noting('first', log, () => {
      wakeUps.follow(Promise.resolve(1), noting('settled', log));
      wakeUps.follow(never, noting('later', log));
    }),
  );
  wakeUps.follow(never, noting('second', log));
  await turn();
  expect(log).toEqual(['first is watched', 'second is watched', 'settled gave 1', 'later is watched']);
});

test('the timer stays from one to the next within a turn, and goes when none is left at its end', async () => {
  const clock = virtualClock();
  let set = 0;
  const counting = { ...clock, setTimer: (ms: number, fn: () => void) => (set++, clock.setTimer(ms, fn)) };
  const wakeUps = new WakeUps(counting);
  for (let count = 0; count < 10; count++) {
    const entry = new Noted(() => {});
    wakeUps.set(entry, 100 + count);
    wakeUps.remove(entry);
  }
  expect([set, clock.pending]).toEqual([1, 1]);
  await turn();
  expect(clock.pending).toBe(0);
});
