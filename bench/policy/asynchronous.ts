// How long an asynchronous call takes, and what it leaves to the garbage collector. Calls follow each other at once, so
// what is measured is the way around the work, and the work is nothing.

const WARM_UP_CALLS = 50_000;
const CALLS = 40_000;
const ROUNDS = 15;
/** Collecting code and its feedback slows the first calls, and makes them leave more behind. */
const BYTES_WARM_UP_CALLS = 300_000;
const BYTES_CALLS = 200;
const BYTES_ROUNDS = 51;

/** The work that is guarded: the least that an asynchronous function can be. */
export async function bareWork(): Promise<number> {
  return 1;
}

/** The same with what every HTTP call makes: a signal by which it can be ended. */
export async function signalWork(): Promise<boolean> {
  return new AbortController().signal.aborted;
}

/** Work that waits for the event loop to turn, as everything does that isn't over at once. */
export async function bareIoWork(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  return 1;
}

/**
 * Nanoseconds of one call of each, by name. They take turns, so that what else the machine does meets all of them, and
 * the best turn of each counts.
 */
export async function nanosecondsOf<Name extends string>(
  calls: Readonly<Record<Name, () => Promise<unknown>>>,
  perTurn = CALLS,
): Promise<Record<Name, number>> {
  // Object.entries forgets the names' type.
  const entries = Object.entries(calls) as [Name, () => Promise<unknown>][];
  const best = new Map<Name, number>();
  for (const [, call] of entries) await repeat(Math.min(WARM_UP_CALLS, 5 * perTurn), call);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of entries) {
      const elapsed = (await repeat(perTurn, call)) / perTurn;
      best.set(name, Math.min(best.get(name) ?? Infinity, elapsed * 1e6));
    }
  }
  // One for each name.
  return Object.fromEntries(best) as Record<Name, number>;
}

/**
 * Bytes of heap that one call takes, once the compiler has had its turn: the median of short windows, of which those in
 * which something was collected don't count.
 */
export async function bytesOf(call: () => Promise<unknown>): Promise<number> {
  await repeat(BYTES_WARM_UP_CALLS, call);
  const windows: number[] = [];
  for (let round = 0; round < BYTES_ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed;
    await repeat(BYTES_CALLS, call);
    const taken = process.memoryUsage().heapUsed - before;
    if (taken > 0) windows.push(taken / BYTES_CALLS);
  }
  windows.sort((a, b) => a - b);
  return windows[Math.floor(windows.length / 2)] ?? 0;
}

async function repeat(times: number, call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < times; count++) await call();
  return performance.now() - startedAt;
}
