// The same with opossum: a breaker that has timeout and capacity in it, and a loop of our own for retries.

import CircuitBreaker from 'opossum';
import { bareIoWork, bareWork, bytesOf, nanosecondsOf } from '../policy/asynchronous.ts';

const OPTIONS = { errorThresholdPercentage: 50, resetTimeout: 5_000, volumeThreshold: 20, rollingCountTimeout: 10_000 };
const guarded = new CircuitBreaker((work) => work(), { ...OPTIONS, timeout: 1_000, capacity: 20 });
const stack = async (work) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await guarded.fire(work);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
};
const breaker = new CircuitBreaker(bareWork, { ...OPTIONS, timeout: false });
const open = new CircuitBreaker(bareWork, { ...OPTIONS, timeout: false });
open.open();
const rejected = (error) => {
  if (error.code !== 'EOPENBREAKER') throw error;
};

const ns = await nanosecondsOf({
  bare: bareWork,
  stack: () => stack(bareWork),
  breaker: () => breaker.fire(),
  reject: () => open.fire().catch(rejected),
});
const io = await nanosecondsOf({ bare: bareIoWork, stack: () => stack(bareIoWork) }, 2_000);
console.log(
  JSON.stringify({
    stack: ns.stack / ns.bare,
    'stack-ns': ns.stack,
    'stack-bytes': await bytesOf(() => stack(bareWork)),
    'stack-io': io.stack / io.bare,
    breaker: ns.breaker / ns.bare,
    'breaker-ns': ns.breaker,
    'reject-ns': ns.reject,
  }),
);
// Its rolling windows have intervals.
for (const each of [guarded, breaker, open]) each.shutdown();
