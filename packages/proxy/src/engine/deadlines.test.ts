import { virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines, type DeadlineLine, type Due } from './deadlines.ts';

class Waiting implements Due {
  dueAtMs = 0;
  dueBefore: Due | undefined;
  dueAfter: Due | undefined;
  dueIn: DeadlineLine | undefined;
  overdueAtMs: number | undefined;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  overdue(): void {
    this.overdueAtMs = this.#nowMs();
  }
}

test('whoever stays is overdue at its time, whoever leaves never is, and no timer stays', async () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 40 }),
    timeoutMs: fc.constantFrom(50, 100),
    leavesAfterMs: fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const clock = virtualClock({ startMs: 0 });
      const nowMs = () => clock.monotonic();
      const lines = new Deadlines(clock);
      const all: { due: Waiting; dueAtMs: number; leavesAtMs: number }[] = [];
      for (const { waitMs, timeoutMs, leavesAfterMs } of steps) {
        await clock.advance(waitMs);
        const due = new Waiting(nowMs);
        lines.line(timeoutMs)?.join(due, nowMs());
        all.push({ due, dueAtMs: nowMs() + timeoutMs, leavesAtMs: nowMs() + (leavesAfterMs ?? Infinity) });
        if (leavesAfterMs !== undefined) clock.setTimer(leavesAfterMs, () => due.dueIn?.leave(due));
      }
      await clock.advance(500);
      for (const { due, dueAtMs, leavesAtMs } of all) {
        if (leavesAtMs < dueAtMs) expect(due.overdueAtMs).toBeUndefined();
        else if (leavesAtMs > dueAtMs) expect(due.overdueAtMs).toBe(dueAtMs);
        expect(due.dueIn).toBeUndefined();
      }
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('0 is any time', () => {
  expect(new Deadlines(virtualClock()).line(0)).toBeUndefined();
});

test('many with the same time need one timer', () => {
  const clock = virtualClock();
  const lines = new Deadlines(clock);
  for (let count = 0; count < 100; count += 1) lines.line(1_000)?.join(new Waiting(() => 0), clock.monotonic());
  expect(clock.pending).toBe(1);
  lines.close();
  expect(clock.pending).toBe(0);
});
