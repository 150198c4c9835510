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

test('long delays that are due together are each kept, never early, in order', async () => {
  const ran: number[] = [];
  const startedMs = clock.monotonic();
  const delays = [262, 251, 290];
  await Promise.all(
    delays.map(async (delayMs) => {
      await clock.sleep(delayMs);
      expect(clock.monotonic()).toBeGreaterThanOrEqual(startedMs + delayMs);
      ran.push(delayMs);
    }),
  );
  expect(ran).toEqual(delays.toSorted((a, b) => a - b));
});

test('a long delay keeps the process alive until it is cancelled, and no longer', () => {
  const alive = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = alive();
  const timers = [clock.setTimer(60_000, () => {}), clock.setTimer(60_000, () => {})];
  expect(alive()).toBeGreaterThan(before);
  for (const timer of timers) timer.cancel();
  expect(alive()).toBe(before);
  const again = clock.setTimer(60_000, () => {});
  expect(alive()).toBeGreaterThan(before);
  again.cancel();
  expect(alive()).toBe(before);
});
