// Tenants that share slots, on virtual time: what a busy one does to the others. Everything is seeded, so a run gives the
// same figures on every machine.

import { seededRandom, virtualClock, type SeededRandom, type VirtualClock } from '@fairlead/core';

export const SLOTS = 32;
/** Calls that may wait in one queue: the only one of a FIFO, one of each tenant elsewhere. */
export const QUEUE = 256;
const VICTIMS = 9;
/** The mean of an exponential distribution. */
const VICTIM_COST_MS = 10;
/** Of the capacity, all victims together. */
const VICTIM_LOAD = 0.4;
const AGGRESSOR_LOAD = 3;
const SEED = 'fairness';

/** Who decides which tenant's call gets a slot. */
export interface Scheduler {
  /** Does work of so long for a tenant; false when it was turned away. */
  serve(tenant: string, costMs: number): Promise<boolean>;
}

/** Makes a scheduler of `SLOTS` slots on a clock. */
export type SchedulerMaker = (clock: VirtualClock, weights: Readonly<Record<string, number>>) => Scheduler;

/** What the aggressor's calls take; means of exponential distributions, but for the 2 s. */
const COSTS = {
  '10ms': { meanMs: 10, draw: (random: SeededRandom) => exponential(random, 10) },
  '200ms': { meanMs: 200, draw: (random: SeededRandom) => exponential(random, 200) },
  /** One in twenty takes 2 s. */
  tail: {
    meanMs: 0.95 * 10 + 0.05 * 2_000,
    draw: (random: SeededRandom) => (random.next() < 0.05 ? 2_000 : exponential(random, 10)),
  },
} as const;

/** A name of what the aggressor's calls take. */
export type Cost = keyof typeof COSTS;

/** What became of the victims. */
export interface VictimReport {
  /** The 99th percentile of how long their calls took, by that of the same calls without the aggressor. */
  readonly p99Ratio: number;
  readonly rejected: number;
  /** The share of the slots' time that was worked. */
  readonly utilisation: number;
}

/** Nine tenants with 40 % load, and one that wants three times what there is. */
export async function measureVictims(make: SchedulerMaker, cost: Cost, durationMs: number): Promise<VictimReport> {
  const alone = await run(make, undefined, durationMs);
  const together = await run(make, cost, durationMs);
  return {
    p99Ratio: percentile(together.tookMs, 0.99) / percentile(alone.tookMs, 0.99),
    rejected: together.rejected,
    utilisation: together.workedMs / (SLOTS * durationMs),
  };
}

interface RunReport {
  readonly tookMs: readonly number[];
  readonly rejected: number;
  readonly workedMs: number;
}

async function run(make: SchedulerMaker, cost: Cost | undefined, durationMs: number): Promise<RunReport> {
  const clock = virtualClock();
  const scheduler = make(clock, {});
  const tookMs: number[] = [];
  let rejected = 0;
  let workedMs = 0;
  const call = async (tenant: string, costMs: number): Promise<boolean> => {
    const served = await scheduler.serve(tenant, costMs);
    // What ends later was worked in part, and isn't counted: a little more was worked than is reported.
    if (served && clock.monotonic() <= durationMs) workedMs += costMs;
    return served;
  };
  const victim = async (tenant: string, costMs: number): Promise<void> => {
    const beganMs = clock.monotonic();
    if (await call(tenant, costMs)) tookMs.push(clock.monotonic() - beganMs);
    else rejected += 1;
  };
  for (let index = 0; index < VICTIMS; index++) {
    const tenant = `victim-${index}`;
    const everyMs = (VICTIMS * VICTIM_COST_MS) / (VICTIM_LOAD * SLOTS);
    const random = seededRandom(SEED).fork(tenant);
    poisson(clock, random, everyMs, durationMs, () => void victim(tenant, exponential(random, VICTIM_COST_MS)));
  }
  if (cost !== undefined) {
    const { meanMs, draw } = COSTS[cost];
    const random = seededRandom(SEED).fork('aggressor');
    const everyMs = meanMs / (AGGRESSOR_LOAD * SLOTS);
    poisson(clock, random, everyMs, durationMs, () => void call('aggressor', draw(random)));
  }
  await play(clock);
  return { tookMs, rejected, workedMs };
}

/** Tenants that always want more, with costs from 5 to 320 ms and weights from 1 to 4. */
const BACKLOGGED = Array.from({ length: 10 }, (_, index) => ({
  tenant: `tenant-${index}`,
  costMs: [5, 10, 20, 40, 80, 160, 320, 10, 20, 40][index] ?? 0,
  weight: [1, 1, 2, 4, 1, 1, 1, 2, 4, 2][index] ?? 1,
}));

/**
 * Jain's index over the slots' time that each got, by its weight: 1 when all shares are as they should be, 1/10 when one
 * has all (Jain, Chiu and Hawe, 1984).
 */
export async function measureJain(make: SchedulerMaker, durationMs: number): Promise<number> {
  const clock = virtualClock();
  const weights = Object.fromEntries(BACKLOGGED.map(({ tenant, weight }) => [tenant, weight]));
  const scheduler = make(clock, weights);
  const shares = BACKLOGGED.map(() => 0);
  BACKLOGGED.forEach(({ tenant, costMs, weight }, index) => {
    const again = async (): Promise<void> => {
      while (clock.monotonic() < durationMs) {
        if (await scheduler.serve(tenant, costMs)) shares[index] = (shares[index] ?? 0) + costMs / weight;
        else await clock.sleep(1);
      }
    };
    // As many callers as slots: each could use everything alone.
    for (let caller = 0; caller < SLOTS; caller++) void again();
  });
  await play(clock);
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return sum ** 2 / (shares.length * squares);
}

function exponential(random: SeededRandom, mean: number): number {
  return -Math.log(1 - random.next()) * mean;
}

/** Begins something again and again, at intervals with an exponential distribution. */
function poisson(clock: VirtualClock, random: SeededRandom, everyMs: number, untilMs: number, begin: () => void): void {
  const next = (): void => {
    const delayMs = exponential(random, everyMs);
    if (clock.monotonic() + delayMs > untilMs) return;
    clock.setTimer(delayMs, () => {
      begin();
      next();
    });
  };
  next();
}

/** Runs the clock until nothing is left, letting promises settle between timers. */
async function play(clock: VirtualClock): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (clock.runNext());
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
