import { PGlite } from '@electric-sql/pglite';
import { FairleadError } from '@fairlead/core';
import { policy } from '@fairlead/policy';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { testBed, type TestBed } from './fixtures/test-bed.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await testBed(await PGlite.create());
});
beforeEach(() => bed.reset());
afterAll(() => bed.close());

const ids = (...names: string[]) => names.map((id) => ({ key: id.slice(0, 1), id }));

test('what was not there and had not begun costs no attempt, however often; what had begun does', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  let postponed = 0;
  let failed = 0;
  const refused = (processed: string) =>
    new FairleadError('unavailable', 'UNAVAILABLE', 'billing is not there', {
      details: { processed },
      retryAfterMs: 2_000,
    });
  const closed = policy('billing', { breaker: { mode: 'open' } }, { clock: bed.clock, random: bed.random });
  await using consumer = bed.consumer({
    maxAttempts: 2,
    handler: async (ctx) => {
      if (postponed < 6) {
        postponed += 1;
        if (postponed > 3) await closed.run(ctx, async () => undefined);
        throw refused('no');
      }
      failed += 1;
      throw refused('maybe');
    },
  });
  await bed.until(async () => postponed === 3);
  expect(await consumer.deadLetters(bed.ctx)).toEqual([]);
  await bed.until(async () => (await consumer.deadLetters(bed.ctx)).length === 1, 200_000);
  expect({ postponed, failed }).toEqual({ postponed: 6, failed: 2 });
  const [letter] = await consumer.deadLetters(bed.ctx);
  expect(letter?.attempts).toBe(8);

  await consumer.redrive(bed.ctx, letter!.id);
  await bed.until(async () => failed === 4, 200_000);
  expect(await consumer.deadLetters(bed.ctx)).toHaveLength(1);
});

test('the next attempt waits at least as long as the failure asks for', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  const atMs: number[] = [];
  await using _consumer = bed.consumer({
    handler: async () => {
      atMs.push(bed.clock.monotonic());
      throw new FairleadError('unavailable', 'UNAVAILABLE', 'later', { retryAfterMs: 7_000 });
    },
  });
  await bed.until(async () => atMs.length === 2, 60_000);
  expect(Number(atMs[1]) - Number(atMs[0])).toBeGreaterThanOrEqual(7_000);
});
