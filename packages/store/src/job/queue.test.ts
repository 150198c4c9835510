import { createContext, realRandom, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import type { Leases } from '../lease/lease-types.ts';
import type { QueueOptions } from './job-types.ts';
import { handle, queue } from './queue.ts';
import { worker } from './worker.ts';

test('a queue has defaults, and waits that grow by chance up to five minutes', () => {
  const mail = queue('mail');
  expect(mail.options).toMatchObject({
    attempts: 10,
    timeoutMs: 300_000,
    concurrency: 10,
    prefetch: 0,
    rate: undefined,
  });
  const random = seededRandom('waits');
  for (const attempt of [1, 5, 20]) {
    const delayMs = mail.delayFor(attempt, random);
    expect(delayMs).toBeGreaterThanOrEqual(0);
    expect(delayMs).toBeLessThanOrEqual(Math.min(300_000, 1_000 * 2 ** (attempt - 1)));
  }
});

test.each<[string, QueueOptions, RegExp]>([
  ['no attempts', { attempts: 0 }, /mail: attempts is 0/],
  ['half a job at a time', { concurrency: 0.5 }, /concurrency is 0.5/],
  ['a rate of nothing', { rate: { limit: 0, perMs: 1 } }, /rate.limit is 0/],
  ['a quota of nothing', { share: { quota: 0 } }, /share.quota is 0/],
  ['waits that are none', { backoff: { base: 'soon' as '1s' } }, /The queue mail: backoff.base/],
  ['an unknown option', { retries: 3 } as QueueOptions, /no option "retries"/],
])('%s is refused, with its name', (_, options, message) => {
  expect(() => queue('mail', options)).toThrow(message);
});

test('a queue has a name', () => {
  expect(() => queue('')).toThrow(/can't be called ""/);
  expect(() => queue('a\0')).toThrow(/without NUL/);
});

test('a worker has one handler a queue, and looks no more often than it may', () => {
  const clock = virtualClock();
  using ctx = createContext({ clock, random: realRandom() });
  const mail = handle(queue('mail'), async () => {});
  const options = { database: {} as Database, leases: {} as Leases, clock, random: ctx.random };
  expect(() => worker({ ...options, queues: [mail, mail] })).toThrow(/two handlers for the queue mail/);
  expect(() => worker({ ...options, queues: [mail], pollMs: 1 })).toThrow(/pollMs 1/);
});
