import { expect, test } from 'vitest';
import { JointClaims } from './joint-claims.ts';

const told = ({ whole, over, slow }: ReturnType<JointClaims['take']>) => ({ whole: [...whole], over, slow });
const NOTHING = { whole: [], over: [], slow: [] };

test('a claim whose jobs are all done is told as a whole, once', () => {
  const claims = new JointClaims();
  claims.began('a', 2, 0);
  claims.ended('a', true, 1);
  expect(claims.untold).toBe(false);
  claims.ended('a', true, 2);
  expect(claims.untold).toBe(true);
  expect(told(claims.take(3))).toEqual({ whole: ['a'], over: [], slow: [] });
  expect(told(claims.take(3))).toEqual(NOTHING);
});

test('one with a job that failed, or was told by itself, is over when the last has ended', () => {
  const claims = new JointClaims();
  claims.began('a', 2, 0);
  claims.began('b', 2, 0);
  claims.ended('a', false, 1);
  claims.ended('a', true, 1);
  claims.ended('b', true, 1);
  expect(told(claims.take(2))).toEqual({ whole: [], over: ['a'], slow: [] });
  claims.ended('b', true, 3);
  expect(told(claims.take(4))).toEqual({ whole: [], over: ['b'], slow: [] });
});

test('one that lasts is told as slow, and its jobs mean nothing to it afterwards', () => {
  const claims = new JointClaims();
  claims.began('a', 2, 0);
  claims.began('b', 1, 100);
  expect(claims.dueAtMs).toBe(500);
  expect(told(claims.take(499))).toEqual(NOTHING);
  expect(told(claims.take(500))).toEqual({ whole: [], over: [], slow: ['a'] });
  expect(claims.dueAtMs).toBe(600);
  claims.ended('a', true, 501);
  claims.ended('a', true, 502);
  expect(claims.untold).toBe(false);
});

test('what has ended is told within half a second, also when there is nothing else to tell', () => {
  const claims = new JointClaims();
  expect(claims.dueAtMs).toBe(Infinity);
  claims.began('a', 1, 100);
  claims.ended('a', true, 120);
  expect(claims.dueAtMs).toBe(620);
  claims.take(620);
  expect(claims.dueAtMs).toBe(Infinity);
});

test('one whose holder is no more is left to whoever notices', () => {
  const claims = new JointClaims();
  claims.began('a', 2, 0);
  claims.ended('a', true, 1);
  claims.lost('a');
  claims.ended('a', false, 2);
  expect(claims.dueAtMs).toBe(Infinity);
  expect(told(claims.take(1_000))).toEqual(NOTHING);
});

test('what could not be told is told again, as the same', () => {
  const claims = new JointClaims();
  for (const [index, claim] of ['a', 'b', 'c'].entries()) claims.began(claim, 1, index);
  claims.ended('a', true, 3);
  claims.ended('b', false, 3);
  const taken = claims.take(502);
  expect(told(taken)).toEqual({ whole: ['a'], over: ['b'], slow: ['c'] });
  claims.keep(taken);
  expect(claims.untold).toBe(true);
  expect(claims.dueAtMs).toBe(-Infinity);
  expect(told(claims.take(502))).toEqual({ whole: ['a'], over: ['b'], slow: ['c'] });
});
