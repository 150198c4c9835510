import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { simulatedProcess } from './process.ts';

const setUp = () => {
  const clock = virtualClock();
  return { clock, process: simulatedProcess('orders', 1, clock, seededRandom(1)) };
};

test('the timers of a living process fire, those of a killed one never do', async () => {
  const { clock, process } = setUp();
  const fired: string[] = [];
  process.clock.setTimer(10, () => fired.push('before'));
  process.clock.setTimer(30, () => fired.push('after'));
  await clock.advance(20);
  process.kill();
  await clock.advance(20);
  expect(fired).toEqual(['before']);
});

test('what a killed process waits for never settles', async () => {
  const { clock, process } = setUp();
  const settled: string[] = [];
  process.clock.sleep(10).then(
    () => settled.push('slept'),
    () => settled.push('failed'),
  );
  process.whileAlive(Promise.reject(new Error('lost'))).catch(() => settled.push('rejected'));
  process.kill();
  await clock.advance(50);
  expect(settled).toEqual([]);
});

test('the world is told of a kill once', () => {
  const { process } = setUp();
  let told = 0;
  process.onKill(() => (told += 1));
  process.kill();
  process.kill();
  expect([told, process.alive]).toEqual([1, false]);
});
