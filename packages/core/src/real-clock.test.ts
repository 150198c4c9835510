import { expect, test } from 'vitest';
import { realClock } from './real-clock.ts';

const clock = realClock();

test('a timer never runs early', async () => {
  for (const delayMs of [0, 1.5, 7, ...Array.from({ length: 100 }, () => 1)]) {
    const dueMs = clock.monotonic() + delayMs;
    await clock.sleep(delayMs);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(dueMs);
  }
});

test('a delay beyond what Node takes is waited, not run at once', async () => {
  let ran = false;
  const timer = clock.setTimer(2 ** 31 + 5, () => (ran = true));
  await clock.sleep(5);
  timer.cancel();
  expect(ran).toBe(false);
});

test('a cancelled timer does not run and cancelling twice is fine', async () => {
  let ran = false;
  const timer = clock.setTimer(0, () => (ran = true));
  timer.cancel();
  timer.cancel();
  await clock.sleep(2);
  expect(ran).toBe(false);
});

test('an aborted sleep rejects with the reason', async () => {
  const stop = new AbortController();
  const slept = clock.sleep(600_000, stop.signal);
  stop.abort(new Error('enough'));
  await expect(slept).rejects.toThrow('enough');
});

test('a delay that is none is refused', () => {
  expect(() => clock.setTimer(Number.NaN, () => {})).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
});
