// What every engine of the comparison runs: workflows of three steps that do nothing but answer.

import { perSecond } from '../store/jobs.ts';

/** Runs before the first that is counted. */
const WARM_UP = 200;
/** Runs one after the other. */
const ALONE = 300;
/** Runs when there are many at once. */
const TOGETHER = 3_000;
/** How many are under way then. */
const AT_ONCE = 64;

/** What a workflow is given. */
export interface Order {
  readonly orderId: string;
  readonly amountCents: number;
}

/** The order of run `index`. */
export function orderOf(index: number): Order {
  return { orderId: `order-${index}`, amountCents: 100 + (index % 900) };
}

/** The three steps, by their names. */
export const STEPS = {
  reserve: ({ orderId }: Order) => ({ reservation: `r-${orderId}` }),
  charge: ({ orderId, amountCents }: Order) => ({ charge: `c-${orderId}`, amountCents }),
  confirm: ({ orderId }: Order) => ({ confirmed: orderId }),
} as const;

/**
 * Times runs from their start to their result: one at a time, then 64 at once. `run` starts the workflow of `order` under
 * `id` and resolves with its result.
 */
export async function measureRuns(
  run: (id: string, order: Order) => Promise<unknown>,
): Promise<Record<'p50-ms' | 'p90-ms' | 'runs', number>> {
  let next = 0;
  const one = async () => {
    const index = (next += 1);
    // As it comes back: all of them keep results as JSON.
    const result = JSON.stringify(await run(`run-${process.pid}-${index}`, orderOf(index)));
    if (result !== JSON.stringify(STEPS.confirm(orderOf(index)))) throw new Error(`run ${index} ended with ${result}`);
  };
  const several = async (count: number) => {
    const last = next + count;
    const work = async () => {
      while (next < last) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };

  await several(WARM_UP);
  const times: number[] = [];
  for (let count = 0; count < ALONE; count += 1) {
    const startedAt = performance.now();
    await one();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(ALONE * share)] ?? Number.NaN;
  const startedAt = performance.now();
  await several(TOGETHER);
  return { 'p50-ms': at(0.5), 'p90-ms': at(0.9), runs: perSecond(TOGETHER, startedAt) };
}
