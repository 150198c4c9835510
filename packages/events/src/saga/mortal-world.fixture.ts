import { PGlite } from '@electric-sql/pglite';
import {
  createContext,
  realTurn,
  seededRandom,
  virtualClock,
  type OwnedClock,
  type SeededRandom,
  type VirtualClock,
} from '@fairlead/core';
import { migrateStore, type Database, type Tx } from '@fairlead/store';
import { pgliteDatabase } from '@fairlead/store/pglite';
import { sagaProcess, type SagaProcess } from './saga-world.fixture.ts';
import type { SagaSet } from './saga-types.ts';
import type { SagasOptions } from './sagas-types.ts';

/** When a process dies: at its so manieth statement or commit, before it has happened or after. */
export interface Death {
  readonly at: number;
  readonly when: 'before' | 'after';
}

/** A process that may die. */
export interface MortalProcess<S extends SagaSet> {
  readonly sagas: SagaProcess<S>['sagas'];
  readonly database: Database;
  readonly dead: boolean;
  /** Statements and commits so far. */
  readonly done: number;
  kill(): void;
}

/** One database on virtual time, and processes that come and go on it. */
export interface MortalWorld extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly database: Database;
  process<S extends SagaSet, Kit = unknown>(
    set: S,
    death?: Death,
    options?: Partial<SagasOptions<S, Kit>>,
  ): MortalProcess<S>;
  /** Lets time pass until `work` has settled; rejects when an hour has passed. */
  drive<T>(work: Promise<T>): Promise<T>;
}

const LIMIT_MS = 3_600_000;

/** A world of which everything follows from `seed`. */
export async function mortalWorld(seed: number | string): Promise<MortalWorld> {
  const clock = virtualClock();
  const random: SeededRandom = seededRandom(seed);
  const pglite = await PGlite.create();
  const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock });
  const traffic = { underWay: 0 };
  const living = new Set<() => void>();
  let lives = 0;

  const drive = async <T>(work: Promise<T>): Promise<T> => {
    const state = { settled: false };
    const settle = (): void => void (state.settled = true);
    work.then(settle, settle);
    const endMs = clock.monotonic() + LIMIT_MS;
    for (;;) {
      await realTurn();
      if (state.settled) return work;
      if (traffic.underWay > 0) continue;
      if (clock.monotonic() > endMs || !clock.runNext()) throw new Error(`nothing came of it, seed ${seed}`);
    }
  };
  using setup = createContext({ clock, random });
  await migrateStore(setup, database);

  return {
    clock,
    database,
    drive,
    process<S extends SagaSet, Kit = unknown>(
      set: S,
      death?: Death,
      options: Partial<SagasOptions<S, Kit>> = {},
    ): MortalProcess<S> {
      lives += 1;
      const own = clock.owned(`process ${lives}`);
      const life = mortalDatabase(database, own, traffic, death);
      const running = sagaProcess(life.database, set, {
        // Looks are statements; virtual time is free.
        watchMs: 1_000,
        ...options,
        clock: own,
        random: random.fork(`process ${lives}`),
      });
      const kill = (): void => {
        life.kill();
        living.delete(kill);
      };
      living.add(kill);
      return {
        sagas: running.sagas,
        database: life.database,
        get dead() {
          return life.dead();
        },
        get done() {
          return life.done();
        },
        kill,
      };
    },
    async [Symbol.asyncDispose]() {
      for (const kill of living) kill();
      await pglite.close();
    },
  };
}

/** A line to a database that ends with its process: what was open is rolled back, what is waited for never comes. */
function mortalDatabase(inner: Database, clock: OwnedClock, traffic: { underWay: number }, death: Death | undefined) {
  let done = 0;
  let dead = false;
  const { promise: gone, reject: end } = Promise.withResolvers<never>();
  gone.catch(() => {});
  const never = new Promise<never>(() => {});
  const kill = (): void => {
    if (dead) return;
    dead = true;
    clock.crash();
    end(new Error('the process has ended'));
  };
  const step = async <T>(run: () => Promise<T>): Promise<T> => {
    if (dead) return never;
    done += 1;
    const dies = death?.at === done ? death.when : undefined;
    if (dies === 'before') kill();
    if (dead) return never;
    const result = await run();
    if (dies === 'after') kill();
    return dead ? never : result;
  };
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    traffic.underWay += 1;
    let counting = true;
    const uncount = (): void => {
      if (counting) traffic.underWay -= 1;
      counting = false;
    };
    gone.catch(uncount);
    try {
      return await work();
    } finally {
      uncount();
    }
  };
  const database: Database = {
    name: inner.name,
    query: (ctx, text, params) => counted(() => step(() => inner.query(ctx, text, params))),
    tx: (ctx, work, options) =>
      counted(async () => {
        const after: (() => void)[] = [];
        let commit = false;
        const attempt = inner.tx(
          ctx,
          (tx) => {
            const gated: Tx = {
              ctx: tx.ctx,
              query: (text, params) => step(() => tx.query(text, params)),
              afterCommit: (fn) => void after.push(fn),
              announce: (channel, payload) => tx.announce(channel, payload),
            };
            const inside = async () => {
              const value = await work(gated);
              if (options?.autocommit !== true) {
                done += 1;
                commit = death?.at === done;
                if (commit && death?.when === 'before') kill();
              }
              return value;
            };
            return Promise.race([inside(), gone]);
          },
          options,
        );
        const result = await attempt.catch((error: unknown) => (dead ? never : Promise.reject(error)));
        if (commit && death?.when === 'after') kill();
        if (dead) return never;
        for (const fn of after) fn();
        return result;
      }),
    listen: (channel, onNotify) => inner.listen(channel, (payload) => void (dead || onNotify(payload))),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return { database, kill, dead: () => dead, done: () => done };
}
