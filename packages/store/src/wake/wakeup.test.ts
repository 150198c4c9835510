import { virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { Wakeup } from './wakeup.ts';

test('a ring while nobody sleeps ends the next sleep at once, and only that one', async () => {
  const clock = virtualClock();
  const wakeup = new Wakeup();
  wakeup.ring();
  wakeup.ring();
  await wakeup.sleep(clock, Infinity);
  let awake = false;
  const sleeping = wakeup.sleep(clock, 100).then(() => (awake = true));
  await clock.advance(99);
  expect(awake).toBe(false);
  await clock.advance(1);
  await sleeping;
});

test('a ring ends a sleep and leaves no timer', async () => {
  const clock = virtualClock();
  const wakeup = new Wakeup();
  const sleeping = wakeup.sleep(clock, 1_000);
  wakeup.ring();
  await sleeping;
  expect(clock.pending).toBe(0);
});
