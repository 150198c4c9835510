const BATCH = 2_000;
const WARM_UP_MS = 150;
const MEASURE_MS = 350;

/** Where results go, so that nothing that is measured can be left out as unused. */
let sink: unknown;

/** Nanoseconds that one call takes, once the compiler has had its turn. `call` returns something, anything. */
export function nanosecondsPerCall(call: () => unknown): number {
  runFor(WARM_UP_MS, call);
  const { calls, elapsedMs } = runFor(MEASURE_MS, call);
  if (sink === undefined) throw new Error('what is measured must return something');
  return (elapsedMs * 1e6) / calls;
}

function runFor(durationMs: number, call: () => unknown): { calls: number; elapsedMs: number } {
  const startedAt = performance.now();
  let calls = 0;
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    for (let index = 0; index < BATCH; index += 1) sink = call();
    calls += BATCH;
    elapsedMs = performance.now() - startedAt;
  }
  return { calls, elapsedMs };
}
