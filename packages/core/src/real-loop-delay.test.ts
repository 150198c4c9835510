import { expect, test } from 'vitest';
import { realLoopDelay } from './real-loop-delay.ts';
import { realTurn } from './real-turn.ts';

function block(forMs: number): void {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs);
}

test('an event loop that is blocked turn after turn is measured as late, for every reader', async () => {
  using delay = realLoopDelay();
  expect(delay.delayMs()).toBe(0);
  // A busy machine can only make it later; how soon the first measurement comes is left to it.
  while (delay.delayMs() < 40) {
    block(60);
    await realTurn();
  }
  expect(delay.delayMs()).toBeGreaterThanOrEqual(40);
});

test('says what it said last once it is disposed, and disposing twice is fine', () => {
  const delay = realLoopDelay();
  const last = delay.delayMs();
  delay[Symbol.dispose]();
  delay[Symbol.dispose]();
  block(120);
  expect(delay.delayMs()).toBe(last);
});
