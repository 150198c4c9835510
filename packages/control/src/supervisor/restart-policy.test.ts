import { expect, test } from 'vitest';
import { RESTART_DEFAULTS, restartAfter } from './restart-policy.ts';

const random = (value: number) => ({ next: () => value, bytes: (length: number) => new Uint8Array(length) });
const after = (quickExits: number, readyForMs = 0, at = 1) =>
  restartAfter({ quickExits, readyForMs }, RESTART_DEFAULTS, random(at));

test('the first restart comes at once', () => {
  expect(after(0)).toEqual({ state: 'backoff', delayMs: 0, quickExits: 1 });
});

test('each further delay doubles, up to the longest', () => {
  expect([1, 2, 3, 4, 20].map((quickExits) => after(quickExits).delayMs)).toEqual([100, 200, 400, 800, 10_000]);
});

test('a delay is spread over its upper half', () => {
  expect(after(3, 0, 0).delayMs).toBe(200);
  expect(after(3, 0, 0.5).delayMs).toBe(300);
});

test('the fifth quick exit in a row is a crash loop, which goes on trying', () => {
  expect(after(3).state).toBe('backoff');
  expect(after(4).state).toBe('crash-loop');
  expect(after(100)).toMatchObject({ state: 'crash-loop', delayMs: 10_000 });
});

test('an exit after long readiness begins the count anew', () => {
  expect(after(7, 30_000)).toEqual({ state: 'backoff', delayMs: 0, quickExits: 1 });
  expect(after(7, 29_999).state).toBe('crash-loop');
});
