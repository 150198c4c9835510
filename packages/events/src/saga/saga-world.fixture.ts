import { createContext, realClock, realRandom, type Clock, type Context, type ScopedContext } from '@fairlead/core';
import { leases, type Database, type Leases } from '@fairlead/store';
import { sagas } from './running-sagas.ts';
import type { SagaSet } from './saga-types.ts';
import type { RunningSagas, SagasOptions } from './sagas-types.ts';

export const clock: Clock = realClock();
export const random = realRandom();

/** A process that runs sagas, in a test. */
export interface SagaProcess<S extends SagaSet> extends AsyncDisposable {
  readonly sagas: RunningSagas<S>;
  readonly leases: Leases;
}

/** A Context that ends before its test does. */
export function context(tenant?: string): ScopedContext {
  return createContext({ clock, random, tenant, timeoutMs: 20_000 });
}

/** A process with short times. */
export function sagaProcess<S extends SagaSet, Kit = unknown>(
  database: Database,
  set: S,
  { ttlMs = 500, ...options }: Partial<SagasOptions<S, Kit>> & { readonly ttlMs?: number } = {},
): SagaProcess<S> {
  const world = { clock: options.clock ?? clock, random: options.random ?? random };
  const mine = leases({ database, holder: 'orders', ttlMs, ...world });
  const running = sagas<S, Kit>({
    database,
    leases: mine,
    sagas: set,
    lingerMs: 50,
    watchMs: 50,
    foreignWaitMs: 300,
    ...world,
    ...options,
  });
  return {
    sagas: running,
    leases: mine,
    async [Symbol.asyncDispose]() {
      await running.close({ graceMs: 2_000 });
      await mine.close({ graceMs: 1_000 });
    },
  };
}

/** Waits until something is so. */
export async function until<T>(ctx: Context, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await ctx.clock.sleep(5, ctx.signal);
  }
}
