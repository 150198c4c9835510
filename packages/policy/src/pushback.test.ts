import { describe, expect, test } from 'vitest';
import { markRetried, parsePushbackMs, parseRetryAfterMs, wasRetried } from './pushback.ts';

test.each([
  ['0', 0],
  ['1500', 1_500],
  ['2147483647', 2_147_483_647],
  ['-1', -1],
  ['-300', -300],
  // What can't be read means never (A6).
  ['', -1],
  ['soon', -1],
  ['01', -1],
  ['1.5', -1],
  [' 5', -1],
  ['2147483648', -1],
  ['99999999999', -1],
])('pushback of %j is %i', (text, ms) => {
  expect(parsePushbackMs(text)).toBe(ms);
});

const NOON_MS = Date.UTC(2026, 10, 21, 12);

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
  ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['Saturday, 21-Nov-26 12:00:10 GMT', 10_000],
  ['Sat Nov 21 12:00:10 2026 GMT', 10_000],
  ['2026-11-21', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['', undefined],
  ['9999999999', undefined],
  ['Sat, 99 Foo 2026', undefined],
])('Retry-After: %j at noon is %s ms', (text, ms) => {
  expect(parseRetryAfterMs(text, NOON_MS)).toBe(ms);
});

describe('an error that was let through after retries', () => {
  const mine = {};
  const others = {};

  test('is known to whoever began before, and not to whoever let it through', () => {
    const error = new Error('away');
    expect(wasRetried(error, 0)).toBe(false);
    markRetried(error, mine, 100);
    expect(wasRetried(error, 50)).toBe(true);
    expect(wasRetried(error, 50, others)).toBe(true);
    expect(wasRetried(error, 50, mine)).toBe(false);
  });

  test('says nothing about work that began later and threw the same object', () => {
    const error = new Error('made once, thrown often');
    markRetried(error, mine, 100);
    expect(wasRetried(error, 101)).toBe(false);
  });

  test.each(['text', 7, null, undefined])('can be %j, which remembers nothing', (thrown) => {
    markRetried(thrown, mine, 100);
    expect(wasRetried(thrown, 0)).toBe(false);
  });
});
