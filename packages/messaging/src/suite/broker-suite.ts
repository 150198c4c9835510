import { deepStrictEqual as equal } from 'node:assert/strict';
import { createContext, isError, realClock, realRandom } from '@fairlead/core';

import type { Broker, PublishedEvent } from '../broker.ts';

/**
 * A broker as three services see it: `orders` publishes, `stock` uses `orders`, `mail` uses nothing. Fresh for each test;
 * what it hands out is closed with it.
 */
export interface BrokerFixture extends AsyncDisposable {
  /** Opens the broker once more with the credentials of a service. */
  as(service: 'orders' | 'stock' | 'mail'): Broker;
}

/** One thing that every broker must do. */
export interface BrokerCase {
  /** A sentence. */
  readonly title: string;
  /** Rejects when the broker doesn't. */
  run(): Promise<void>;
}

/**
 * What every broker adapter must do, for any test runner:
 * `for (const { title, run } of brokerSuite(create)) test(title, run)`.
 */
export function brokerSuite(create: () => Promise<BrokerFixture>): readonly BrokerCase[] {
  const cases: BrokerCase[] = [];
  const must = (title: string, run: () => Promise<void>): void => void cases.push({ title, run });
  must('a source that nothing was published of is at 0 and reads as empty', async () => {
    await using fixture = await create();
    using ctx = root();
    equal(await fixture.as('orders').published(ctx, 'orders'), 0n);
    equal(await fixture.as('stock').read(ctx, 'orders', { after: 0n, limit: 10 }), []);
  });

  must('what is read is what was published, in the order of positions, gaps included', async () => {
    await using fixture = await create();
    using ctx = root();
    const events = [event(1), event(2, { data: null, causationId: 'c', subject: undefined }), event(5)];
    await fixture.as('orders').publish(ctx, 'orders', events);
    equal(await fixture.as('stock').read(ctx, 'orders', { after: 0n, limit: 10 }), events);
    equal(await fixture.as('orders').published(ctx, 'orders'), 5n);
  });

  must('reading goes on after a position and stops at the limit', async () => {
    await using fixture = await create();
    using ctx = root();
    await fixture.as('orders').publish(ctx, 'orders', [event(1), event(2), event(3), event(4)]);
    const stock = fixture.as('stock');
    equal(positions(await stock.read(ctx, 'orders', { after: 1n, limit: 2 })), [2, 3]);
    equal(positions(await stock.read(ctx, 'orders', { after: 3n, limit: 2 })), [4]);
    equal(await stock.read(ctx, 'orders', { after: 4n, limit: 2 }), []);
  });

  must(
    'publishing again what is there changes nothing, and only the rest of an overlapping batch is added',
    async () => {
      await using fixture = await create();
      using ctx = root();
      const orders = fixture.as('orders');
      await orders.publish(ctx, 'orders', [event(1), event(2)]);
      await orders.publish(ctx, 'orders', [event(1), event(2)]);
      await orders.publish(ctx, 'orders', []);
      await orders.publish(ctx, 'orders', [event(2, { id: 'another' }), event(3)]);
      const read = await fixture.as('stock').read(ctx, 'orders', { after: 0n, limit: 10 });
      equal(
        read.map(({ id }) => id),
        ['e1', 'e2', 'e3'],
      );
    },
  );

  must('events out of order, or of another source, are refused and nothing of them is stored', async () => {
    await using fixture = await create();
    using ctx = root();
    const orders = fixture.as('orders');
    equal(await codeOf(orders.publish(ctx, 'orders', [event(2), event(1)])), 'UNORDERED_EVENTS');
    equal(await codeOf(orders.publish(ctx, 'orders', [event(1, { source: 'mail' })])), 'UNORDERED_EVENTS');
    equal(await orders.published(ctx, 'orders'), 0n);
  });

  must('two relays that copy the same log at the same time neither double nor reorder', async () => {
    await using fixture = await create();
    using ctx = root();
    const relays = [fixture.as('orders'), fixture.as('orders')];
    const log = Array.from({ length: 60 }, (_, index) => event(index + 1));
    await Promise.all(
      relays.map(async (relay, index) => {
        for (let from = 0; from < log.length; from += 7 + index) {
          await relay.publish(ctx, 'orders', log.slice(Math.max(0, from - 3), from + 7 + index));
        }
      }),
    );
    const read = await fixture.as('stock').read(ctx, 'orders', { after: 0n, limit: 100 });
    equal(
      positions(read),
      log.map(({ position }) => Number(position)),
    );
  });

  must('only the owner of a source writes it', async () => {
    await using fixture = await create();
    using ctx = root();
    const mail = fixture.as('mail');
    equal(await codeOf(mail.publish(ctx, 'orders', [event(1)])), 'FORBIDDEN_SOURCE');
    equal(await codeOf(mail.published(ctx, 'orders')), 'FORBIDDEN_SOURCE');
    equal(await codeOf(fixture.as('stock').publish(ctx, 'orders', [event(1)])), 'FORBIDDEN_SOURCE');
    equal(await fixture.as('stock').read(ctx, 'orders', { after: 0n, limit: 10 }), []);
  });

  must('only a service that uses a source reads it', async () => {
    await using fixture = await create();
    using ctx = root();
    await fixture.as('orders').publish(ctx, 'orders', [event(1)]);
    equal(await codeOf(fixture.as('mail').read(ctx, 'orders', { after: 0n, limit: 10 })), 'FORBIDDEN_SOURCE');
    equal(await codeOf(fixture.as('stock').read(ctx, 'nowhere', { after: 0n, limit: 1 })), 'FORBIDDEN_SOURCE');
  });

  must('a watcher is told of news of its source, until it is closed', async () => {
    await using fixture = await create();
    using ctx = root();
    const stock = fixture.as('stock');
    let told = Promise.withResolvers<void>();
    let calls = 0;
    const watching = await stock.watch('orders', () => {
      calls += 1;
      told.resolve();
    });
    told = Promise.withResolvers<void>();
    await fixture.as('orders').publish(ctx, 'orders', [event(1)]);
    await told.promise;
    await watching.close();
    await watching.close();
    const before = calls;
    told = Promise.withResolvers<void>();
    await using _other = await stock.watch('orders', () => told.resolve());
    told = Promise.withResolvers<void>();
    await fixture.as('orders').publish(ctx, 'orders', [event(1), event(2)]);
    await told.promise;
    equal(calls, before);
  });

  must('nothing is done for a Context that has ended', async () => {
    await using fixture = await create();
    using ctx = root();
    using ended = ctx.withCancel();
    ended.cancel();
    const orders = fixture.as('orders');
    equal(await codeOf(orders.publish(ended, 'orders', [event(1)])), 'CANCELLED');
    equal(await codeOf(fixture.as('stock').read(ended, 'orders', { after: 0n, limit: 1 })), 'CANCELLED');
    equal(await orders.published(ctx, 'orders'), 0n);
  });

  must('close may be called twice', async () => {
    await using fixture = await create();
    const stock = fixture.as('stock');
    await stock.watch('orders', () => {});
    await stock.close();
    await stock.close();
  });
  return cases;
}

function root() {
  return createContext({ clock: realClock(), random: realRandom() });
}

function event(position: number, changes: Partial<PublishedEvent> = {}): PublishedEvent {
  return {
    source: 'orders',
    position: BigInt(position),
    stream: `order-${position % 3}`,
    version: position,
    id: `e${position}`,
    type: 'order.placed',
    schemaVersion: 2,
    key: `k${position % 3}`,
    data: { text: 'Größe "42" \\ \0', list: [1, 0.1, null, true], nested: { a: {} } },
    time: 1_700_000_000_123,
    tenant: 'acme',
    subject: 'ada',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    correlationId: 'r1',
    causationId: undefined,
    criticality: 'critical',
    ...changes,
  };
}

function positions(events: readonly PublishedEvent[]): readonly number[] {
  return events.map(({ position }) => Number(position));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    for (const code of ['FORBIDDEN_SOURCE', 'UNORDERED_EVENTS', 'CANCELLED']) if (isError(error, code)) return code;
    throw error;
  }
}
