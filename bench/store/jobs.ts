// What every queue of the comparison is given to do.

/** Jobs that are fetched and completed before it counts: until what runs often is compiled and planned. */
export const WARM_UP = 20_000;
/** Jobs that are fetched and completed then. */
export const JOBS = 40_000;
/** Jobs taken at once. */
export const BATCH = 100;
/** How long single jobs are enqueued, in milliseconds. */
export const ENQUEUE_MS = 3_000;

/** A job's payload. */
export function payloadOf(index: number): { readonly orderId: string; readonly amountCents: number } {
  return { orderId: `order-${index}`, amountCents: 100 + (index % 900) };
}

/** Done a second: `count` of them since `startedAt`. */
export function perSecond(count: number, startedAt: number): number {
  return (count * 1_000) / (performance.now() - startedAt);
}

/** Enqueues one after the other for a while; answers how many a second. */
export async function enqueueRate(enqueue: (index: number) => Promise<unknown>): Promise<number> {
  for (let index = 0; index < 200; index += 1) await enqueue(index);
  const startedAt = performance.now();
  let count = 0;
  while (performance.now() - startedAt < ENQUEUE_MS) await enqueue((count += 1));
  return perSecond(count, startedAt);
}
