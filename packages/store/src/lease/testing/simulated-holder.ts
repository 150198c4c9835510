import {
  createContext,
  seededRandom,
  type Clock,
  type Context,
  type OwnedClock,
  type SeededRandom,
} from '@fairlead/core';
import type { Database } from '../../database.ts';
import type { Lease, Leases } from '../lease-types.ts';
import { leases } from '../leases.ts';
import { breakable, type Breakable } from '../../testing/breakable.ts';

/** What a simulated process runs on. */
export interface SimulatedHolderOptions {
  readonly name: string;
  readonly database: Database;
  readonly clock: OwnedClock;
  readonly random: SeededRandom;
  readonly ttlMs: number;
  /** Whether its writes are guarded. */
  readonly guarded: boolean;
}

/** How long it works at most between looking at its lease and writing, in milliseconds. */
const WORK_MS = 300;

/**
 * A process with leases that can stand still between any two statements, lose its line, have its wall clock set and
 * crash. Its actions are begun and never awaited by the test; what fails is forgotten, as by a worker that goes on.
 */
export class SimulatedHolder {
  readonly name: string;
  readonly line: Breakable;
  readonly #options: SimulatedHolderOptions;
  readonly #leases: Leases;
  readonly #held = new Map<string, Lease>();
  readonly #busy = new Set<string>();
  readonly #clock: Clock;
  #wallOffsetMs = 0;
  #stopped: PromiseWithResolvers<void> | undefined;
  #due: (() => void)[] = [];

  constructor(options: SimulatedHolderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = this.#ownClock(options.clock);
    this.line = breakable(options.database);
    this.#leases = leases({
      database: this.#gated(this.line.database),
      holder: options.name,
      clock: this.#clock,
      random: seededRandom(options.name),
      ttlMs: options.ttlMs,
      renewEveryMs: Math.floor(options.ttlMs / 3),
    });
  }

  get paused(): boolean {
    return this.#stopped !== undefined;
  }

  /** Whether it would say that it holds the lease. */
  believes(name: string): boolean {
    return (this.#held.get(name)?.remainingMs() ?? 0) > 0;
  }

  pause(): void {
    this.#stopped ??= Promise.withResolvers();
  }

  resume(): void {
    this.#stopped?.resolve();
    this.#stopped = undefined;
    for (const fn of this.#due.splice(0)) fn();
  }

  crash(): void {
    this.pause();
    this.#options.clock.crash();
  }

  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Asks for a lease, or uses it, or gives it back. */
  act(name: string): void {
    if (this.paused || this.#busy.has(name)) return;
    const lease = this.#held.get(name);
    const idle = lease === undefined || lease.signal.aborted;
    const give = this.#options.random.next() < 0.1;
    this.#begin(name, (ctx) => (idle ? this.#acquire(ctx, name) : give ? lease.release(ctx) : this.#write(ctx, lease)));
  }

  #begin(name: string, action: (ctx: Context) => Promise<void>): void {
    const ctx = createContext({ clock: this.#clock, random: this.#options.random });
    this.#busy.add(name);
    action(ctx)
      .catch(() => {})
      .finally(() => {
        this.#busy.delete(name);
        ctx[Symbol.dispose]();
      });
  }

  async #acquire(ctx: Context, name: string): Promise<void> {
    const result = await this.#leases.acquire(ctx, name);
    if (result.kind === 'held') this.#held.set(name, result.lease);
  }

  async #write(ctx: Context, lease: Lease): Promise<void> {
    const database = this.#gated(this.#options.database);
    const { rows } = await database.query(ctx, 'select coalesce(max(seq), 0)::int as seq from effect where name = $1', [
      lease.name,
    ]);
    if (lease.remainingMs() === 0) return;
    await this.#clock.sleep(this.#options.random.next() * WORK_MS);
    await database.tx(ctx, async (tx) => {
      if (this.#options.guarded) await lease.guard(tx);
      await tx.query('insert into effect (name, token, process, read) values ($1, $2, $3, $4)', [
        lease.name,
        lease.token.toString(),
        this.name,
        rows[0]?.['seq'],
      ]);
    });
  }

  async #running(): Promise<void> {
    while (this.#stopped !== undefined) await this.#stopped.promise;
  }

  #gated(database: Database): Database {
    return {
      ...database,
      name: database.name,
      tx: async (ctx, work, options) => {
        await this.#running();
        const value = await database.tx(ctx, work, options);
        await this.#running();
        return value;
      },
      query: async (ctx, text, params) => {
        await this.#running();
        try {
          return await database.query(ctx, text, params);
        } finally {
          await this.#running();
        }
      },
    };
  }

  #ownClock(owned: OwnedClock): Clock {
    const clock: Clock = {
      now: () => owned.now() + this.#wallOffsetMs,
      monotonic: () => owned.monotonic(),
      sleep: (delayMs, signal) =>
        new Promise((resolve, reject) => {
          clock.setTimer(delayMs, resolve);
          signal?.addEventListener('abort', () => reject(signal.reason));
        }),
      setTimer: (delayMs, fn) => {
        let cancelled = false;
        const run = (): void => {
          if (!cancelled) fn();
        };
        const timer = owned.setTimer(delayMs, () => (this.paused ? this.#due.push(run) : run()));
        return {
          cancel: () => {
            cancelled = true;
            timer.cancel();
          },
        };
      },
    };
    return clock;
  }
}
