import { expect, test } from 'vitest';
import type { ClaimedJob } from './claimed-job.ts';
import { letsGo, Outcomes, reportParams } from './outcomes.ts';

const job = (id: string, key?: string): ClaimedJob => ({
  id,
  token: 3,
  tenant: '',
  key,
  parent: undefined,
  json: 'null',
  origin: { trace: undefined },
  priority: 0,
  attempt: 1,
  maxAttempts: 10,
  seq: 1,
  enqueuedAt: 0,
  deadline: undefined,
  endsAtMs: Infinity,
});
const DONE = { kind: 'done' } as const;
const RELEASE = { kind: 'release' } as const;

test('what is done is told by id, or by the name of a claim of which all is done, and the rest in words', () => {
  const outcomes = new Outcomes();
  outcomes.began('joint', 1, 0);
  outcomes.ended(job('a'), 'joint', DONE, 1);
  outcomes.ended(job('b'), 'single', DONE, 1);
  outcomes.ended(job('c'), 'single', RELEASE, 1);
  outcomes.ended(job('d'), 'single', { kind: 'completed' }, 1);
  outcomes.ended(job('e'), 'single', { kind: 'lost' }, 1);
  const report = outcomes.take(2);
  expect([...report.claims.whole]).toEqual(['joint']);
  expect(reportParams(report)).toEqual({
    ids: ['b'],
    tokens: [3],
    others: '[{"id":"c","token":3,"kind":"release"}]',
  });
  expect(outcomes.untold).toBe(0);
});

test('what could not be told comes before what has ended since', () => {
  const outcomes = new Outcomes();
  outcomes.ended(job('a'), 'x', DONE, 1);
  const report = outcomes.take(2);
  outcomes.ended(job('b'), 'x', DONE, 3);
  outcomes.keep(report);
  expect(reportParams(outcomes.take(4)).ids).toEqual(['a', 'b']);
});

test('who waits hears when all that had ended by then is told, and not before', async () => {
  const outcomes = new Outcomes();
  await outcomes.allTold();
  outcomes.ended(job('a'), 'x', DONE, 1);
  const first = outcomes.take(2);
  outcomes.ended(job('b'), 'x', DONE, 3);
  let told = false;
  const waiting = outcomes.allTold().then(() => (told = true));
  outcomes.told(first);
  await Promise.resolve();
  expect(told).toBe(false);
  outcomes.ended(job('c'), 'x', DONE, 4);
  outcomes.told(outcomes.take(5));
  await waiting;
});

test('ends of keyed jobs, and what is given back, let others go', () => {
  const report = (key: string | undefined, outcome: typeof DONE | typeof RELEASE) => {
    const outcomes = new Outcomes();
    outcomes.ended(job('a', key), 'x', outcome, 1);
    return outcomes.take(2);
  };
  expect(letsGo(report(undefined, DONE))).toBe(false);
  expect(letsGo(report('k', DONE))).toBe(true);
  expect(letsGo(report(undefined, RELEASE))).toBe(true);
});
