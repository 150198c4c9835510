const WARM_UP_MS = 2_500;
const MEASURE_MS = 3_500;

/** Microseconds that one of many calls takes, the others being faster. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
}

/** Makes one call after the other, first unmeasured until the compiler has had its turn. */
export async function latenciesOf(call: () => Promise<unknown>): Promise<Latencies> {
  await repeat(WARM_UP_MS, call);
  const taken = (await repeat(MEASURE_MS, call)).toSorted((a, b) => a - b);
  const at = (share: number) => taken[Math.floor(taken.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

async function repeat(durationMs: number, call: () => Promise<unknown>): Promise<number[]> {
  const takenUs: number[] = [];
  const endsAtMs = performance.now() + durationMs;
  for (let startMs = performance.now(); startMs < endsAtMs;) {
    await call();
    const endMs = performance.now();
    takenUs.push((endMs - startMs) * 1000);
    startMs = endMs;
  }
  return takenUs;
}
