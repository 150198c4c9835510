import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { leaseViolations, type LeaseEffect } from './testing/lease-history.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

// Processes on Postgres that are stopped, killed and cut off while they work and the database's clock jumps: what Jepsen does to
// databases, done to holders.

const WORKER = fileURLToPath(new URL('testing/lease-worker.ts', import.meta.url));
const NAMES = ['mail', 'bills'];
const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

async function prepared(): Promise<TestDatabase> {
  const held = await testDatabase();
  await using owner = await connectAdmin(held.ownerUrl);
  await owner.run(`create table effect (seq serial primary key, name text, token text, process text, read integer)`);
  return held;
}

/** The processes of one run. */
class Crowd implements AsyncDisposable {
  readonly #url: string;
  readonly #how: 'guarded' | 'unguarded';
  readonly #processes: ChildProcess[] = [];
  #born = 0;

  constructor(url: string, how: 'guarded' | 'unguarded') {
    this.#url = url;
    this.#how = how;
    for (let index = 0; index < 3; index += 1) this.#processes.push(this.#start());
  }

  get(index: number): ChildProcess {
    return this.#processes[index]!;
  }

  async replace(index: number): Promise<void> {
    await end(this.get(index));
    this.#processes[index] = this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map(end));
  }

  #start(): ChildProcess {
    const name = `worker-${(this.#born += 1)}`;
    const conditions = '--conditions=@fairlead/source';
    return spawn(process.execPath, [conditions, WORKER, this.#url, name, this.#how, ...NAMES], { stdio: 'inherit' });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function historyOf(held: TestDatabase): Promise<readonly LeaseEffect[]> {
  const { rows } = await held.database.query<Omit<LeaseEffect, 'token'> & { token: string }>(
    ctx,
    'select * from effect order by seq',
  );
  return rows.map((row) => ({ ...row, token: BigInt(row.token) }));
}

/** Makes trouble until `enough` is content with the history or the time is over. */
async function disturb(
  held: TestDatabase,
  how: 'guarded' | 'unguarded',
  limitMs: number,
  enough: (history: readonly LeaseEffect[]) => boolean,
): Promise<readonly LeaseEffect[]> {
  await using crowd = new Crowd(held.url, how);
  await using admin = await connectAdmin(held.adminUrl);
  await using owner = await connectAdmin(held.ownerUrl);
  const random = seededRandom(how);
  const untilMs = clock.monotonic() + limitMs;
  while (clock.monotonic() < untilMs && !enough(await historyOf(held))) {
    const index = Math.floor(random.next() * 3);
    const dice = random.next();
    if (dice < 0.5) {
      crowd.get(index).kill('SIGSTOP');
      await clock.sleep(200 + random.next() * 1_200);
      crowd.get(index).kill('SIGCONT');
    } else if (dice < 0.6) {
      await crowd.replace(index);
    } else if (dice < 0.75) {
      // Three times as far as a right lasts, in both directions.
      await owner.run(`create or replace function fairlead.now() returns timestamptz language sql volatile parallel safe
        as 'select clock_timestamp() + ${Math.round((random.next() - 0.5) * 3_000)} * interval ''1 millisecond'''`);
    } else {
      await admin.run(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = '${held.database.name}' and application_name like 'worker-%' and random() < 0.5`,
      );
    }
    await clock.sleep(random.next() * 300);
  }
  // Stopped ones wake up once more before the end, and want to write what they had in hand.
  await clock.sleep(200);
  return await historyOf(held);
}

const handovers = (history: readonly LeaseEffect[]): number =>
  new Set(history.map(({ name, token }) => `${name} ${token}`)).size;

test('processes that are stopped, killed and cut off, on a database whose clock jumps, never have two effective owners of a lease', async () => {
  await using held = await prepared();
  const history = await disturb(held, 'guarded', 40_000, (sofar) => handovers(sofar) >= 40 && sofar.length >= 300);
  expect(leaseViolations(history)).toEqual([]);
  expect(new Set(history.map(({ process }) => process)).size).toBeGreaterThan(1);
  expect(handovers(history)).toBeGreaterThan(1);
});

test('the same check catches processes that only look at their signal', async () => {
  await using held = await prepared();
  const history = await disturb(held, 'unguarded', 120_000, (sofar) => leaseViolations(sofar).length > 0);
  expect(leaseViolations(history)).not.toEqual([]);
});
