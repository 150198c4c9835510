import { defineContract, event, operation } from '@fairlead/contract';
import { contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';
import { decider, history, rejected, stateOf, type DomainEvent } from '@fairlead/events';
import { MESSAGING_MIGRATIONS, type Broker, type PublishedEvent } from '@fairlead/messaging';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { defineService } from './define-service.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';

const clock = realClock();
const random = realRandom();
const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const setup = createContext({ clock, random, tenant: 'acme' });

type CupCommand = { readonly sips: number; readonly spilt?: boolean };
type CupEvent =
  | DomainEvent<'cup.filled', { readonly by: string }>
  | DomainEvent<'cup.emptied', { readonly cup: string; readonly sips: number }>;

const Cup = decider<CupCommand, CupEvent, { readonly sips: number; readonly filled: boolean }, 'TOO_HOT'>({
  name: 'cup',
  initial: () => ({ sips: 0, filled: false }),
  decide({ sips, spilt }, { filled }) {
    if (sips > 9) return rejected('TOO_HOT');
    // What a caller in a hurry would write: the contract has no such data.
    const emptied = { type: 'cup.emptied', data: { cup: 'mug', sips: spilt === true ? 0.5 : sips } } as const;
    return filled ? [emptied] : [{ type: 'cup.filled', data: { by: 'ann' } }, emptied];
  },
  evolve: {
    'cup.filled': (state) => ({ ...state, filled: true }),
    'cup.emptied': (state, { sips }) => ({ ...state, sips: state.sips + sips }),
  },
});

const contract = defineContract({
  name: 'kitchen',
  version: '1.0.0',
  operations: {
    drink: operation({
      method: 'POST',
      path: '/drink',
      input: z.object({ sips: z.number(), spilt: z.boolean().default(false), version: z.int().optional() }),
      output: z.object({ kind: z.string(), sips: z.number() }),
    }),
  },
  events: { 'cup.emptied': event({ key: 'cup', data: z.object({ cup: z.string(), sips: z.int() }) }) },
});

const kitchen = defineService({
  contract,
  database: { migrations: MIGRATIONS },
  operations: {
    drink: (_ctx, { version: expected, ...command }, kit) =>
      kit.commit(async (tx) => {
        const result = await tx.handle(Cup, 'mug', command, { expect: expected });
        return { kind: result.kind, sips: result.kind === 'conflict' ? result.actual : result.state.sips };
      }),
  },
});

let held: TestDatabase;
beforeAll(async () => {
  held = await testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'kitchen', from: MIGRATIONS },
    ],
  });
});
afterAll(() => held[Symbol.asyncDispose]());

/** A broker that keeps what it is given in memory. */
function memoryBroker() {
  const events: PublishedEvent[] = [];
  const close = async (): Promise<void> => {};
  const broker: Broker = {
    published: async () => events.at(-1)?.position ?? 0n,
    publish: async (_ctx, _source, published) => void events.push(...published),
    read: async () => [],
    watch: async () => ({ close, [Symbol.asyncDispose]: close }),
    close,
    [Symbol.asyncDispose]: close,
  };
  return { broker, events };
}

test('a command commits with its handler; what the contract has is published, and the rest stays in the service', async () => {
  const { broker, events } = memoryBroker();
  const telemetry = recordingTelemetry({ clock });
  const { database } = held;
  const transport = localTransport(new Map());
  const ports = { clock, random, telemetry, database, broker, transport };
  await using service = createService(kitchen, { ...ports, env: {}, instance: 'kitchen-1' });
  await service.start();
  const drink = async (input: object) => {
    const { status, body } = await service.handle({
      service: 'kitchen',
      operation: 'drink',
      method: 'POST',
      path: '/drink',
      headers: { ...contextToHeaders(setup), 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    return status === 200 ? (JSON.parse(body) as unknown) : status;
  };
  expect(await drink({ sips: 2 })).toEqual({ kind: 'decided', sips: 2 });
  expect(await drink({ sips: 10 })).toEqual({ kind: 'rejected', sips: 2 });
  expect(await drink({ sips: 1, version: 1 })).toEqual({ kind: 'conflict', sips: 2 });
  expect(await drink({ sips: 3, version: 2 })).toEqual({ kind: 'decided', sips: 5 });
  // Not what the contract says: rolled back as a whole.
  expect(await drink({ sips: 1, spilt: true })).toBe(500);

  const from = { ctx: setup, database };
  expect(await stateOf(from, Cup, 'mug')).toMatchObject({ version: 3, state: { sips: 5, filled: true } });
  const recorded = await history(from, Cup, 'mug');
  expect(recorded.map(({ type, private: stays, key }) => [type, stays, key])).toEqual([
    ['cup.filled', true, 'mug'],
    ['cup.emptied', undefined, 'mug'],
    ['cup.emptied', undefined, 'mug'],
  ]);
  await vi.waitFor(() => expect(events.length).toBe(2), { timeout: 20_000 });
  expect(events.map(({ type, data, stream }) => [type, data, stream])).toEqual([
    ['cup.emptied', { cup: 'mug', sips: 2 }, 'cup-acme/mug'],
    ['cup.emptied', { cup: 'mug', sips: 3 }, 'cup-acme/mug'],
  ]);
  // A page that has none of them is passed.
  expect((await service.published(setup, { after: 0n }, 1)).events.map(({ type }) => type)).toEqual(['cup.emptied']);
  const { events: told, position } = await service.published(setup, { after: 0n }, 100);
  expect(told.map(({ type }) => type)).toEqual(['cup.emptied', 'cup.emptied']);
  expect(position).toBe(recorded.at(-1)?.position);
  expect(await telemetry.metrics.exposition()).toContain(
    'fairlead_decider_commands_total{decider="cup",outcome="decided",service="test"} 2',
  );
});
