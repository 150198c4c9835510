// The same with cockatiel: retry, breaker, bulkhead and timeout, each a wrapper of its own.

import {
  BrokenCircuitError,
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  SamplingBreaker,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { bareIoWork, bareWork, bytesOf, nanosecondsOf, signalWork } from '../policy/asynchronous.ts';

const sampling = () =>
  circuitBreaker(handleAll, {
    halfOpenAfter: 5_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  });
const stack = wrap(
  retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 }) }),
  sampling(),
  bulkhead(20, 20),
  timeout(1_000, TimeoutStrategy.Cooperative),
);
const breaker = sampling();
const open = circuitBreaker(handleAll, { halfOpenAfter: 1e9, breaker: new ConsecutiveBreaker(1) });
await open.execute(() => Promise.reject(new Error('down'))).catch(() => {});
const rejected = (error) => {
  if (!(error instanceof BrokenCircuitError)) throw error;
};

const ns = await nanosecondsOf({
  bare: bareWork,
  bareSignal: signalWork,
  stack: () => stack.execute(bareWork),
  signal: () => stack.execute(async ({ signal }) => signal.aborted),
  breaker: () => breaker.execute(bareWork),
  reject: () => open.execute(bareWork).catch(rejected),
});
const io = await nanosecondsOf({ bare: bareIoWork, stack: () => stack.execute(bareIoWork) }, 2_000);
console.log(
  JSON.stringify({
    stack: ns.stack / ns.bare,
    'stack-ns': ns.stack,
    'stack-bytes': await bytesOf(() => stack.execute(bareWork)),
    'stack-signal': ns.signal / ns.bareSignal,
    'stack-io': io.stack / io.bare,
    breaker: ns.breaker / ns.bare,
    'breaker-ns': ns.breaker,
    'reject-ns': ns.reject,
  }),
);
