import type { CloseOptions, Context } from '@fairlead/core';
import type { Database } from '../database.ts';

interface Pool {
  readonly database: Database;
  users: number;
  /** Nobody new is let in, since others wait for its place. */
  retiring: boolean;
}

/**
 * Pools by name, so many at a time: one more takes the place of the one that was used longest ago. When all are in use, the
 * one that was opened first lets nobody new in, and whoever comes waits in order: a busy name can't keep others out.
 */
export class PoolShelf {
  readonly #open: (name: string) => Database;
  readonly #max: number;
  /** Least recently used first. */
  readonly #pools = new Map<string, Pool>();
  readonly #waiters = new Set<() => void>();
  #closing = 0;

  constructor(max: number, open: (name: string) => Database) {
    this.#max = max;
    this.#open = open;
  }

  /** Pools that are open now, those that are just being closed included. */
  get size(): number {
    return this.#pools.size + this.#closing;
  }

  /** Runs `work` with the pool of a name. @throws the signal's reason while it waits, or what `work` throws */
  async use<T>(ctx: Context, name: string, work: (database: Database) => Promise<T>): Promise<T> {
    const pool = await this.#take(ctx, name);
    try {
      return await work(pool.database);
    } finally {
      pool.users -= 1;
      if (pool.users === 0 && pool.retiring) await this.#remove(name, pool, {});
      else if (pool.users === 0) this.#wakeAll();
    }
  }

  /** Closes the pool of a name, whoever uses it. */
  async drop(name: string): Promise<void> {
    const pool = this.#pools.get(name);
    if (pool !== undefined) await this.#remove(name, pool, { graceMs: 0 });
  }

  async close(options: CloseOptions): Promise<void> {
    await Promise.all([...this.#pools].map(([name, pool]) => this.#remove(name, pool, options)));
  }

  async #take(ctx: Context, name: string): Promise<Pool> {
    for (;;) {
      ctx.throwIfAborted();
      const pool = this.#pools.get(name);
      if (pool !== undefined && !pool.retiring) {
        pool.users += 1;
        this.#pools.delete(name);
        this.#pools.set(name, pool);
        return pool;
      }
      if (pool === undefined && this.size < this.#max) {
        const opened = { database: this.#open(name), users: 1, retiring: false };
        this.#pools.set(name, opened);
        return opened;
      }
      const idle = [...this.#pools].find(([, each]) => each.users === 0);
      if (pool === undefined && idle !== undefined) await this.#remove(...idle, {});
      else {
        if (![...this.#pools.values()].some(({ retiring }) => retiring)) {
          const [first] = this.#pools.values();
          if (first !== undefined) first.retiring = true;
        }
        await this.#released(ctx);
      }
    }
  }

  async #remove(name: string, pool: Pool, options: CloseOptions): Promise<void> {
    // Somebody else does it.
    if (this.#pools.get(name) !== pool) return;
    this.#pools.delete(name);
    this.#closing += 1;
    try {
      await pool.database.close(options);
    } finally {
      this.#closing -= 1;
      this.#wakeAll();
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  #released(ctx: Context): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = ctx.onEnd((reason) => {
        this.#waiters.delete(wake);
        reject(reason);
      });
      const wake = (): void => {
        stop();
        resolve();
      };
      this.#waiters.add(wake);
    });
  }
}
