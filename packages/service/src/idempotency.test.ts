import { createContext, realClock, realRandom, type TransportResponse } from '@fairlead/core';
import { MESSAGING_MIGRATIONS } from '@fairlead/messaging';
import type { Database } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { noTelemetry } from '@fairlead/telemetry';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { idempotencyRecords } from './idempotency-records.ts';
import { SERVICE_MIGRATIONS } from './migrations.ts';
import { notesService, type NotesHooks } from './notes.fixture.ts';
import { createService } from './service.ts';
import type { ServicePorts } from './service-instance.ts';

const clock = realClock();
const random = realRandom();
let held: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  held = await testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'service', from: SERVICE_MIGRATIONS },
      { set: 'notes', from: new URL('./migrations.fixture/', import.meta.url) },
    ],
  });
});
afterAll(() => held[Symbol.asyncDispose]());
beforeEach(async () => {
  await sql('delete from fairlead_idempotency');
  await sql('delete from note');
});

/** Not used by these tests: the service is not started. */
const broker: NonNullable<ServicePorts['broker']> = {
  published: async () => 0n,
  publish: async () => {},
  read: async () => [],
  watch: () => Promise.reject(new Error('not here')),
  close: async () => {},
  async [Symbol.asyncDispose]() {},
};

function notes(hooks: NotesHooks = {}, options: { instance?: string; database?: Database } = {}) {
  const { definition, runs } = notesService(hooks);
  const instance = createService(definition, {
    clock,
    random,
    telemetry: noTelemetry(),
    transport: { send: () => Promise.reject(new Error('no calls here')) },
    database: options.database ?? held.database,
    broker,
    env: {},
    instance: options.instance ?? 'notes-1',
  });
  const send = (
    operation: string,
    path: string,
    body: unknown,
    key: string | undefined,
    headers: Record<string, string> = {},
  ) =>
    instance.handle({
      service: 'notes',
      operation,
      method: 'POST',
      path,
      headers: {
        'x-fairlead-tenant': 'acme',
        'x-fairlead-subject': 'ada',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      body: JSON.stringify(body),
    });
  return {
    runs,
    add: (text: string, key: string | undefined, headers?: Record<string, string>) =>
      send('addNote', '/notes', { text }, key, headers),
    ping: (key: string | undefined) => send('ping', '/ping', {}, key),
  };
}

async function sql(text: string, params: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  using ctx = createContext({ clock, random, timeoutMs: 10_000 });
  return (await held.database.query(ctx, text, params)).rows;
}

const countOf = async (table: 'note' | 'fairlead_idempotency') =>
  Number((await sql(`select count(*) from ${table}`))[0]?.['count']);
const codeOf = (answer: TransportResponse): unknown => JSON.parse(answer.body).code;

/** A point that work stops at until it is let go. */
function gate() {
  const reached = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: () => open.resolve(),
    pass: () => {
      reached.resolve();
      return open.promise;
    },
  };
}

test('the same request under the same key gets the same answer, and the work is done once', async () => {
  const { add, runs } = notes();
  const first = await add('hello', 'k1');
  expect(first.status).toBe(201);
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  const second = await add('hello', 'k1');
  expect(second.status).toBe(201);
  expect(second.body).toBe(first.body);
  expect(second.headers['idempotency-replayed']).toBe('true');
  expect(second.headers['content-type']).toBe(first.headers['content-type']);
  expect(runs.addNote).toBe(1);
  expect(await countOf('note')).toBe(1);
});

test('another body under the same key is a 422, also with members in another order being the same', async () => {
  const { add } = notes();
  await add('hello', 'k1');
  const other = await add('goodbye', 'k1');
  expect([other.status, codeOf(other)]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  expect(await countOf('note')).toBe(1);
});

test('a required key that is missing or malformed is a 400 that says what to do', async () => {
  const { add, runs } = notes();
  const missing = await add('hello', undefined);
  expect([missing.status, codeOf(missing)]).toEqual([400, 'IDEMPOTENCY_KEY_REQUIRED']);
  expect(JSON.parse(missing.body).detail).toContain('Idempotency-Key');
  const malformed = await add('hello', 'has space');
  expect([malformed.status, codeOf(malformed)]).toEqual([400, 'IDEMPOTENCY_KEY_INVALID']);
  expect(runs.addNote).toBe(0);
});

test('an optional key may be left out, and then nothing is kept', async () => {
  const { ping } = notes();
  await ping(undefined);
  await ping(undefined);
  expect(await countOf('fairlead_idempotency')).toBe(0);
});

test('a handler without a commit is answered the same too', async () => {
  const { ping, runs } = notes();
  const first = await ping('k');
  expect((await ping('k')).body).toBe(first.body);
  expect(runs.ping).toBe(1);
});

test('keys of different tenants, subjects and operations have nothing to do with each other', async () => {
  const { add, ping, runs } = notes();
  await add('hello', 'k1');
  await add('hello', 'k1', { 'x-fairlead-tenant': 'globex' });
  await add('hello', 'k1', { 'x-fairlead-subject': 'bob' });
  expect((await ping('k1')).status).toBe(200);
  expect(runs.addNote).toBe(3);
});

test('while a request is worked on, an equal one is told to wait with 409 and a different one gets 422', async () => {
  const stop = gate();
  const { add, runs } = notes({ beforeCommit: stop.pass });
  const first = add('hello', 'k1');
  await stop.reached;
  const second = await add('hello', 'k1');
  expect([second.status, codeOf(second)]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT']);
  expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
  expect((await add('other', 'k1')).status).toBe(422);
  stop.open();
  expect((await first).status).toBe(201);
  expect((await add('hello', 'k1')).body).toBe((await first).body);
  expect(runs.addNote).toBe(1);
});

test('of many equal requests at once, through two instances, one does the work', async () => {
  const instances = [notes(), notes({}, { instance: 'notes-2' })];
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => instances[i % 2]!.add('hello', 'k1')));
  expect(new Set(answers.map((answer) => answer.status)).isSubsetOf(new Set([201, 409]))).toBe(true);
  const done = answers.filter((answer) => answer.status === 201);
  expect(done.length).toBeGreaterThan(0);
  expect(new Set(done.map((answer) => answer.body)).size).toBe(1);
  expect(instances[0]!.runs.addNote + instances[1]!.runs.addNote).toBe(1);
  expect(await countOf('note')).toBe(1);
});

test('a failure before the commit gives the key back, and the repeat does the work', async () => {
  let fails = true;
  const { add, runs } = notes({
    inCommit() {
      if (fails) throw new TypeError('broken');
    },
  });
  expect((await add('hello', 'k1')).status).toBe(500);
  expect(await countOf('note')).toBe(0);
  expect(await countOf('fairlead_idempotency')).toBe(0);
  fails = false;
  expect((await add('hello', 'k1')).status).toBe(201);
  expect(runs.addNote).toBe(2);
});

test('a failure that the operation declares is the answer and is kept; a temporary one is not', async () => {
  const { add, runs } = notes();
  const long = 'x'.repeat(30);
  const first = await add(long, 'k1');
  expect([first.status, codeOf(first)]).toEqual([422, 'TOO_LONG']);
  const second = await add(long, 'k1');
  expect(second.body).toBe(first.body);
  expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true', 'content-type': 'application/problem+json' });
  expect(runs.addNote).toBe(1);
  expect((await add('full', 'k2')).status).toBe(429);
  expect((await add('full', 'k2')).status).toBe(429);
  expect(runs.addNote).toBe(3);
});

test('after the commit the answer stands, whatever the handler does then', async () => {
  const { add } = notes({
    afterCommit() {
      throw new TypeError('too late');
    },
  });
  const first = await add('hello', 'k1');
  expect(first.status).toBe(201);
  expect((await add('hello', 'k1')).body).toBe(first.body);
});

test('after a crash between claim and commit, the same instance goes on at once and others wait for the lease', async () => {
  const stop = gate();
  const dead = notes({ beforeCommit: stop.pass });
  const lost = dead.add('hello', 'k1', { 'x-fairlead-timeout-ms': '20000' });
  await stop.reached;
  const other = notes({}, { instance: 'notes-2' });
  expect((await other.add('hello', 'k1')).status).toBe(409);
  const restarted = notes({}, { instance: 'notes-1' });
  const answer = await restarted.add('hello', 'k1');
  expect(answer.status).toBe(201);
  // What was thought dead comes back and finds its claim gone: nothing of it commits.
  stop.open();
  expect((await lost).status).toBe(409);
  expect(await countOf('note')).toBe(1);
  expect((await other.add('hello', 'k1')).body).toBe(answer.body);
});

test('when the lease has ended, any instance takes over', async () => {
  const stop = gate();
  const dead = notes({ beforeCommit: stop.pass });
  const lost = dead.add('hello', 'k1');
  await stop.reached;
  await sql(`update fairlead_idempotency set locked_until = fairlead.now() - interval '1 millisecond'`);
  expect((await notes({}, { instance: 'notes-2' }).add('hello', 'k1')).status).toBe(201);
  stop.open();
  expect((await lost).status).toBe(409);
  expect(await countOf('note')).toBe(1);
});

test('the answer is replayed after a restart', async () => {
  const first = await notes().add('hello', 'k1');
  const again = notes();
  expect((await again.add('hello', 'k1')).body).toBe(first.body);
  expect(again.runs.addNote).toBe(0);
});

test('when the retention has ended a key is new again, and the clean-up deletes in batches', async () => {
  const service = notes();
  for (const key of ['a', 'b', 'c', 'd']) await service.add('hello', key);
  await sql(`update fairlead_idempotency set expires_at = fairlead.now() where key <> 'd'`);
  expect((await service.add('other', 'a')).status).toBe(201);
  const records = idempotencyRecords({
    database: held.database,
    clock,
    random,
    instance: 'notes-1',
    retentionMs: 86_400_000,
  });
  using ctx = createContext({ clock, random, timeoutMs: 10_000 });
  expect(await records.cleanUp(ctx, 1)).toBe(1);
  expect(await records.cleanUp(ctx, 10)).toBe(1);
  expect(await records.cleanUp(ctx, 10)).toBe(0);
  expect((await sql('select key from fairlead_idempotency order by key')).map((row) => row['key'])).toEqual(['a', 'd']);
});

test('a caller that goes away before the commit leaves no claim behind', async () => {
  const stop = gate();
  const gone = new AbortController();
  const { definition } = notesService({ beforeCommit: stop.pass });
  const instance = createService(definition, {
    clock,
    random,
    telemetry: noTelemetry(),
    transport: { send: () => Promise.reject(new Error()) },
    database: held.database,
    broker,
    env: {},
    instance: 'notes-1',
  });
  const request = {
    service: 'notes',
    operation: 'addNote',
    method: 'POST',
    path: '/notes',
    headers: { 'idempotency-key': 'k1' },
    body: '{"text":"hello"}',
  };
  const answer = instance.handle({ ...request, signal: gone.signal });
  await stop.reached;
  gone.abort();
  expect((await answer).status).toBe(499);
  stop.open();
  await instance.close({ graceMs: 10_000 });
  expect(await countOf('fairlead_idempotency')).toBe(0);
  expect(await countOf('note')).toBe(0);
});

test('a second commit is refused, and the first one stands', async () => {
  let seen: unknown;
  const { definition } = notesService();
  const twice = {
    ...definition,
    operations: {
      ...definition.operations,
      async addNote(ctx, input, kit) {
        const work = async () => ({ id: '1', text: input.text });
        const answer = await kit.commit(work);
        await kit.commit(work).catch((error: unknown) => (seen = error));
        return answer;
      },
    },
  } as typeof definition;
  const instance = createService(twice, {
    clock,
    random,
    telemetry: noTelemetry(),
    transport: { send: () => Promise.reject(new Error()) },
    database: held.database,
    broker,
    env: {},
    instance: 'notes-1',
  });
  const answer = await instance.handle({
    service: 'notes',
    operation: 'addNote',
    method: 'POST',
    path: '/notes',
    headers: { 'idempotency-key': 'k1' },
    body: '{"text":"hello"}',
  });
  expect(answer.status).toBe(201);
  expect(seen).toMatchObject({ code: 'COMMIT_TWICE' });
});
