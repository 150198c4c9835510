import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import type { AcquireResult, Lease, Leases, LeasesOptions } from './lease-types.ts';
import { leases } from './leases.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { breakable } from '../testing/breakable.ts';

const START = Date.UTC(2030, 0, 1);
let pglite: PGlite;
let clock: VirtualClock;
/** What the database takes for the time. */
let databaseClock: VirtualClock;
let database: Database;
let schemas = 0;
const random = realRandom();

beforeAll(async () => {
  pglite = await PGlite.create();
});
afterAll(() => pglite.close());
beforeEach(async () => {
  clock = virtualClock({ startMs: START });
  databaseClock = virtualClock({ startMs: START });
  database = pgliteDatabase({ pglite, schema: `s${(schemas += 1)}`, name: 'orders', clock: databaseClock });
  await migrateStore(createContext({ clock, random }), database);
});

const context = () => createContext({ clock, random });
const open = (holder: string, more: Partial<LeasesOptions> = {}): Leases =>
  leases({ database, holder, clock, random, ttlMs: 900, renewEveryMs: 300, ...more });

/** Moves the time of all, in pieces, and lets the statements of each piece finish. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    await databaseClock.advance(Math.min(100, left));
    await clock.advance(Math.min(100, left));
    // Statements take turns on one session, so those before this one have been answered.
    await database.query(context(), 'select 1');
    await clock.advance(0);
  }
}

function held(result: AcquireResult): Lease {
  if (result.kind !== 'held') throw new Error(`taken by ${result.by}`);
  return result.lease;
}

test('a lease is held by one, who is named to others with the time at which it lapses', async () => {
  await using one = open('orders-1');
  await using two = open('orders-2');
  const lease = held(await one.acquire(context(), 'mail'));
  expect(lease.remainingMs()).toBe(900);
  expect(await two.acquire(context(), 'mail')).toEqual({
    kind: 'taken',
    by: 'orders-1',
    until: START + 900,
    retryAfterMs: 900,
  });
  expect(await one.acquire(context(), 'mail')).toMatchObject({ kind: 'taken', by: 'orders-1' });
  expect(held(await two.acquire(context(), 'other')).signal.aborted).toBe(false);
});

test('it is kept by renewals for longer than it lasts', async () => {
  await using one = open('orders-1');
  await using two = open('orders-2');
  const lease = held(await one.acquire(context(), 'mail'));
  await pass(5_000);
  expect(lease.signal.aborted).toBe(false);
  expect(await two.acquire(context(), 'mail')).toMatchObject({ kind: 'taken' });
});

test('a released lease is free at once, its signal has aborted, and the next token is greater', async () => {
  await using one = open('orders-1');
  await using two = open('orders-2');
  const first = held(await one.acquire(context(), 'mail'));
  await first.release(context());
  await first.release(context());
  expect(first.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
  const second = held(await two.acquire(context(), 'mail'));
  expect(second.token).toBeGreaterThan(first.token);
  await second.release(context());
  expect(held(await one.acquire(context(), 'mail')).token).toBeGreaterThan(second.token);
});

test('tokens grow also when the clock of the database has gone back', async () => {
  await using one = open('orders-1');
  const first = held(await one.acquire(context(), 'mail'));
  await first.release(context());
  databaseClock.jump(-3_600_000);
  expect(held(await one.acquire(context(), 'mail')).token).toBe(first.token + 1n);
});

test('closing frees everything at once and ends the signals', async () => {
  const one = open('orders-1');
  await using two = open('orders-2');
  const lease = held(await one.acquire(context(), 'mail'));
  await one.close();
  await one.close();
  expect(lease.signal.aborted).toBe(true);
  expect(held(await two.acquire(context(), 'mail')).token).toBeGreaterThan(lease.token);
  await expect(one.acquire(context(), 'mail')).rejects.toMatchObject({ code: 'LEASES_CLOSED' });
});

test('no timer is left behind by what was closed, released or failed', async () => {
  const one = open('orders-1');
  await held(await one.acquire(context(), 'mail')).release(context());
  await pass(1_000);
  await one.close();
  expect(clock.pending).toBe(0);
});

test('guard lets the holder commit and nobody who held it before', async () => {
  await using one = open('orders-1');
  const broken = breakable(database);
  await using gone = open('orders-0', { database: broken.database });
  const old = held(await gone.acquire(context(), 'mail'));
  broken.cut();
  databaseClock.jump(901);
  const lease = held(await one.acquire(context(), 'mail'));
  expect(lease.token).toBeGreaterThan(old.token);
  await database.tx(context(), (tx) => lease.guard(tx));
  // Its own clock has not moved, so only the database can tell.
  expect(old.signal.aborted).toBe(false);
  await expect(database.tx(context(), (tx) => old.guard(tx))).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(old.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
  expect(old.remainingMs()).toBe(0);
  broken.mend();
});

test('guard refuses a token that was released although nobody else has had it since', async () => {
  await using one = open('orders-1');
  const lease = held(await one.acquire(context(), 'mail'));
  await database.query(context(), 'update fairlead_lease set holder = null');
  await expect(database.tx(context(), (tx) => lease.guard(tx))).rejects.toMatchObject({ code: 'LEASE_LOST' });
});

test('cut off, the signal aborts when the last renewal that was answered was sent that long ago', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  const lease = held(await one.acquire(context(), 'mail'));
  await pass(300);
  line.cut();
  await pass(800);
  expect([lease.signal.aborted, lease.remainingMs()]).toEqual([false, 100]);
  await pass(100);
  expect(lease.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
  line.mend();
});

test('time is counted from before a renewal was sent, not from its answer', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  const lease = held(await one.acquire(context(), 'mail'));
  line.delayAnswers(200);
  await pass(500);
  expect(lease.remainingMs()).toBe(700);
  line.mend();
});

test('a lost answer is followed by another renewal in time', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  const lease = held(await one.acquire(context(), 'mail'));
  line.loseAnswers();
  await pass(500);
  line.mend();
  await pass(2_000);
  expect(lease.signal.aborted).toBe(false);
});

test('when all answers are lost the right ends here first, and nobody has it until the database agrees', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  await using two = open('orders-2');
  const lease = held(await one.acquire(context(), 'mail'));
  line.loseAnswers();
  await pass(900);
  expect(lease.signal.aborted).toBe(true);
  expect(await two.acquire(context(), 'mail')).toMatchObject({ kind: 'taken', by: 'orders-1' });
  await pass(900);
  expect((await two.acquire(context(), 'mail')).kind).toBe('held');
  line.mend();
});

test('a holder that was taken over learns it with its next renewal, whatever the database takes for the time by then', async () => {
  await using one = open('orders-1');
  await using two = open('orders-2');
  const [mail, other] = [held(await one.acquire(context(), 'mail')), held(await one.acquire(context(), 'other'))];
  databaseClock.jump(60_000);
  held(await two.acquire(context(), 'mail'));
  databaseClock.jump(-60_000);
  await pass(300);
  expect([mail.signal.aborted, other.signal.aborted]).toEqual([true, true]);
  // It goes on under a new life.
  expect(held(await one.acquire(context(), 'other')).token).toBeGreaterThan(other.token);
});

test('a forward jump of the clock takes nothing from a holder whose leases nobody wanted', async () => {
  await using one = open('orders-1');
  const lease = held(await one.acquire(context(), 'mail'));
  databaseClock.jump(60_000);
  await pass(2_000);
  expect(lease.signal.aborted).toBe(false);
  await database.tx(context(), (tx) => lease.guard(tx));
});

test("a jump of this process' wall clock changes nothing", async () => {
  await using one = open('orders-1');
  const lease = held(await one.acquire(context(), 'mail'));
  clock.jump(3_600_000);
  await pass(1_000);
  clock.jump(-7_200_000);
  await pass(1_000);
  expect([lease.signal.aborted, lease.remainingMs() > 0]).toEqual([false, true]);
});

test('a lease that was acquired without our hearing of it is given back by itself', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  await using two = open('orders-2');
  held(await one.acquire(context(), 'other'));
  line.loseAnswers();
  using hurried = context().withTimeout(50);
  const asked = one.acquire(hurried, 'mail').catch((error: { code: string }) => error.code);
  await pass(100);
  expect(await asked).toBe('DEADLINE_EXCEEDED');
  line.mend();
  expect(await two.acquire(context(), 'mail')).toMatchObject({ kind: 'taken', by: 'orders-1' });
  await pass(600);
  expect((await two.acquire(context(), 'mail')).kind).toBe('held');
});

test('a release that failed is made up for', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  await using two = open('orders-2');
  const lease = held(await one.acquire(context(), 'mail'));
  line.cut();
  using hurried = context().withTimeout(50);
  const released = lease.release(hurried).catch((error: { code: string }) => error.code);
  await pass(100);
  expect(await released).toBe('DEADLINE_EXCEEDED');
  expect(lease.signal.aborted).toBe(true);
  line.mend();
  await pass(600);
  expect((await two.acquire(context(), 'mail')).kind).toBe('held');
});

test('a caller who goes away leaves at once, and the others who wait for the same beginning do not', async () => {
  const line = breakable(database);
  await using one = open('orders-1', { database: line.database });
  line.cut();
  using impatient = context().withCancel();
  const given = one.acquire(impatient, 'a').catch((error: { code: string }) => error.code);
  const patient = one.acquire(context(), 'b').catch((error: { code: string }) => error.code);
  impatient.cancel();
  expect(await given).toBe('CANCELLED');
  await pass(900);
  expect(await patient).toBe('DEADLINE_EXCEEDED');
  line.mend();
  expect((await one.acquire(context(), 'b')).kind).toBe('held');
});

test('rows of holders that lapsed a day ago are swept', async () => {
  const line = breakable(database);
  const gone = open('orders-0', { database: line.database });
  await gone.acquire(context(), 'mail');
  await gone.close({ graceMs: 0 });
  databaseClock.jump(86_500_000);
  await using one = open('orders-1');
  await one.acquire(context(), 'other');
  const { rows } = await database.query(context(), 'select name from fairlead_lease_holder');
  expect(rows).toEqual([{ name: 'orders-1' }]);
});

test('names and options that mean nothing are refused', async () => {
  await using one = open('orders-1');
  for (const name of ['', 'a\0b'])
    await expect(one.acquire(context(), name)).rejects.toMatchObject({ code: 'LEASE_INVALID' });
  for (const wrong of [{ holder: '' }, { ttlMs: 99 }, { ttlMs: 1.5 }, { renewEveryMs: 9 }, { renewEveryMs: 451 }])
    expect(() => open('orders-1', wrong), JSON.stringify(wrong)).toThrow(
      expect.objectContaining({ code: 'MISCONFIGURED' }),
    );
});
