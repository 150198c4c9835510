import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { documents, projection, replica } from '@fairlead/events';
import { BROKER_MIGRATIONS, brokerGrants, MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { migrate, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { ownRoutes } from './own-routes.ts';
import { createService } from './service.ts';
import type { ServiceInstance } from './service-instance.ts';

const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const clock = realClock();
const random = realRandom();

const drawContract = defineContract({
  name: 'draws',
  version: '1.0.0',
  operations: {
    draw: operation({
      method: 'POST',
      path: '/draws',
      input: z.object({ box: z.string(), ball: z.int() }),
      output: z.object({ event: z.string(), seen: z.array(z.int()) }),
    }),
    sum: operation({
      method: 'GET',
      path: '/sums/{box}',
      input: z.object({ box: z.string(), after: z.string() }),
      output: z.object({ kind: z.string(), sum: z.int() }),
    }),
  },
  events: { 'ball.drawn': event({ key: 'box', data: z.object({ box: z.string(), ball: z.int() }) }) },
});

const boxes = projection({
  name: 'boxes',
  version: 1,
  of: drawContract,
  mode: 'inline',
  into: documents<readonly number[]>(),
  on: { 'ball.drawn': (balls = [], { data }) => [...balls, data.ball] },
});

let unlucky = 13;
const sums = projection({
  name: 'sums',
  version: 1,
  of: drawContract,
  into: documents<number>(),
  on: {
    'ball.drawn'(before = 0, { data }) {
      if (data.ball === unlucky) throw new Error('unlucky');
      return before + data.ball;
    },
  },
});

const draws = defineService({
  contract: drawContract,
  database: { migrations: MIGRATIONS },
  projections: [boxes, sums],
  operations: {
    async draw(ctx, { box, ball }, kit) {
      return kit.commit(async (tx) => {
        const id = await tx.publish('ball.drawn', { box, ball });
        // Inline: there already.
        return { event: id, seen: [...((await kit.view(boxes).get(tx, box)) ?? [])] };
      });
    },
    async sum(ctx, { box, after }, kit) {
      const { kind } = await kit.view(sums).reached(ctx, after, { timeoutMs: 60_000 });
      return { kind, sum: (await kit.view(sums).get(ctx, box)) ?? 0 };
    },
  },
});

const lastBalls = replica({
  name: 'last-balls',
  version: 1,
  of: drawContract,
  into: documents<number>(),
  on: { 'ball.drawn': (_before, { data }) => data.ball },
});

const watcher = defineService({
  contract: defineContract({
    name: 'watcher',
    version: '1.0.0',
    operations: {
      last: operation({
        method: 'GET',
        path: '/last/{box}',
        input: z.object({ box: z.string() }),
        output: z.object({ ball: z.int() }),
      }),
    },
  }),
  uses: { draws: drawContract },
  database: { migrations: MIGRATIONS },
  replicas: [lastBalls],
  operations: {
    async last(ctx, { box }, kit) {
      return { ball: (await kit.view(lastBalls).get(ctx, box)) ?? 0 };
    },
  },
});

const databaseOf = (set: string) =>
  testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set, from: MIGRATIONS },
    ],
  });

/** Both services, and what they answer. */
async function platform() {
  await using held = new AsyncDisposableStack();
  const drawsDatabase = held.use(await databaseOf('draws'));
  const watcherDatabase = held.use(await databaseOf('watcher'));
  const brokerDatabase = held.use(await testDatabase());
  const ctx = held.use(createContext({ clock, random, tenant: 'acme' }));
  await using owner = openDatabase({ url: brokerDatabase.ownerUrl, name: 'broker', clock });
  await migrate(ctx, owner, { set: 'broker', from: BROKER_MIGRATIONS });
  const role = decodeURIComponent(new URL(brokerDatabase.url).username);
  await brokerGrants(ctx, owner, [
    { service: 'draws', role, reads: [] },
    { service: 'watcher', role, reads: ['draws'] },
  ]);
  const broker = held.use(postgresBroker({ database: brokerDatabase.database }));
  const instances = new Map<string, ServiceInstance>();
  const common = { clock, random, broker, env: {}, transport: localTransport(instances) };
  const add = (definition: Parameters<typeof createService>[0], database: typeof drawsDatabase.database) => {
    const { name } = definition.contract;
    const telemetry = recordingTelemetry({ clock });
    const instance = createService(definition, { ...common, telemetry, database, instance: `${name}-1` });
    instances.set(name, held.use(instance));
    return instance;
  };
  // Every definition can be looked at as one of some contract.
  const [first, second] = [
    add(draws as never, drawsDatabase.database),
    add(watcher as never, watcherDatabase.database),
  ];
  await first.start();
  await second.start();
  const call = async (service: ServiceInstance, operation: string, method: string, path: string, body?: object) => {
    const request = { service: service.name, operation, method, path, headers: { 'x-fairlead-tenant': 'acme' } };
    const answer = await service.handle({ ...request, body: body && JSON.stringify(body) });
    return JSON.parse(answer.body) as Record<string, unknown>;
  };
  const stack = held.move();
  return {
    ctx,
    draws: first,
    watcher: second,
    draw: (box: string, ball: number) => call(first, 'draw', 'POST', '/draws', { box, ball }),
    sum: (box: string, after: unknown) => call(first, 'sum', 'GET', `/sums/${box}?after=${String(after)}`),
    last: (box: string) => call(second, 'last', 'GET', `/last/${box}`),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await clock.sleep(5);
}

const ask = async (instance: ServiceInstance, ctx: Context, method: string, path: string, name = '') => {
  const route = ownRoutes(instance).find((each) => each.method === method && each.path === path);
  const answer = await route?.answer({ ctx, members: { name, id: name }, query: new URLSearchParams() });
  return JSON.parse(answer?.body ?? 'null') as unknown;
};

test('handlers read what they have just written, wait for the rest, and read what others have published', async () => {
  unlucky = 13;
  await using services = await platform();
  expect((await services.draw('red', 1))['seen']).toEqual([1]);
  const { event: last, seen } = await services.draw('red', 2);
  expect(seen).toEqual([1, 2]);
  expect(await services.sum('red', last)).toEqual({ kind: 'reached', sum: 3 });
  await until(async () => (await services.last('red'))['ball'] === 2);
  expect(await services.draws.views(services.ctx)).toMatchObject([
    { kind: 'projection', name: 'boxes', version: 1, active: 1, reading: 1 },
    { kind: 'projection', name: 'sums' },
  ]);
  expect(await ask(services.watcher, services.ctx, 'GET', '/internal/views')).toMatchObject({
    items: [{ kind: 'replica', name: 'last-balls', builds: [{ number: 1 }] }],
  });
});

test('what a projection gives up is a dead letter like any other, and a view is rebuilt for the asking', async () => {
  unlucky = 13;
  await using services = await platform();
  const { ctx, draws: instance } = services;
  await services.draw('red', 13);
  await services.draw('red', 1);
  const { event: green } = await services.draw('green', 5);
  expect(await services.sum('green', green)).toEqual({ kind: 'reached', sum: 5 });
  await until(async () => (await instance.views(ctx))[1]?.builds[0]?.progress?.parked === 2);
  // Ten attempts would take minutes. One that is under way undoes it, so it is said until it has been heard.
  const given = async <T>(answer: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> => {
    for (;;) {
      const sql = 'update fairlead_parked_event set dead = true, next_attempt_at = null where attempts > 0';
      await instance.ports.database!.query(ctx, sql);
      const told = await answer();
      if (isSo(told)) return told;
    }
  };
  const [letter] = await given(
    () => instance.deadLetters(ctx),
    (letters) => letters.length === 1,
  );
  expect(letter).toMatchObject({
    id: 'projection.sums@1.1:1',
    consumer: 'projection.sums@1.1',
    event: { source: 'draws', type: 'ball.drawn', data: { box: 'red', ball: 13 } },
    waiting: 1,
  });
  const found = await given(
    () => instance.deadLetter(ctx, letter!.id),
    (it) => it !== undefined,
  );
  expect(found?.waiting).toMatchObject([{ data: { ball: 1 } }]);
  expect(await instance.deadLetters(ctx, { consumer: 'other' })).toEqual([]);
  await given(
    () => instance.redrive(ctx, letter!.id),
    (isRedriven) => isRedriven,
  );
  unlucky = 0;
  await until(async () => (await services.sum('red', found?.waiting[0]?.id))['sum'] === 14);
  expect([await instance.redrive(ctx, letter!.id), await instance.discard(ctx, '7')]).toEqual([false, false]);
  await until(async () => (await instance.views(ctx))[1]?.builds[0]?.state === 'live');
  expect(await ask(instance, ctx, 'POST', '/internal/views/{name}/rebuild', 'sums')).toEqual({
    name: 'sums',
    build: 2,
  });
  await until(async () => (await instance.views(ctx))[1]?.reading === 2);
  expect((await services.sum('red', green))['sum']).toBe(14);
  await expect(services.watcher.rebuildView(ctx, 'sums')).rejects.toMatchObject({ code: 'VIEW_UNKNOWN' });
});

test('a definition whose views contradict it says so', () => {
  const { contract, operations } = draws;
  const silent = defineContract({ name: 'silent', version: '1.0.0', operations: {} });
  expect(() => defineService({ contract: silent, operations: {}, projections: [sums] })).toThrow(
    'are kept in a database',
  );
  const database = { migrations: MIGRATIONS };
  expect(() => defineService({ contract, operations, database, projections: [sums, sums] })).toThrow('called "sums"');
  expect(() => defineService({ contract, operations, database, replicas: [lastBalls] })).toThrow('not in uses');
});
