import { createContext, seededRandom } from '@fairlead/core';
import { policy, type RatioText } from '@fairlead/policy';
import { QUEUE, SLOTS, type SchedulerMaker } from './fairness.ts';

/** Ours: a policy with a fair queue. */
export function fairlead(options: { readonly cap?: RatioText; readonly reserve?: RatioText }): SchedulerMaker {
  return (clock, weights) => {
    const random = seededRandom('fairlead');
    const fair = { ...options, weights, queueTotal: 20 * QUEUE };
    const guard = policy('fair', { concurrency: { limit: SLOTS, queue: QUEUE, wait: '1h', fair } }, { clock, random });
    return {
      async serve(tenant, costMs) {
        using ctx = createContext({ clock, random, tenant });
        const decision = await guard.attempt(ctx, () => clock.sleep(costMs));
        return decision.kind === 'ok';
      },
    };
  };
}

/** One queue, first come, first served. */
export const fifo: SchedulerMaker = (clock) => byQueue(clock, () => 'all');

/** A queue for each tenant, each served once a round. */
export const roundRobin: SchedulerMaker = (clock) => byQueue(clock, (tenant) => tenant);

/** Queues that are served in turn; a queue that is empty loses its turn. */
function byQueue(
  clock: Parameters<SchedulerMaker>[0],
  queueOf: (tenant: string) => string,
): ReturnType<SchedulerMaker> {
  const queues = new Map<string, (() => void)[]>();
  let free = SLOTS;
  const next = (): void => {
    for (const [name, queue] of queues) {
      queues.delete(name);
      const begin = queue.shift();
      if (begin === undefined) continue;
      queues.set(name, queue);
      free -= 1;
      begin();
      return;
    }
  };
  return {
    async serve(tenant, costMs) {
      const name = queueOf(tenant);
      const queue = queues.get(name) ?? [];
      if (free > 0) free -= 1;
      else if (queue.length >= QUEUE) return false;
      else {
        await new Promise<void>((resolve) => {
          queues.set(name, queue);
          queue.push(resolve);
        });
      }
      await clock.sleep(costMs);
      free += 1;
      next();
      return true;
    },
  };
}
