// What a policy costs around work that is nothing, and how it shares its slots.

import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { policy, STANDARD } from '@fairlead/policy';
import { fairnessRows } from '../load/fairness-rows.ts';
import { fairlead } from '../load/schedulers.ts';
import { bareIoWork, bareWork, bytesOf, nanosecondsOf, signalWork } from '../policy/asynchronous.ts';
import { printMeasurement } from './measurement.ts';

const ports = { clock: realClock(), random: realRandom() };
const stack = policy('stack', STANDARD, ports);
const breaker = policy('breaker', { breaker: {} }, ports);
const open = policy('open', { ...STANDARD, breaker: { mode: 'open' } }, ports);
const ctx = createContext(ports);
using dated = createContext({ ...ports, timeoutMs: 3_600_000 });
const READ = { idempotent: true };
const readSignal = async (inner: Context): Promise<boolean> => inner.signal.aborted;

const ns = await nanosecondsOf({
  bare: bareWork,
  bareSignal: signalWork,
  stack: () => stack.run(ctx, bareWork, READ),
  deadline: () => stack.run(dated, bareWork, READ),
  signal: () => stack.run(ctx, readSignal, READ),
  breaker: () => breaker.run(ctx, bareWork),
  reject: () => open.attempt(ctx, bareWork),
});
const io = await nanosecondsOf({ bare: bareIoWork, stack: () => stack.run(ctx, bareIoWork, READ) }, 2_000);
const small = await millisecondsToAbort(10_000);
const large = await millisecondsToAbort(100_000);

printMeasurement({
  stack: ns.stack / ns.bare,
  'stack-ns': ns.stack,
  'stack-deadline-ns': ns.deadline,
  'stack-bytes': await bytesOf(() => stack.run(ctx, bareWork, READ)),
  'stack-signal': ns.signal / ns.bareSignal,
  'stack-io': io.stack / io.bare,
  breaker: ns.breaker / ns.bare,
  'breaker-ns': ns.breaker,
  'reject-ns': ns.reject,
  'abort-100k': large,
  'abort-100k-growth': large / 100_000 / (small / 10_000),
  ...(await fairnessRows(fairlead({}), fairlead({ cap: '50%' }))),
});

/** So many callers wait for one slot, each with a life of its own, and all give up. Fails when anything of them stays. */
async function millisecondsToAbort(waiters: number): Promise<number> {
  const crowded = policy('crowded', { concurrency: { limit: 1, queue: waiters, wait: '60s' } }, ports);
  let free: () => void = () => undefined;
  const holder = crowded.run(ctx, () => new Promise<void>((resolve) => (free = resolve)));
  const lives = Array.from({ length: waiters }, () => ctx.withCancel());
  const startedAt = performance.now();
  const waiting = lives.map((life) => crowded.attempt(life, bareWork));
  for (const life of lives) life.cancel();
  const decisions = await Promise.all(waiting);
  const elapsedMs = performance.now() - startedAt;
  const left = decisions.filter((each) => each.kind !== 'rejected' || each.rejection.cause !== 'cancelled').length;
  const { waiting: queued = 0 } = crowded.inspect().concurrency ?? {};
  if (left + queued > 0) throw new Error(`${left} callers were not told, ${queued} still wait`);
  free();
  await holder;
  return elapsedMs;
}
