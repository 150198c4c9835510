import { createContext, realClock, realRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AcquireResult, Lease, Leases } from './lease-types.ts';
import { leases } from './leases.ts';
import { breakable } from '../testing/breakable.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

// What waits for what needs several sessions, so this is on Postgres. Its time is real, that of the holders virtual: they
// renew when told. A statement that waits for what it must not wait for fails by its Context.
const real = createContext({ clock: realClock(), random: realRandom() });
const random = realRandom();
let held: TestDatabase;
let clock: VirtualClock;
let names = 0;
let name = '';

beforeAll(async () => {
  held = await testDatabase();
});
afterAll(() => held[Symbol.asyncDispose]());
beforeEach(() => {
  clock = virtualClock();
  name = `mail-${(names += 1)}`;
});

const open = (holder: string, database = held.database): Leases =>
  leases({ database, holder, clock, random, ttlMs: 60_000, renewEveryMs: 20_000 });

const expiryOf = async (holder: string): Promise<unknown> =>
  (
    await held.database.query(real, 'select expires_at::text as at from fairlead_lease_holder where name = $1', [
      holder,
    ])
  ).rows[0]?.['at'];
const lapse = (holder: string) =>
  held.database.query(
    real,
    `update fairlead_lease_holder set expires_at = fairlead.now() - interval '1 second' where name = $1`,
    [holder],
  );
const waiting = async (): Promise<unknown> =>
  (
    await held.database.query(
      real,
      `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%fairlead_lease%'`,
    )
  ).rows[0]?.['n'];

function lease(result: AcquireResult): Lease {
  if (result.kind !== 'held') throw new Error(`taken by ${result.by}`);
  return result.lease;
}

const PATIENCE = { timeout: 20_000, interval: 10 };

test('renewals go on while guarded transactions are open, and guards while a renewal is', async () => {
  await using one = open('renewing');
  const mail = lease(await one.acquire(real, name));
  using limited = real.withTimeout(20_000);
  await held.database.tx(limited, async (guarded) => {
    await mail.guard(guarded);
    const before = await expiryOf('renewing');
    await clock.advance(20_000);
    await expect.poll(() => expiryOf('renewing'), PATIENCE).not.toBe(before);
    // A second guard of the same lease does not wait for the first.
    await held.database.tx(limited, (other) => mail.guard(other));
  });
  await held.database.tx(limited, async (renewing) => {
    await renewing.query(`update fairlead_lease_holder set expires_at = expires_at where name = 'renewing'`);
    await held.database.tx(limited, (guarded) => mail.guard(guarded));
  });
});

test('who asks for the lease of a living holder waits for nothing', async () => {
  await using one = open('living');
  await using two = open('asking');
  const mail = lease(await one.acquire(real, name));
  using limited = real.withTimeout(20_000);
  await held.database.tx(limited, async (guarded) => {
    await mail.guard(guarded);
    expect(await two.acquire(limited, name)).toMatchObject({ kind: 'taken', by: 'living' });
  });
});

test('a take-over waits for the guarded transaction, whose commit stands, and is refused to the next', async () => {
  await using one = open('lapsing');
  await using two = open('taking over');
  const old = lease(await one.acquire(real, name));
  let taking: Promise<AcquireResult> | undefined;
  await held.database.tx(real, async (guarded) => {
    await old.guard(guarded);
    await lapse('lapsing');
    taking = two.acquire(real, name);
    await expect.poll(waiting, PATIENCE).toBe(1);
  });
  const taken = await taking;
  if (taken === undefined) throw new Error('nothing was asked for');
  expect(lease(taken).token).toBeGreaterThan(old.token);
  await expect(held.database.tx(real, (tx) => old.guard(tx))).rejects.toMatchObject({ code: 'LEASE_LOST' });
});

test('a take-over waits for a renewal under way and then leaves the lease where it is', async () => {
  await using one = open('slow');
  await using two = open('quick');
  const mail = lease(await one.acquire(real, name));
  await lapse('slow');
  let asked: Promise<AcquireResult> | undefined;
  await held.database.tx(real, async (renewing) => {
    await renewing.query(
      `update fairlead_lease_holder set expires_at = fairlead.now() + interval '1 hour' where name = 'slow'`,
    );
    asked = two.acquire(real, name);
    await expect.poll(waiting, PATIENCE).toBe(1);
  });
  expect(await asked).toMatchObject({ kind: 'taken', by: 'slow' });
  await held.database.tx(real, (tx) => mail.guard(tx));
});

test('of many who ask at once for a free lease one gets it', async () => {
  const all = Array.from({ length: 8 }, (_, index) => open(`crowd-${index}`));
  const results = await Promise.all(all.map((each) => each.acquire(real, name)));
  expect(results.filter(({ kind }) => kind === 'held')).toHaveLength(1);
  await Promise.all(all.map((each) => each.close()));
});

test('of many who ask at once for what a dead holder had, each lease goes to one, with a greater token', async () => {
  await using dead = open('dead');
  const had = [];
  for (let index = 0; index < 6; index += 1) had.push(lease(await dead.acquire(real, `${name}/${index}`)));
  await lapse('dead');
  const all = Array.from({ length: 4 }, (_, index) => open(`heir-${index}`));
  const results = await Promise.all(
    had.flatMap((old) => all.map(async (each) => ({ old, result: await each.acquire(real, old.name) }))),
  );
  const won = results.flatMap(({ old, result }) => (result.kind === 'held' ? [{ old, now: result.lease }] : []));
  expect(won.map(({ old }) => old.name).toSorted()).toEqual(had.map((old) => old.name));
  expect(won.every(({ old, now }) => now.token > old.token)).toBe(true);
  await Promise.all(all.map((each) => each.close()));
});

test('lapsed holders that take from each other at once do not deadlock', async () => {
  for (let round = 0; round < 20; round += 1) {
    await using left = open(`left-${round}`);
    await using right = open(`right-${round}`);
    await left.acquire(real, `${name}/l${round}`);
    await right.acquire(real, `${name}/r${round}`);
    await lapse(`left-${round}`);
    await lapse(`right-${round}`);
    await Promise.all([left.acquire(real, `${name}/r${round}`), right.acquire(real, `${name}/l${round}`)]);
  }
});

test('in repeatable read a right that changed hands since the snapshot fails closed', async () => {
  await using one = open('snapshot');
  await using two = open('successor');
  const old = lease(await one.acquire(real, name));
  const work = held.database.tx(
    real,
    async (tx) => {
      await tx.query('select 1');
      await lapse('snapshot');
      lease(await two.acquire(real, name));
      await old.guard(tx);
    },
    // The work takes the right over itself, so it would find that taken when it ran again.
    { isolation: 'repeatable read', retry: false },
  );
  await expect(work).rejects.toMatchObject({ code: '40001' });
});

test('ten thousand leases cost one statement a renewal, and no row of theirs is written', async () => {
  const line = breakable(held.database);
  await using one = open('rich', line.database);
  const all: Lease[] = [];
  for (let batch = 0; batch < 100; batch += 1) {
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => one.acquire(real, `${name}/${batch * 100 + index}`)),
    );
    all.push(...results.map(lease));
  }
  expect(all).toHaveLength(10_000);
  const versions = async (): Promise<unknown> =>
    (await held.database.query(real, `select sum(hashtext(xmin::text || name)) as n from fairlead_lease`)).rows[0];
  const [written, sent] = [await versions(), line.sent];
  for (let renewal = 1; renewal <= 10; renewal += 1) {
    const before = await expiryOf('rich');
    await clock.advance(20_000);
    await expect.poll(() => expiryOf('rich'), PATIENCE).not.toBe(before);
    // The answer plans the next renewal.
    await expect.poll(() => all[0]?.remainingMs(), PATIENCE).toBe(60_000);
  }
  expect(line.sent - sent).toBe(10);
  expect(await versions()).toEqual(written);
  expect(all.some(({ signal }) => signal.aborted)).toBe(false);
});
