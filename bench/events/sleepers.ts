// What workflows cost in memory that do nothing for days.

import { heldMiB } from './heap.ts';
import { orderOf, type Order } from './runs.ts';

/** Before anything is weighed, so that what is made once is there. */
const WARM_UP = 500;
const SLEEPERS = 10_000;
const AT_ONCE = 64;

/** MiB that 10 000 sleeping workflows hold. `start` begins one; `settled` resolves when all of them sleep. */
export async function sleepingMiB(
  start: (id: string, order: Order) => Promise<unknown>,
  settled: () => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const upTo = async (last: number) => {
    const work = async () => {
      while (next < last) {
        const index = (next += 1);
        await start(`sleeper-${process.pid}-${index}`, orderOf(index));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  await upTo(WARM_UP);
  const before = heldMiB();
  await upTo(WARM_UP + SLEEPERS);
  await settled();
  return heldMiB() - before;
}
