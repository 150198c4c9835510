import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { AdaptiveSpec } from './adaptive-options.ts';
import { policy } from './policy.ts';

const WORKERS = 16;
const WORK_MS = 10;
const CLIENTS = 100;

/**
 * A hundred clients that always want more from a server that does sixteen things at a time and queues the rest. What the
 * limit was after each second, and how many calls the server did in it.
 */
async function overload(adaptive: AdaptiveSpec, seconds: number, limit = 20) {
  const clock = virtualClock();
  const random = seededRandom('adaptive');
  const guarded = policy(
    'server',
    { concurrency: { limit, adaptive, queue: CLIENTS, wait: '10s' } },
    { clock, random },
  );
  const queue: (() => void)[] = [];
  let busy = 0;
  let done = 0;
  const serve = async () => {
    if (busy >= WORKERS) await new Promise<void>((resolve) => queue.push(resolve));
    else busy += 1;
    await clock.sleep(WORK_MS);
    done += 1;
    const next = queue.shift();
    if (next === undefined) busy -= 1;
    else next();
  };
  const client = async () => {
    while (clock.monotonic() < seconds * 1_000) {
      using ctx = createContext({ clock, random });
      await guarded.attempt(ctx, serve);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  const perSecond: { readonly limit: number; readonly done: number }[] = [];
  for (let second = 0; second < seconds; second++) {
    const before = done;
    await clock.advance(1_000);
    perSecond.push({ limit: guarded.inspect().concurrency?.limit.current ?? 0, done: done - before });
  }
  await clock.advance(1_000);
  await Promise.all(clients);
  expect(clock.pending).toBe(0);
  return perSecond;
}

test.each<[AdaptiveSpec, number]>([
  [{ algorithm: 'gradient2' }, 50],
  [{ algorithm: 'aimd', timeout: '30ms' }, 60],
  [{ algorithm: 'vegas' }, 30],
])('%j finds a limit that uses the server whole and keeps most of the clients out of it', async (adaptive, most) => {
  for (const { limit, done } of (await overload(adaptive, 20)).slice(2)) {
    expect(done).toBe((WORKERS * 1_000) / WORK_MS);
    expect(limit).toBeGreaterThanOrEqual(WORKERS);
    expect(limit).toBeLessThan(most);
  }
});

test.each<[AdaptiveSpec]>([
  [{ algorithm: 'gradient2' }],
  [{ algorithm: 'aimd', timeout: '30ms' }],
  [{ algorithm: 'vegas' }],
])('from far below %j gets there, too', async (adaptive) => {
  const perSecond = await overload({ ...adaptive, min: 1 }, 5, 2);
  expect(perSecond[0]?.done).toBeLessThan((WORKERS * 1_000) / WORK_MS);
  expect(perSecond.at(-1)?.done).toBe((WORKERS * 1_000) / WORK_MS);
});
