// The same with mollitia: a circuit of modules.

import { BreakerState, Bulkhead, Circuit, Retry, SlidingCountBreaker, Timeout } from 'mollitia';
import { bareIoWork, bareWork, bytesOf, nanosecondsOf } from '../policy/asynchronous.ts';

const breakerOf = (more = {}) => new SlidingCountBreaker({ slidingWindowSize: 100, minimumNumberOfCalls: 20, ...more });
const circuitOf = (func, modules) => new Circuit({ func, options: { modules } });
const modules = () => [
  new Retry({ attempts: 2 }),
  breakerOf(),
  new Bulkhead({ concurrentSize: 20, queueSize: 20 }),
  new Timeout({ delay: 1_000 }),
];
const stack = circuitOf(bareWork, modules());
const slow = circuitOf(bareIoWork, modules());
const breaker = circuitOf(bareWork, [breakerOf()]);
const open = circuitOf(bareWork, [breakerOf({ state: BreakerState.OPENED, openStateDelay: 1e9 })]);

const ns = await nanosecondsOf(
  {
    bare: bareWork,
    stack: () => stack.execute(),
    breaker: () => breaker.execute(),
    reject: () => open.execute().catch(() => {}),
  },
  10_000,
);
const io = await nanosecondsOf({ bare: bareIoWork, stack: () => slow.execute() }, 2_000);
console.log(
  JSON.stringify({
    stack: ns.stack / ns.bare,
    'stack-ns': ns.stack,
    'stack-bytes': await bytesOf(() => stack.execute()),
    'stack-io': io.stack / io.bare,
    breaker: ns.breaker / ns.bare,
    'breaker-ns': ns.breaker,
    'reject-ns': ns.reject,
  }),
);
// Its timers would keep the process.
process.exit(0);
