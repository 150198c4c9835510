// How fast a subscription reads what is there, and how soon it has what is being written.

import { realClock, realRandom, type Context } from '@fairlead/core';
import { append, subscribe, type Database, type NewEvent, type SubscribeOptions } from '@fairlead/store';

const EVENTS = 200_000;
const AT_ONCE = 1_000;
const KEYS = 500;
const PER_SECOND = 1_000;
const WARM_UP_MS = 2_000;
const WRITING_MS = 8_000;

/** Events a second from the first to the last of a log, cursors included. */
export async function reading(database: Database, ctx: Context): Promise<number> {
  for (let from = 0; from < EVENTS; from += AT_ONCE) {
    const events = Array.from({ length: AT_ONCE }, (_, index) => placed(from + index));
    await database.tx(ctx, (tx) => append(tx, `orders-${from}`, 'any', events));
  }
  const all = Promise.withResolvers<void>();
  let seen = 0;
  const startedAt = performance.now();
  await using _ = subscribe({
    ...common(database),
    name: 'reading',
    batchSize: AT_ONCE,
    async handler(_tx, events) {
      seen += events.length;
      if (seen >= EVENTS) all.resolve();
    },
  });
  await all.promise;
  return (EVENTS * 1_000) / (performance.now() - startedAt);
}

/** Milliseconds from before an event is appended until its handler has it, at a thousand a second; at the median and at p99. */
export async function delay(writer: Database, reader: Database, ctx: Context): Promise<{ p50: number; p99: number }> {
  const sentAt = new Map<string, number>();
  const delays: number[] = [];
  let startedAt = performance.now();
  await using _ = subscribe({
    ...common(reader),
    name: 'delay',
    from: 'end',
    async handler(_tx, events) {
      const now = performance.now();
      for (const { stream } of events) {
        const sent = sentAt.get(stream);
        sentAt.delete(stream);
        if (sent !== undefined && sent > startedAt + WARM_UP_MS) delays.push(now - sent);
      }
    },
  });
  // It has to know the end before that moves.
  await realClock().sleep(1_000);
  startedAt = performance.now();
  const writes: Promise<unknown>[] = [];
  for (let index = 0; performance.now() - startedAt < WARM_UP_MS + WRITING_MS;) {
    const due = Math.floor(((performance.now() - startedAt) * PER_SECOND) / 1_000);
    for (; index < due; index += 1) {
      const stream = `delayed-${index}`;
      sentAt.set(stream, performance.now());
      const event = placed(index);
      writes.push(
        writer.tx(ctx, async (tx) => {
          await append(tx, stream, 'none', [event]);
        }),
      );
    }
    await realClock().sleep(1);
  }
  await Promise.all(writes);
  await realClock().sleep(1_000);
  if (sentAt.size > 0) throw new Error(`${sentAt.size} events did not come`);
  delays.sort((a, b) => a - b);
  return { p50: delays[Math.floor(delays.length * 0.5)] ?? NaN, p99: delays[Math.floor(delays.length * 0.99)] ?? NaN };
}

function common(database: Database): Pick<SubscribeOptions, 'database' | 'clock' | 'random'> {
  return { database, clock: realClock(), random: realRandom() };
}

function placed(index: number): NewEvent {
  const key = `order-${index % KEYS}`;
  return {
    type: 'order.placed',
    key,
    data: { orderId: key, items: [{ sku: 'lamp', quantity: 2 }], totalCents: 5_800 },
  };
}
