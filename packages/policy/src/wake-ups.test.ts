import { virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NOWHERE, WakeUps, type Fresh, type WakeUp } from './wake-ups.ts';

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

class Work extends Noted implements Fresh {
  readonly #onWatch: () => void;

  constructor(onWatch: () => void) {
    super(() => {});
    this.#onWatch = onWatch;
  }

  watch(): void {
    this.#onWatch();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what settles before the microtasks have run dry is never watched; what does not, is, once', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const watched: string[] = [];
  const begin = (name: string, work: Promise<unknown>): void => {
    const fresh = new Work(() => watched.push(name));
    void work.then(() => wakeUps.remove(fresh));
    wakeUps.watchSoon(fresh);
  };
  let hundred = Promise.resolve();
  for (let step = 0; step < 100; step++) hundred = hundred.then(() => undefined);
  begin('never', new Promise(() => {}));
  begin('at once', Promise.resolve());
  begin('a hundred steps', hundred);
  begin('a turn', turn());
  await turn();
  expect(watched).toEqual(['never', 'a turn']);
  begin('never again', new Promise(() => {}));
  await turn();
  expect(watched).toEqual(['never', 'a turn', 'never again']);
});

test('what begins outside of any microtask has its microtasks too', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const watched: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      const fresh = new Work(() => watched.push('settled'));
      void Promise.resolve().then(() => wakeUps.remove(fresh));
      wakeUps.watchSoon(fresh);
      resolve();
    });
  });
  await turn();
  expect(watched).toEqual([]);
});

test('what is watched may begin something new, which is watched in its own time', async () => {
  const wakeUps = new WakeUps(virtualClock());
  const log: string[] = [];
  const settled = new Work(() => log.push('settled'));
  const later = new Work(() => log.push('later'));
  wakeUps.watchSoon(
    new Work(() => {
      log.push('first');
      wakeUps.watchSoon(settled);
      wakeUps.watchSoon(later);
      void Promise.resolve().then(() => wakeUps.remove(settled));
    }),
  );
  wakeUps.watchSoon(new Work(() => log.push('second')));
  await turn();
  expect(log).toEqual(['first', 'second', 'later']);
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
