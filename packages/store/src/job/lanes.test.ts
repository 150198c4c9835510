import { expect, test } from 'vitest';
import type { ClaimedJob } from './claimed-job.ts';
import { Lanes } from './lanes.ts';

// The rest of a job means nothing here.
const job = (tenant: string, seq: number, priority = 0): ClaimedJob => ({ tenant, seq, priority }) as ClaimedJob;

test('what a look has shown is known for a while, up to where jobs were taken', () => {
  const lanes = new Lanes();
  expect(lanes.known(0)).toBeUndefined();
  lanes.looked(['ann', 'bob'], 0, 0);
  lanes.took(job('ann', 5));
  // Where bob's begin is not known yet.
  expect(lanes.known(1)).toBeUndefined();
  lanes.took(job('bob', 7, -1));
  lanes.took(job('ann', 9));
  lanes.took(job('carl', 8));
  expect(lanes.known(49)).toEqual({ tenants: ['ann', 'bob'], priorities: [0, -1], seqs: [9, 7] });
  expect(lanes.known(50)).toBeUndefined();
});

test('with news it is time to look again sooner', () => {
  const lanes = new Lanes();
  lanes.looked(['ann'], 0, 0);
  lanes.took(job('ann', 5));
  lanes.news();
  expect(lanes.known(4)).toBeDefined();
  expect(lanes.known(5)).toBeUndefined();
  lanes.looked(['ann'], 5, 0);
  lanes.took(job('ann', 6));
  expect(lanes.known(30)).toBeDefined();
});

test('who has nothing is not known', () => {
  const lanes = new Lanes();
  lanes.looked([], 0, 0);
  expect(lanes.known(0)).toBeUndefined();
});

test('the longer a look takes beyond a claim, the longer it is good for', () => {
  const lanes = new Lanes();
  for (let n = 0; n < 50; n += 1) lanes.passed(4);
  lanes.looked(['ann'], 0, 14);
  lanes.took(job('ann', 5));
  expect(lanes.known(199)).toBeDefined();
  expect(lanes.known(201)).toBeUndefined();
  lanes.looked(['ann'], 0, 5_000);
  lanes.took(job('ann', 6));
  expect(lanes.known(999)).toBeDefined();
  expect(lanes.known(1_000)).toBeUndefined();
});
