import { beforeEach, expect, test } from 'vitest';
import { breakable } from '../testing/breakable.ts';
import type { LeadFunction } from './lease-types.ts';
import { useLeaseWorld } from './lease-world.fixture.ts';

const world = useLeaseWorld();
const { open, pass } = world;
/** Who leads what, as it happens. */
let told: string[];
beforeEach(() => {
  told = [];
});

/** Leads until it is told to stop, and a little longer. */
const until =
  (who: string, lastMs = 0): LeadFunction =>
  async (ctx) => {
    told.push(`${who} leads`);
    await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
    if (lastMs > 0) await world.clock.sleep(lastMs);
    told.push(`${who} has stopped`);
  };

test('one leads; when it is closed the other does, after the first has stopped', async () => {
  await using one = open('one');
  await using two = open('two');
  const first = one.lead('mail', until('one', 500));
  await pass(100);
  const second = two.lead('mail', until('two'));
  await pass(2_000);
  expect([told, first.lease?.name, second.lease]).toEqual([['one leads'], 'mail', undefined]);
  const closing = first.close();
  await pass(1_200);
  await closing;
  expect(told).toEqual(['one leads', 'one has stopped', 'two leads']);
  expect(second.lease?.token).toBeGreaterThan(0n);
});

test('a leader that was cut off is told to stop when its time is over, and another follows', async () => {
  const line = breakable(world.database);
  await using one = open('one', line.database);
  await using two = open('two');
  one.lead('mail', until('one'));
  await pass(100);
  two.lead('mail', until('two'));
  line.cut();
  await pass(2_000);
  expect(told).toEqual(['one leads', 'one has stopped', 'two leads']);
  line.mend();
});

test('a leader that returns or fails hands over, and is elected again when nobody else wants it', async () => {
  await using one = open('one');
  let terms = 0;
  one.lead('mail', async () => {
    terms += 1;
    if (terms === 2) throw new Error('a bad day');
  });
  await pass(3_000);
  expect(terms).toBeGreaterThan(2);
  await using two = open('two');
  two.lead('mail', until('two'));
  await pass(2_000);
  expect(told).toEqual(['two leads']);
});

test('many elections wait at the price of one statement a time', async () => {
  const line = breakable(world.database);
  await using one = open('one');
  await using two = open('two', line.database);
  for (let index = 0; index < 20; index += 1) one.lead(`mail-${index}`, until('one'));
  await pass(300);
  for (let index = 0; index < 20; index += 1) two.lead(`mail-${index}`, until('two'));
  await pass(300);
  const before = line.sent;
  await pass(3_000);
  // Ten renewals and ten looks.
  expect(line.sent - before).toBeLessThanOrEqual(20);
  expect(line.sent - before).toBeGreaterThan(10);
  expect(told).toEqual(Array.from({ length: 20 }, () => 'one leads'));
});

test('a leader that does not stop keeps its lease until it lapses, and closing says so', async () => {
  const one = open('one');
  await using two = open('two');
  const stuck = one.lead('mail', () => new Promise(() => {}));
  await pass(100);
  two.lead('mail', until('two'));
  const closing = stuck.close({ graceMs: 200 }).catch((error: { code: string }) => error.code);
  await pass(300);
  expect(await closing).toBe('CLOSE_FAILED');
  await pass(2_000);
  expect(told).toEqual([]);
  const ended = one.close({ graceMs: 100 });
  await pass(600);
  await ended;
  expect(told).toEqual([]);
  await pass(900);
  expect(told).toEqual(['two leads']);
});

test('a process campaigns once for a name', async () => {
  await using one = open('one');
  const first = one.lead('mail', until('one'));
  expect(() => one.lead('mail', until('one'))).toThrow(expect.objectContaining({ code: 'LEASE_INVALID' }));
  await first.close();
  one.lead('mail', until('again'));
  await pass(100);
  expect(told.at(-1)).toBe('again leads');
});

test('closing the leases closes the elections first and leaves no timer behind', async () => {
  const one = open('one');
  one.lead('mail', until('one'));
  await pass(100);
  const two = open('two');
  const waiting = two.lead('mail', until('two'));
  await pass(100);
  await Promise.all([one.close(), two.close()]);
  expect(told).toEqual(['one leads', 'one has stopped']);
  expect(world.clock.pending).toBe(0);
  await waiting.close();
  expect(() => two.lead('mail', until('two'))).toThrow(expect.objectContaining({ code: 'LEASES_CLOSED' }));
});
