import { PGlite } from '@electric-sql/pglite';
import { createContext, seededRandom, virtualClock, type SeededRandom } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { leaseViolations, type LeaseEffect } from './testing/lease-history.ts';
import { SimulatedHolder } from './testing/simulated-holder.ts';

let pglite: PGlite;
let schemas = 0;
beforeAll(async () => {
  pglite = await PGlite.create();
});
afterAll(() => pglite.close());

const NAMES = ['mail', 'bills', 'stock'];
const TTL_MS = 900;

interface Run {
  readonly effects: readonly LeaseEffect[];
  /** Tokens in the order in which the database gave them, by name. */
  readonly tokens: ReadonlyMap<string, readonly bigint[]>;
  /** Moments at which two processes that were running both took a lease for theirs. */
  readonly doubled: number;
  readonly acquired: number;
}

/** What happens to processes and clocks is drawn from the seed. */
async function play(seed: string, how: { guarded: boolean; clockJumps: boolean; steps: number }): Promise<Run> {
  const random = seededRandom(seed);
  const clock = virtualClock();
  let databaseOffsetMs = 0;
  const database = pgliteDatabase({
    pglite,
    schema: `run${(schemas += 1)}`,
    name: 'orders',
    clock: { ...clock, now: () => clock.now() + databaseOffsetMs },
  });
  const ctx = createContext({ clock, random });
  await migrateStore(ctx, database);
  await database.query(
    ctx,
    `create table effect (seq serial primary key, name text, token text, process text, read integer);
     create table given (seq serial primary key, name text, token text);
     create function note_given() returns trigger language plpgsql as $$
       begin insert into given (name, token) values (new.name, new.token::text); return new; end $$;
     create trigger given after update of token on fairlead_lease for each row execute function note_given();`,
  );
  let born = 0;
  const birth = (): SimulatedHolder => {
    const name = `p${(born += 1)}`;
    const own = random.fork(name);
    return new SimulatedHolder({
      name,
      database,
      clock: clock.owned(name),
      random: own,
      ttlMs: TTL_MS,
      guarded: how.guarded,
    });
  };
  const holders = [birth(), birth(), birth()];
  let doubled = 0;
  for (let step = 0; step < how.steps; step += 1) {
    const index = Math.floor(random.next() * holders.length);
    const holder = holders[index]!;
    const dice = random.next();
    if (dice < 0.06) holder.pause();
    else if (dice < 0.2) for (const each of holders) each.resume();
    else if (dice < 0.22) {
      holder.crash();
      holders[index] = birth();
    } else if (dice < 0.25) holder.line.cut();
    else if (dice < 0.28) holder.line.loseAnswers();
    else if (dice < 0.36) for (const each of holders) each.line.mend();
    else if (dice < 0.4) holder.line.delayAnswers(random.next() * 290);
    else if (dice < 0.42) holder.jump(jumpMs(random));
    else if (dice < 0.46 && how.clockJumps) databaseOffsetMs += jumpMs(random);
    else for (const each of holders) each.act(NAMES[Math.floor(random.next() * NAMES.length)]!);
    await clock.advance(Math.floor(random.next() * 150));
    await database.query(ctx, 'select 1');
    await clock.advance(0);
    for (const name of NAMES)
      if (holders.filter((each) => !each.paused && each.believes(name)).length > 1) doubled += 1;
  }
  for (const holder of holders) holder.crash();
  const effects = await database.query<{ seq: number; name: string; token: string; process: string; read: number }>(
    ctx,
    'select * from effect',
  );
  const given = await database.query<{ name: string; token: string }>(
    ctx,
    'select name, token from given order by seq',
  );
  const tokens = Map.groupBy(given.rows, ({ name }) => name);
  return {
    effects: effects.rows.map((row) => ({ ...row, token: BigInt(row.token) })),
    tokens: new Map([...tokens].map(([name, rows]) => [name, rows.map(({ token }) => BigInt(token))])),
    doubled,
    acquired: given.rows.length,
  };
}

const jumpMs = (random: SeededRandom): number => Math.floor((random.next() - 0.5) * 8 * TTL_MS);

describe.each([1, 2, 3, 4])('under random pauses, crashes, cuts and clocks, seed %i', (seed) => {
  test('a lease never has two effective owners, and its tokens grow', async () => {
    const run = await play(`jumps ${seed}`, { guarded: true, clockJumps: true, steps: 300 });
    expect(leaseViolations(run.effects)).toEqual([]);
    for (const tokens of run.tokens.values())
      expect(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!)).toBe(true);
    // Something has happened.
    expect(run.acquired).toBeGreaterThan(3);
    expect(run.effects.length).toBeGreaterThan(3);
  });

  test("while the database's clock runs evenly no two running processes take a lease for theirs", async () => {
    const run = await play(`even ${seed}`, { guarded: true, clockJumps: false, steps: 300 });
    expect(leaseViolations(run.effects)).toEqual([]);
    expect(run.doubled).toBe(0);
    expect(run.acquired).toBeGreaterThan(3);
  });
});

test('the same check catches processes that look at their signal and do not guard', async () => {
  let caught = 0;
  for (let seed = 0; seed < 20 && caught === 0; seed += 1) {
    const run = await play(`unguarded ${seed}`, { guarded: false, clockJumps: true, steps: 300 });
    caught = leaseViolations(run.effects).length;
  }
  expect(caught).toBeGreaterThan(0);
});
