import { FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { testCertificate } from '@fairlead/net/testing';
import { expect, test } from 'vitest';
import type { AcmeStorage, OrderPause } from './acme-storage.ts';
import type { IssuedCertificate } from './order-certificate.ts';
import { delayAfter, keepRenewed, renewalDueMs } from './renewal.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const OTHERS_MS = 10_000;
const START_MS = Date.UTC(2030, 0, 1);

/** A storage in memory, which several processes share. */
function sharedStorage(): AcmeStorage & { kept: IssuedCertificate | undefined; locked: boolean } {
  let paused: OrderPause | undefined;
  const storage = {
    kept: undefined as IssuedCertificate | undefined,
    locked: false,
    accountKey: () => Promise.resolve('key'),
    issued: () => Promise.resolve(storage.kept),
    keep: (certificate: IssuedCertificate) => Promise.resolve(void (storage.kept = certificate)),
    pause: () => Promise.resolve(paused),
    setPause: (pause: OrderPause | undefined) => Promise.resolve(void (paused = pause)),
    publish: () => Promise.resolve(() => Promise.resolve()),
    lock() {
      if (storage.locked) return Promise.resolve(undefined);
      storage.locked = true;
      const release = () => Promise.resolve(void (storage.locked = false));
      return Promise.resolve({ extend: () => Promise.resolve(storage.locked), release });
    },
  };
  return storage;
}

function world() {
  const clock = virtualClock({ startMs: START_MS });
  const telemetry = recordingTelemetry({ clock });
  const storage = sharedStorage();
  const told: number[] = [];
  const start = (order: (signal: AbortSignal) => Promise<IssuedCertificate>, name = 'one') =>
    keepRenewed({
      names: ['a.test'],
      storage,
      order,
      onIssued: () => void told.push(clock.now()),
      clock,
      random: seededRandom(name),
      log: telemetry.log,
    });
  return { clock, storage, told, start, messages: () => telemetry.logs.map(({ msg }) => msg) };
}

/** A certificate that begins now and ends after so many days: 2020 is when those of tests begin, so its share is told by its end. */
const issue = (nowMs: number, days: number) =>
  testCertificate({ names: ['a.test'], notAfter: new Date(nowMs + days * DAY_MS) });

/** Turns of the loop that need no time. */
async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

test('one is ordered when there is none, and another one at two thirds of its life', async () => {
  const { clock, storage, told, start, messages } = world();
  const running = start(() => Promise.resolve(issue(clock.now(), 3_650)));
  await turns();
  expect(told).toEqual([START_MS]);
  const dueMs = renewalDueMs(storage.kept, 2 / 3);
  await clock.advance(dueMs - clock.now() - DAY_MS);
  expect(told).toHaveLength(1);
  // Up to a thirtieth of its life later: of twenty years, that is eight months.
  await clock.advance(250 * DAY_MS);
  expect(told).toHaveLength(2);
  expect(told[1]).toBeGreaterThanOrEqual(dueMs);
  expect(new Set(messages())).toEqual(new Set(['a certificate was issued']));
  await running.close();
  expect(clock.pending).toBe(0);
});

test('a failure leaves what there is; the next order comes later each time, and also a new process waits for it', async () => {
  const { clock, storage, start, messages } = world();
  const at: number[] = [];
  const failing = () => {
    at.push(clock.now());
    return Promise.reject(new FairleadError('bad-gateway', 'ACME_REFUSED', 'no'));
  };
  const first = start(failing);
  await turns();
  await clock.advance(10 * 60_000);
  const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  expect(gaps.length).toBeGreaterThanOrEqual(2);
  for (const [index, gap] of gaps.entries()) {
    expect(gap).toBeGreaterThanOrEqual(0.75 * 60_000 * 2 ** index);
    expect(gap).toBeLessThanOrEqual(1.25 * 60_000 * 2 ** index);
  }
  await first.close();
  const count = at.length;
  const second = start(failing, 'two');
  await turns();
  expect(at).toHaveLength(count);
  await clock.advance(HOUR_MS);
  expect(at.length).toBeGreaterThan(count);
  expect(storage.kept).toBeUndefined();
  expect(new Set(messages())).toEqual(new Set(['a certificate could not be issued; what there is stays']));
  await second.close();
});

test('an authority that wants to be left alone is, for as long as it says', async () => {
  const { clock, start } = world();
  let count = 0;
  const limited = () => {
    count += 1;
    return Promise.reject(new FairleadError('bad-gateway', 'ACME_REFUSED', '429', { retryAfterMs: 5 * HOUR_MS }));
  };
  const running = start(limited);
  await turns();
  await clock.advance(5 * HOUR_MS - 1);
  expect(count).toBe(1);
  await clock.advance(1);
  expect(count).toBe(2);
  await running.close();
});

test('of two processes one orders, and the other one takes what it got', async () => {
  const { clock, storage, told, start } = world();
  const ordered = Promise.withResolvers<IssuedCertificate>();
  let count = 0;
  const order = () => {
    count += 1;
    return ordered.promise;
  };
  const both = [start(order), start(order, 'two')];
  await turns();
  await clock.advance(30_000);
  expect(count).toBe(1);
  ordered.resolve(issue(clock.now(), 3_650));
  await turns();
  await clock.advance(60_000);
  expect(count).toBe(1);
  expect(told).toHaveLength(1);
  expect(storage.locked).toBe(false);
  await Promise.all(both.map((each) => each.close()));
});

test('an order that takes too long is given up, as is one whose process ends', async () => {
  const { clock, storage, start } = world();
  const forever = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const first = start(forever);
  await turns();
  await clock.advance(10 * 60_000);
  expect(await storage.pause()).toMatchObject({ failures: 1 });
  await first.close();
  await storage.setPause(undefined);
  const second = start(forever, 'two');
  await turns();
  expect(storage.locked).toBe(true);
  await second.close();
  expect(storage.locked).toBe(false);
  expect(await storage.pause()).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('one that is to be renewed as soon as it has come is ordered once an hour, not over and over', async () => {
  const { clock, told, start } = world();
  const running = start(() => Promise.resolve(issue(clock.now(), 90)));
  await turns();
  await clock.advance(HOUR_MS - 1);
  expect(told).toHaveLength(1);
  await clock.advance(OTHERS_MS);
  expect(told).toHaveLength(2);
  await running.close();
});

test('who can not be reached is asked sooner again than who refuses', () => {
  const unreachable = new FairleadError('unavailable', 'ACME_UNREACHABLE', 'gone');
  const refused = new FairleadError('bad-gateway', 'ACME_REFUSED', 'no');
  const random = { ...seededRandom('x'), next: () => 0.5 };
  expect([0, 1, 20].map((failures) => delayAfter(unreachable, failures, random))).toEqual([10_000, 20_000, 600_000]);
  expect([0, 1, 20].map((failures) => delayAfter(refused, failures, random))).toEqual([60_000, 120_000, HOUR_MS]);
});
