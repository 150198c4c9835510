import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { append } from '../log/log.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

// Processes that share a subscription, and are killed, stopped and cut off while events come in.

const WORKER = fileURLToPath(new URL('testing/subscription-worker.ts', import.meta.url));
const KEYS = 17;
const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

async function prepared(): Promise<TestDatabase> {
  const held = await testDatabase();
  await using owner = await connectAdmin(held.ownerUrl);
  await owner.run('create table effect (seq serial primary key, key text not null, n integer not null)');
  return held;
}

interface Effect {
  readonly key: string;
  readonly n: number;
}

async function effectsOf(held: TestDatabase): Promise<readonly Effect[]> {
  const { rows } = await held.database.query<Effect & Record<string, unknown>>(
    ctx,
    'select key, n from effect order by seq',
  );
  return rows;
}

/** Which events had no effect, more than one, or one before an earlier event of their key. */
function faultsOf(effects: readonly Effect[], count: number): readonly string[] {
  const times = new Map<number, number>();
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const { key, n } of effects) {
    times.set(n, (times.get(n) ?? 0) + 1);
    if ((last.get(key) ?? -1) >= n) faults.push(`${n} of ${key} after ${last.get(key)}`);
    last.set(key, n);
  }
  for (let n = 0; n < count; n += 1) if (times.get(n) !== 1) faults.push(`${n}: ${times.get(n) ?? 0} times`);
  return faults;
}

/** Appends up to `count` events and makes trouble until `enough` is content, or `limitMs` is over. */
async function disturb(
  how: 'exact' | 'careless',
  count: number,
  limitMs: number,
  enough: (effects: readonly Effect[]) => boolean,
): Promise<readonly Effect[]> {
  await using held = await prepared();
  await using admin = await connectAdmin(held.adminUrl);
  const random = seededRandom(how);
  const processes: ChildProcess[] = [];
  let born = 0;
  const start = (): ChildProcess =>
    spawn(process.execPath, ['--conditions=@fairlead/source', WORKER, held.url, `worker-${(born += 1)}`, how], {
      stdio: 'inherit',
    });
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const untilMs = clock.monotonic() + limitMs;
  let appended = 0;
  try {
    for (let index = 0; index < 3; index += 1) processes.push(start());
    while (clock.monotonic() < untilMs && !enough(await effectsOf(held))) {
      for (let left = Math.min(40, count - appended); left > 0; left -= 1) {
        const key = `k${appended % KEYS}`;
        const event = { type: 'it.happened', key, data: appended };
        await held.database.tx(ctx, (tx) => append(tx, key, 'any', [event]));
        appended += 1;
      }
      const index = Math.floor(random.next() * 3);
      const dice = random.next();
      const victim = processes[index];
      if (victim === undefined) continue;
      if (dice < 0.35) {
        await end(victim);
        processes[index] = start();
      } else if (dice < 0.6) {
        victim.kill('SIGSTOP');
        await clock.sleep(200 + random.next() * 900);
        victim.kill('SIGCONT');
      } else if (dice < 0.75) {
        await admin.run(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = '${held.database.name}' and application_name like 'worker-%'`,
        );
      }
      await clock.sleep(random.next() * 400);
    }
    // Those that stood still had something in hand.
    await clock.sleep(500);
    return await effectsOf(held);
  } finally {
    await Promise.all(processes.map(end));
  }
}

test('processes that are killed, stopped and cut off neither lose an effect nor double one', async () => {
  const count = 1_500;
  const effects = await disturb('exact', count, 240_000, (sofar) => new Set(sofar.map(({ n }) => n)).size === count);
  expect(faultsOf(effects, count)).toEqual([]);
});

test("the same check catches effects that don't commit with the cursor", async () => {
  const effects = await disturb('careless', Infinity, 240_000, (sofar) => faultsOf(sofar, 0).length > 0);
  expect(faultsOf(effects, 0)).not.toEqual([]);
});
