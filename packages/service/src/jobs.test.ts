import { defineContract, event, operation } from '@fairlead/contract';
import { contextToHeaders, createContext, FairleadError, realClock, realRandom } from '@fairlead/core';
import { MESSAGING_MIGRATIONS, postgresBroker } from '@fairlead/messaging';
import { openDatabase, type Tx } from '@fairlead/store';
import { testDatabase, type TestDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { z } from 'zod';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { defineService } from './define-service.ts';
import type { JobKit } from './job-definition.ts';
import type { JobInputs, Jobs } from './jobs.ts';
import { localTransport } from './local-transport.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { createService } from './service.ts';

const clock = realClock();
const random = realRandom();
/** Waiting for what workers do, however busy the machine is. */
const SOON = { timeout: 20_000 };
const MIGRATIONS = new URL('./migrations.fixture/', import.meta.url);
const setup = createContext({ clock, random });

let held: TestDatabase;
beforeAll(async () => {
  held = await testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'post', from: MIGRATIONS },
    ],
  });
});
afterAll(() => held[Symbol.asyncDispose]());
beforeEach(async () => {
  await held.database.query(setup, 'delete from fairlead_job');
  await held.database.query(setup, 'delete from note');
});

const postContract = defineContract({
  name: 'post',
  version: '1.0.0',
  operations: {
    write: operation({
      method: 'POST',
      path: '/letters',
      input: z.object({ text: z.string(), fail: z.boolean().default(false) }),
      output: z.object({ job: z.string() }),
    }),
    survey: operation({
      method: 'POST',
      path: '/surveys',
      input: z.object({ towns: z.array(z.string()) }),
      output: z.object({ job: z.string() }),
    }),
  },
  events: { 'letter.sent': event({ key: 'id', data: z.object({ id: z.string() }) }) },
});

/** What handlers do at the points that tests want to hold or break. */
interface Hooks {
  send?: (text: string, attempt: number) => Promise<void> | void;
  count?: (town: string) => Promise<number> | number;
  background?: (jobs: Jobs<JobInputs>) => void;
  counted?: (answer: unknown) => void;
}

function post(hooks: Hooks) {
  const definition = defineService({
    contract: postContract,
    database: { migrations: MIGRATIONS },
    operations: {
      async write(_ctx, { text, fail }, kit) {
        return kit.commit(async (tx) => {
          const result = await kit.jobs.enqueue(tx, 'send-letter', { text });
          if (fail) throw new Error('not after all');
          return { job: result.kind === 'enqueued' ? result.id : result.kind };
        });
      },
      async survey(_ctx, { towns }, kit) {
        return kit.commit(async (tx) => {
          const inputs = towns.map((town) => ({ town }));
          const options = { then: 'sum-up', input: { what: 'people' }, deadlineMs: 60_000 } as const;
          const result = await kit.jobs.scatter(tx, 'count', inputs, options);
          return { job: result.kind === 'scattered' ? result.id : result.kind };
        });
      },
    },
    // Names that the service has not are a type error; what comes from elsewhere is not typed.
    background: (kit) => hooks.background?.(kit.jobs as unknown as Jobs<JobInputs>),
    jobs: {
      'send-letter': {
        input: z.object({ text: z.string().max(100), copies: z.int().default(1) }),
        attempts: 3,
        backoff: { base: '1ms', cap: '1ms' },
        async handle(ctx, { text, copies }, kit) {
          await hooks.send?.(text, kit.job.attempt);
          await kit.commit(async (tx) => {
            const values = [kit.job.id, ctx.tenant ?? '', `${text} ×${copies}`];
            await tx.query('insert into note (id, tenant, text) values ($1, $2, $3)', values);
            await tx.publish('letter.sent', { id: kit.job.id });
          });
          if (text === 'late') throw new Error('too late');
        },
      },
      count: {
        input: z.object({ town: z.string() }),
        attempts: 1,
        handle: async (_ctx, { town }) => ({ people: await hooks.count?.(town) }),
      },
      'sum-up': {
        input: z.object({ what: z.string() }),
        async handle(_ctx, { what }, kit) {
          const answer = await kit.commit((tx) => kit.jobs.gather<{ people: number }>(tx, kit.job.id));
          hooks.counted?.({ what, ...answer });
        },
      },
    },
  });
  const telemetry = recordingTelemetry({ clock, random, service: 'post' });
  const instance = createService(definition, {
    clock,
    random,
    telemetry,
    transport: localTransport(new Map()),
    env: {},
    instance: 'post-1',
    database: held.database,
    broker: postgresBroker({ database: held.database }),
  });
  const call = async (name: 'write' | 'survey', input: object) => {
    using ctx = createContext({ clock, random, tenant: 'acme', timeoutMs: 10_000, caller: TESTER });
    const { method, path } = postContract.operations[name];
    const headers = { ...contextToHeaders(ctx), 'content-type': 'application/json' };
    const request = { service: 'post', operation: name, method, path, headers, body: JSON.stringify(input) };
    const { status, body } = await instance.handle(request);
    return { status, body: JSON.parse(body) as { job: string; code?: string }, traceId: ctx.trace.traceId };
  };
  return { instance, telemetry, call };
}

const TESTER = { service: 'test', subject: undefined, roles: [] };
const notes = async (): Promise<unknown[]> =>
  (await held.database.query(setup, 'select tenant, text from note order by text')).rows.map((row) => row);
const jobs = async (): Promise<number> => (await held.database.query(setup, 'select from fairlead_job')).rowCount;

test('a job is done once its transaction has committed, in the trace and tenant of who enqueued it', async () => {
  const { instance, telemetry, call } = post({});
  await instance.start();
  const { status, body, traceId } = await call('write', { text: 'ahoy' });
  expect(status).toBe(200);
  await expect.poll(notes, SOON).toEqual([{ tenant: 'acme', text: 'ahoy ×1' }]);
  await expect.poll(jobs, SOON).toBe(0);
  await instance.close();
  const span = telemetry.spans.find(({ name }) => name === 'job send-letter');
  expect(span).toMatchObject({ traceId, kind: 'consumer', attributes: { 'messaging.message.id': body.job } });
  const { rows } = await held.database.query(setup, `select type from fairlead_log where key = $1`, [body.job]);
  expect(rows).toEqual([{ type: 'letter.sent' }]);
  expect(await telemetry.metrics.exposition()).toMatch(
    /fairlead_job_duration_seconds_count\{[^}]*queue="send-letter",outcome="ok"[^}]*\} 1/,
  );
});

test('what is rolled back enqueues nothing, and what does not fit is refused where it is enqueued', async () => {
  const { instance, telemetry, call } = post({});
  expect((await call('write', { text: 'ahoy', fail: true })).status).toBe(500);
  expect((await call('write', { text: 'x'.repeat(101) })).status).toBe(500);
  expect(await jobs()).toBe(0);
  expect(telemetry.logs.map(({ error }) => error)).toContainEqual(
    expect.objectContaining({ cause: expect.objectContaining({ code: 'INVALID_JOB' }) }),
  );
  await instance.close();
});

test('a failed attempt writes nothing, is told of in a line, and is repeated; the last one leaves a dead letter', async () => {
  const attempts: number[] = [];
  const { instance, telemetry, call } = post({
    send(_text, attempt) {
      attempts.push(attempt);
      throw new FairleadError('unavailable', 'NO_WIND', 'becalmed');
    },
  });
  await instance.start();
  const { body } = await call('write', { text: 'ahoy' });
  const found = async () =>
    (await held.database.query(setup, 'select state, attempt from fairlead_job where id = $1', [body.job])).rows[0];
  await expect.poll(found, SOON).toEqual({ state: 'dead', attempt: 3 });
  await instance.close();
  expect(attempts).toEqual([1, 2, 3]);
  expect(await notes()).toEqual([]);
  expect(await telemetry.metrics.exposition()).toMatch(/fairlead_job_dead\{[^}]*queue="send-letter"[^}]*\} 1\n/);
  const lines = telemetry.logs.filter(({ msg }) => msg === 'job post.send-letter failed');
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatchObject({ level: 'warn', code: 'NO_WIND', attempt: 3, maxAttempts: 3, job: body.job });
});

test('what throws after its commit stays done', async () => {
  const { instance, call } = post({});
  await instance.start();
  await call('write', { text: 'late' });
  await expect.poll(notes, SOON).toEqual([{ tenant: 'acme', text: 'late ×1' }]);
  await expect.poll(jobs, SOON).toBe(0);
  await instance.close();
});

test('a closing service lets its jobs finish and begins no others', async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { instance, call } = post({
    send() {
      begun.resolve();
      return go.promise;
    },
  });
  await instance.start();
  await call('write', { text: 'one' });
  await begun.promise;
  const closed = instance.close({ graceMs: 20_000 });
  await held.database.tx(setup, (tx) => tx.query('select 1'));
  go.resolve();
  await closed;
  expect(await notes()).toEqual([{ tenant: 'acme', text: 'one ×1' }]);
  expect(await jobs()).toBe(0);
});

test('work is scattered, and gathered with what failed', async () => {
  const counted = Promise.withResolvers<unknown>();
  const { instance, call } = post({
    count(town) {
      if (town === 'Atlantis') throw new FairleadError('not-found', 'SUNK', 'it is not there');
      return town.length;
    },
    counted: counted.resolve,
  });
  await instance.start();
  await call('survey', { towns: ['Kiel', 'Atlantis', 'Bergen'] });
  expect(await counted.promise).toMatchObject({
    what: 'people',
    results: [
      { place: 0, value: { people: 4 } },
      { place: 2, value: { people: 6 } },
    ],
    failed: [{ place: 1, failures: [{ code: 'SUNK' }] }],
    missing: [],
    partial: true,
  });
  await instance.close();
});

test('a service with jobs does not start on a database that lacks the tables for them, and says which', async () => {
  const admin = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  const name = '0006_job.sql';
  const { rows } = await admin.query(setup, 'delete from fairlead_migration where name = $1 returning *', [name]);
  try {
    const { instance } = post({});
    await expect(instance.start()).rejects.toThrow(`lacks the migrations fairlead/${name}`);
    await instance.close();
  } finally {
    await admin.query(
      setup,
      'insert into fairlead_migration select * from json_populate_record(null::fairlead_migration, $1)',
      [JSON.stringify(rows[0])],
    );
    await admin.close();
  }
});

test('handlers are typed by the definition', () => {
  const contract = defineContract({ name: 'x', version: '1.0.0', operations: {} });
  defineService({
    contract,
    database: { migrations: MIGRATIONS },
    operations: {},
    background(kit) {
      // @ts-expect-error -- there is no such job
      void (() => kit.jobs.enqueue({} as never, 'b', {}));
      // @ts-expect-error -- a member is of another type
      void (() => kit.jobs.enqueue({} as never, 'a', { n: 'one' }));
      void (() => kit.jobs.enqueue({} as never, 'a', { n: 1 }, { key: 'k' }));
    },
    jobs: {
      a: {
        input: z.object({ n: z.int() }),
        async handle(_ctx, { n }, kit) {
          n satisfies number;
          kit satisfies JobKit<typeof contract, {}, {}>;
        },
      },
    },
  });
});

test('a job for a queue that the service does not have is refused by name, scattered and going on ones too', async () => {
  let jobsOf: Jobs<JobInputs> | undefined;
  const { instance } = post({ background: (kitJobs) => (jobsOf = kitJobs) });
  await instance.start();
  await using _ = instance;
  const refused = {
    code: 'MISCONFIGURED',
    message: 'post has no job "send-leter". It has send-letter, count, sum-up.',
  };
  const trying = (work: (known: Jobs<JobInputs>, tx: Tx) => Promise<unknown>): Promise<unknown> =>
    held.database.tx(setup, (tx) => work(jobsOf!, tx));
  await expect(trying((known, tx) => known.enqueue(tx, 'send-leter', {}))).rejects.toMatchObject(refused);
  const then = { then: 'sum-up', input: { what: 'people' }, deadlineMs: 1_000 };
  await expect(trying((known, tx) => known.scatter(tx, 'send-leter', [{}], then))).rejects.toMatchObject(refused);
  await expect(
    trying((known, tx) => known.scatter(tx, 'count', [{ town: 'x' }], { ...then, then: 'send-leter' })),
  ).rejects.toMatchObject(refused);
  expect(await jobs()).toBe(0);
});

test.each([
  ['without a database', { database: undefined }, /jobs are kept in a database\. Add database/],
  ['with an odd name', { jobs: { Send: { input: z.object({}), handle: async () => {} } } }, /lower-case words/],
  ['without a handler', { jobs: { send: { input: z.object({}) } } }, /jobs\["send"\]\.handle is not a function/],
  ['without an input', { jobs: { send: { handle: async () => {} } } }, /jobs\["send"\]: input is not a z\.object/],
  [
    'with an unknown option',
    { jobs: { send: { input: z.object({}), handle: async () => {}, atempts: 3 } } },
    /send has no option "atempts"/,
  ],
])('jobs %s are refused', (_what, change, message) => {
  const contract = defineContract({ name: 'x', version: '1.0.0', operations: {} });
  const jobs = { send: { input: z.object({}), handle: async () => {} } };
  const definition = { contract, operations: {}, database: { migrations: MIGRATIONS }, jobs, ...change };
  expect(() => defineService(definition as never)).toThrow(message);
});
