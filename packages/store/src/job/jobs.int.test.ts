import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';
import { enqueueMany } from './enqueue.ts';
import { EXACT, LOOSE, type Payload } from './testing/crash-queues.ts';
import type { NewJob } from './job-types.ts';

// Processes on Postgres that are killed, stopped and cut off while they do jobs.

const WORKER = fileURLToPath(new URL('testing/job-worker.ts', import.meta.url));
const JOBS = 600;
const KEYS = 7;
const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

/** Processes; those that die are replaced. */
class Crowd implements AsyncDisposable {
  readonly #url: string;
  readonly #processes: ChildProcess[] = [];
  readonly #claims: string;
  #born = 0;

  constructor(url: string, size: number, claims: string) {
    this.#url = url;
    this.#claims = claims;
    for (let index = 0; index < size; index += 1) this.#processes.push(this.#start());
  }

  get born(): number {
    return this.#born;
  }

  get(index: number): ChildProcess {
    const child = this.#processes[index]!;
    if (child.exitCode === null && child.signalCode === null) return child;
    return (this.#processes[index] = this.#start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  #start(): ChildProcess {
    const name = `worker-${(this.#born += 1)}`;
    return spawn(process.execPath, ['--conditions=@fairlead/source', WORKER, this.#url, name, this.#claims], {
      stdio: 'inherit',
    });
  }
}

async function prepared(): Promise<TestDatabase> {
  const held = await testDatabase();
  await using owner = await connectAdmin(held.ownerUrl);
  await owner.run(`create table effect (seq serial primary key, n integer, queue text, key text, process text)`);
  const jobs: NewJob<Payload>[] = Array.from({ length: JOBS }, (_, n) => ({
    payload: { n },
    ...(n % 3 === 0 ? { key: `key ${n % KEYS}` } : {}),
  }));
  for (const queue of [EXACT, LOOSE]) {
    const bad = { payload: { n: -1, poison: true }, attempts: 3, key: 'poison' };
    await held.database.tx(ctx, (tx) => enqueueMany(tx, queue, [...jobs, bad, { payload: { n: -2 }, key: 'poison' }]));
  }
  return held;
}

test.each([
  ['written into their rows', 'single'],
  ['a row of their own', 'joint'],
])(
  'jobs survive killed, stopped and cut off processes: each effect once with complete, at least once without, in order by key; claims are %s',
  async (_, claims) => {
    await using held = await prepared();
    await using admin = await connectAdmin(held.adminUrl);
    const random = seededRandom('jobs');
    const left = async () => {
      const { rows } = await held.database.query<{ n: number }>(
        ctx,
        `select count(*)::int as n from fairlead_job where state <> 'dead' and key is distinct from 'poison'`,
      );
      return rows[0]?.n ?? 0;
    };
    await using crowd = new Crowd(held.url, 3, claims);
    const untilMs = clock.monotonic() + 240_000;
    let troubles = 0;
    while (clock.monotonic() < untilMs && (await left()) > 0) {
      const index = Math.floor(random.next() * 3);
      const dice = random.next();
      // Enough trouble is enough: then they have the rest to do in peace.
      if (troubles < 40) {
        troubles += 1;
        if (dice < 0.4) {
          crowd.get(index).kill('SIGSTOP');
          await clock.sleep(200 + random.next() * 900);
          crowd.get(index).kill('SIGCONT');
        } else if (dice < 0.75) {
          crowd.get(index).kill('SIGKILL');
        } else {
          await admin.run(
            `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = '${held.database.name}' and application_name like 'worker-%' and random() < 0.4`,
          );
        }
      }
      await clock.sleep(100 + random.next() * 150);
      for (const each of [0, 1, 2]) crowd.get(each);
    }
    expect(await left()).toBe(0);
    const { rows } = await held.database.query<{ n: number; queue: string; key: string | null }>(
      ctx,
      'select n, queue, key from effect order by seq',
    );
    const all = Array.from({ length: JOBS }, (_, n) => n);
    const exact = rows.filter(({ queue }) => queue === 'exact').map(({ n }) => n);
    expect(exact.toSorted((a, b) => a - b)).toEqual(all);
    expect(new Set(rows.filter(({ queue }) => queue === 'loose').map(({ n }) => n))).toEqual(new Set(all));
    for (const key of new Set(rows.map(({ key: each }) => each))) {
      if (key === null) continue;
      const inOrder = rows.filter((row) => row.queue === 'exact' && row.key === key).map(({ n }) => n);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
    const dead = await held.database.query<{ queue: string; attempt: number; dead_reason: string }>(
      ctx,
      `select queue, attempt, dead_reason from fairlead_job where state = 'dead' order by queue`,
    );
    expect(dead.rows).toEqual([
      { queue: 'exact', attempt: 3, dead_reason: 'attempts' },
      { queue: 'loose', attempt: 3, dead_reason: 'attempts' },
    ]);
    // What comes after poison waits for somebody to decide.
    const parked = await held.database.query(
      ctx,
      `select from fairlead_job where key = 'poison' and state = 'blocked'`,
    );
    expect(parked.rowCount).toBe(2);
    expect(crowd.born).toBeGreaterThan(3);
  },
);
