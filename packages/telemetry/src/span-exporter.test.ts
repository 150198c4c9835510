import { FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { SpanExporter, type DropReason } from './span-exporter.ts';

function world(send: (json: string, signal: AbortSignal) => Promise<void>) {
  const clock = virtualClock();
  const dropped: [number, DropReason][] = [];
  const news: string[] = [];
  let exported = 0;
  const exporter = new SpanExporter<number>({
    clock,
    random: seededRandom('exporter'),
    format: { before: '', after: '', write: (to, item) => to.text(String(item)) },
    send: (json, signal) => send(Buffer.from(json).toString(), signal),
    onFailure: () => news.push('failing'),
    onRecovery: () => news.push('recovered'),
    onExported: (count) => (exported += count),
    onDropped: (count, reason) => dropped.push([count, reason]),
  });
  const record = (count: number) => {
    for (let i = 0; i < count; i++) exporter.record(i);
  };
  return { clock, exporter, record, dropped, news, exported: () => exported };
}

test('a span waits half a second for company; then no timer is left', async () => {
  const sent: string[] = [];
  const { clock, record } = world(async (json) => void sent.push(json));
  expect(clock.pending).toBe(0);
  record(2);
  await clock.advance(499);
  expect(sent).toEqual([]);
  await clock.advance(1);
  expect(sent).toEqual(['0,1']);
  expect(clock.pending).toBe(0);
});

test('a full batch goes at once, and what is left of it waits for company', async () => {
  const sent: number[] = [];
  const { clock, record } = world(async (json) => void sent.push(json.split(',').length));
  record(600);
  await clock.advance(0);
  expect(sent).toEqual([512]);
  // The rest waits as any span does: without that, a busy service made a request of every few.
  await clock.advance(500);
  expect(sent).toEqual([512, 88]);
  expect(clock.pending).toBe(0);
});

test.each([0, 1, 2, 3, 4, 5, 6])(
  'a span that ends %i microtasks after a delivery is delivered too',
  async (microtasks) => {
    const delivery = Promise.withResolvers<void>();
    const { clock, record, exported } = world(() => delivery.promise);
    record(1);
    await clock.advance(500);
    delivery.resolve();
    for (let i = 0; i < microtasks; i++) await Promise.resolve();
    record(1);
    await clock.runAll();
    expect(exported()).toBe(2);
  },
);

test('a failed delivery is repeated until it succeeds, and that is told once each way', async () => {
  let failures = 3;
  const { clock, record, exported, news, dropped } = world(async () => {
    if (failures-- > 0) throw new Error('ECONNREFUSED');
  });
  record(1);
  await clock.runAll();
  expect(exported()).toBe(1);
  expect(news).toEqual(['failing', 'recovered']);
  expect(dropped).toEqual([]);
});

test('after eight failures a batch is dropped and counted', async () => {
  let attempts = 0;
  const { clock, record, dropped } = world(async () => {
    attempts++;
    throw new FairleadError('unavailable', 'EXPORT_FAILED', 'down');
  });
  record(3);
  await clock.runAll();
  expect(attempts).toBe(8);
  expect(dropped).toEqual([[3, 'not-delivered']]);
});

test('what a collector refuses is not sent again', async () => {
  let attempts = 0;
  const { clock, record, dropped } = world(async () => {
    attempts++;
    throw new FairleadError('invalid', 'EXPORT_REFUSED', 'no');
  });
  record(1);
  await clock.runAll();
  expect([attempts, dropped]).toEqual([1, [[1, 'not-delivered']]]);
});

test('a collector that never answers is given up after 10 s, also by a sender that ignores its signal', async () => {
  let attempts = 0;
  const { clock, record } = world(() => {
    attempts++;
    return attempts === 1 ? new Promise(() => {}) : Promise.resolve();
  });
  record(1);
  await clock.advance(500 + 9999);
  expect(attempts).toBe(1);
  await clock.advance(1 + 5000);
  expect(attempts).toBe(2);
  expect(clock.pending).toBe(0);
});

test('more than 4 096 waiting spans are dropped and counted, so that memory is bounded', async () => {
  const { clock, record, dropped } = world(() => new Promise(() => {}));
  record(512);
  await clock.advance(0);
  record(4100);
  expect(dropped).toEqual(Array.from({ length: 4 }, () => [1, 'queue-full']));
});

test('closing delivers what is held, at once', async () => {
  const sent: string[] = [];
  const { exporter, record, clock, dropped } = world(async (json) => void sent.push(json));
  record(2);
  await Promise.all([exporter.close(), exporter.close()]);
  expect(sent).toEqual(['0,1']);
  expect(clock.pending).toBe(0);
  record(1);
  expect(dropped).toEqual([[1, 'closed']]);
});

test('closing interrupts a backoff with one more try', async () => {
  let attempts = 0;
  const { exporter, record, clock, exported } = world(async () => {
    if (attempts++ === 0) throw new Error('down');
  });
  record(1);
  await clock.advance(500);
  expect(attempts).toBe(1);
  await exporter.close();
  expect([attempts, exported(), clock.pending]).toEqual([2, 1, 0]);
});

test('closing ends after its grace, whatever the collector does', async () => {
  const { exporter, record, clock, dropped } = world(() => new Promise(() => {}));
  record(600);
  const closed = exporter.close({ graceMs: 200 });
  await clock.advance(200);
  await closed;
  expect(dropped).toEqual([
    [512, 'not-delivered'],
    [88, 'closed'],
  ]);
  expect(clock.pending).toBe(0);
});
