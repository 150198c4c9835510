import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { askedLimits } from './asked-limits.ts';
import { LimitLedger, type LimitAsk } from './limit-ledger.ts';

const RATE = { count: 60, perMs: 60_000, burst: 3 };
const ask = (id: number, key: string, cost = 1): LimitAsk => [id, key, cost, RATE.count, RATE.perMs, RATE.burst];

test('a limit lets its burst through and then its rate, whoever asks, and what weighs too much never', () => {
  const ledger = new LimitLedger();
  expect([1, 2, 3].map((id) => ledger.decide(ask(id, 'a'), 0))).toEqual([
    [1, 2, 0],
    [2, 1, 0],
    [3, 0, 0],
  ]);
  expect(ledger.decide(ask(4, 'a'), 0)).toEqual([4, 0, 1_000]);
  expect(ledger.decide(ask(5, 'b'), 0)).toEqual([5, 2, 0]);
  expect(ledger.decide(ask(6, 'a'), 1_000)).toEqual([6, 0, 0]);
  expect(ledger.decide(ask(7, 'a', 4), 99_000)[2]).toBe(-1);
});

test('another rate for the same key is another limit', () => {
  const ledger = new LimitLedger();
  for (let id = 0; id < 3; id += 1) ledger.decide(ask(id, 'a'), 0);
  expect(ledger.decide([3, 'a', 1, 60, 60_000, 4], 0)).toEqual([3, 3, 0]);
});

test('of too many limits those without debt go first, and then the oldest', () => {
  const ledger = new LimitLedger(3);
  for (const [id, key] of ['a', 'b', 'c'].entries()) ledger.decide(ask(id, key, 3), id === 0 ? 0 : 2_000);
  // What `a` owes has leaked.
  expect(ledger.decide(ask(3, 'd'), 3_500)[1]).toBe(2);
  expect(ledger.size).toBe(3);
  expect(ledger.decide(ask(4, 'b'), 3_500)[2]).toBe(0);
  // Now all owe something, so that the oldest is forgotten.
  ledger.decide(ask(5, 'e'), 3_500);
  expect(ledger.size).toBe(3);
  expect(ledger.decide(ask(6, 'b', 3), 3_500)).toEqual([6, 0, 0]);
});

test('who asks sends all questions of a turn at once, and gets each its answer', async () => {
  const clock = virtualClock();
  using ctx = createContext({ clock, random: seededRandom('asked') });
  const ledger = new LimitLedger();
  const sent: (readonly LimitAsk[])[] = [];
  const limits = askedLimits(clock, (asks) => void sent.push(asks));
  const answers = ['a', 'a', 'a', 'a', 'b'].map((key) => limits.admit(ctx, key, RATE, 1));
  const heavy = limits.admit(ctx, 'c', RATE, 9);
  expect(sent).toEqual([]);
  await clock.advance(0);
  expect(sent.map((asks) => asks.length)).toEqual([6]);
  limits.told(sent.flat().map((each) => ledger.decide(each, clock.monotonic())));
  expect((await Promise.all(answers)).map(({ kind }) => kind)).toEqual([
    'admitted',
    'admitted',
    'admitted',
    'refused',
    'admitted',
  ]);
  expect(await heavy).toMatchObject({ kind: 'refused', retryAfterMs: Infinity });
  expect(await answers[3]).toMatchObject({ retryAfterMs: 1_000 });
  limits.told([[99, 0, 0]]);
});

test('questions that nobody answers are given up when there are too many of them', async () => {
  const clock = virtualClock();
  using ctx = createContext({ clock, random: seededRandom('asked') });
  const limits = askedLimits(clock, () => undefined);
  const first = limits.admit(ctx, 'a', RATE, 1);
  for (let count = 0; count < 20_000; count += 1) void limits.admit(ctx, 'a', RATE, 1);
  await expect(first).rejects.toThrow('does not answer');
});
