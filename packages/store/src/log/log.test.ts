import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import type { NewEvent } from './log-types.ts';
import { append, MAX_EVENT_BYTES } from './log.ts';
import { logReader } from './log-reader.ts';
import { testDatabase } from '../testing/index.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const event = (data: unknown = {}): NewEvent => ({ type: 'order.placed', key: '42', data });
/** A stream that no other test writes. */
let streams = 0;
const newStream = (): string => `order-${(streams += 1)}`;

describe.each(bothDatabases(clock))('the log on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  const add = (stream: string, expected: Parameters<typeof append>[2], ...events: NewEvent[]) =>
    database.tx(ctx, (tx) => append(tx, stream, expected, events));

  test('what was appended is read back as it was, in the order of the batch', async () => {
    const stream = newStream();
    const result = await add(
      stream,
      'none',
      event({ text: 'nul \u0000, quote " and ✓', n: 1.5, list: [null] }),
      event(2),
      event(null),
    );
    if (result.kind !== 'appended') throw new Error('a conflict');
    expect(result.events.map(({ version, stream: of }) => [of, version])).toEqual([
      [stream, 1],
      [stream, 2],
      [stream, 3],
    ]);
    const first = result.events[0]?.position ?? 0n;
    expect(result.events.map(({ position }) => position)).toEqual([first, first + 1n, first + 2n]);
    expect(await logReader(database).read(ctx, { after: first - 1n, limit: 10 })).toEqual(result.events);
  });

  test('a version that is not the expected one is a conflict with the actual one, and draws no position', async () => {
    const stream = newStream();
    const before = await add(stream, 'none', event());
    expect(await add(stream, 'none', event())).toEqual({ kind: 'conflict', actual: 1 });
    expect(await add(stream, 2, event())).toEqual({ kind: 'conflict', actual: 1 });
    expect(await add(newStream(), 'exists', event())).toEqual({ kind: 'conflict', actual: 0 });
    expect(await add(newStream(), 1, event())).toEqual({ kind: 'conflict', actual: 0 });
    const after = await add(stream, 1, event());
    if (before.kind !== 'appended' || after.kind !== 'appended') throw new Error('a conflict');
    expect(after.events[0]?.position).toBe((before.events[0]?.position ?? 0n) + 1n);
    expect(await add(stream, 'exists', event())).toMatchObject({ kind: 'appended' });
    expect(await add(stream, 'any', event())).toMatchObject({ events: [{ version: 4 }] });
  });

  test('a conflict leaves the transaction usable', async () => {
    const stream = newStream();
    const result = await database.tx(ctx, async (tx) => {
      await append(tx, stream, 3, [event()]);
      return append(tx, stream, 0, [event()]);
    });
    expect(result.kind).toBe('appended');
  });

  test('an event that is private says so, one or several at once, and others say nothing of it', async () => {
    const stream = newStream();
    const secret: NewEvent = { ...event(), private: true };
    const first = await add(stream, 'none', secret);
    const more = await add(stream, 1, event(), secret, { ...event(), private: false });
    if (first.kind !== 'appended' || more.kind !== 'appended') throw new Error('a conflict');
    const appended = [...first.events, ...more.events];
    expect(appended.map((each) => each.private)).toEqual([true, undefined, true, undefined]);
    const after = (appended[0]?.position ?? 0n) - 1n;
    expect(await logReader(database).read(ctx, { after, limit: 10 })).toEqual(appended);
  });

  test('a release that knows nothing of private events appends what is not private', async () => {
    const stream = newStream();
    await database.query(
      ctx,
      `select fairlead_log_append($1, -1, array[$1, $1 || 'b'], '{t,t}', '{1,1}', '{k,k}', '{"1","2"}', null, null, null, 't', 'c',
         null, 'default')`,
      [stream],
    );
    const { rows } = await database.query(ctx, 'select private from fairlead_log where stream = $1', [stream]);
    expect(rows).toEqual([{ private: null }, { private: null }]);
  });

  test('an event carries the tenant, trace and cause of its Context', async () => {
    const cause: Context = ctx.derive({
      tenant: 'acme',
      caller: { service: 'gateway', subject: 'ann', roles: [] },
      correlationId: 'conversation',
      causationId: 'request',
      criticality: 'critical',
    });
    const stream = newStream();
    const result = await database.tx(cause, (tx) => append(tx, stream, 'any', [{ ...event(), schemaVersion: 3 }]));
    expect(result).toMatchObject({
      events: [
        {
          tenant: 'acme',
          subject: 'ann',
          correlationId: 'conversation',
          causationId: 'request',
          criticality: 'critical',
          schemaVersion: 3,
        },
      ],
    });
    expect(
      JSON.stringify(result, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    ).toContain(ctx.trace.traceId);
  });

  test('what is appended in a transaction that rolls back was never there', async () => {
    const stream = newStream();
    const failing = database.tx(ctx, async (tx) => {
      await append(tx, stream, 'any', [event()]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await add(stream, 'none', event())).toMatchObject({ kind: 'appended', events: [{ version: 1 }] });
  });

  test('an id that the log has is refused', async () => {
    await add(newStream(), 'any', { ...event(), id: 'twice' });
    await expect(add(newStream(), 'any', { ...event(), id: 'twice' })).rejects.toMatchObject({
      code: 'EVENT_DUPLICATE',
    });
  });

  test('data that is not JSON, is too large, or names that are empty are refused before anything is sent', async () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const data of [undefined, 1n, () => {}, loop]) {
      await expect(add(newStream(), 'any', { ...event(), data })).rejects.toMatchObject({ code: 'EVENT_INVALID' });
    }
    await expect(add(newStream(), 'any', event('x'.repeat(MAX_EVENT_BYTES)))).rejects.toMatchObject({
      code: 'EVENT_TOO_LARGE',
    });
    await expect(add('', 'any', event())).rejects.toMatchObject({ code: 'EVENT_INVALID' });
    await expect(add(newStream(), -1, event())).rejects.toMatchObject({ code: 'EVENT_INVALID' });
    await expect(add(newStream(), 'any', { ...event(), schemaVersion: 0 })).rejects.toMatchObject({
      code: 'EVENT_INVALID',
    });
    await expect(add(newStream(), 'any', { ...event(), key: 'a\0' })).rejects.toMatchObject({ code: 'EVENT_INVALID' });
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53, 'sometimes', 'toString', '', null, 1n])(
    'an expected version %s is refused with what may be given',
    async (expected) => {
      // A caller without types.
      const refused = add(newStream(), expected as never, event());
      await expect(refused).rejects.toMatchObject({
        code: 'EVENT_INVALID',
        message: expect.stringContaining("'any', 'none' or 'exists'"),
      });
    },
  );

  test('names that an index or UTF-8 has no place for are refused', async () => {
    const longest = 'x'.repeat(512);
    await expect(add(`${longest}-`, 'any', event())).rejects.toMatchObject({ code: 'EVENT_INVALID' });
    for (const name of [`${longest}x`, 'half \ud800', 'a\0b', '']) {
      for (const wrong of [{ type: name }, { key: name }, { id: name }]) {
        await expect(add(newStream(), 'any', { ...event(), ...wrong })).rejects.toMatchObject({
          code: 'EVENT_INVALID',
        });
      }
    }
    const id = `${newStream()}${longest}`.slice(0, 512);
    expect(await add(longest, 'any', { ...event(), type: longest, key: longest, id })).toMatchObject({
      kind: 'appended',
    });
  });

  test('the limit of an event counts bytes, not characters', async () => {
    const fits = 'é'.repeat((MAX_EVENT_BYTES - 2) / 2);
    expect(await add(newStream(), 'any', event(fits))).toMatchObject({ kind: 'appended' });
    await expect(add(newStream(), 'any', event(`${fits}é`))).rejects.toMatchObject({ code: 'EVENT_TOO_LARGE' });
  });

  test.each([1, 3])('a batch of %i meets each kind of expectation alike', async (count) => {
    const batch = Array.from({ length: count }, (_, index) => event(index));
    const stream = newStream();
    expect(await add(stream, 'exists', ...batch)).toEqual({ kind: 'conflict', actual: 0 });
    expect(await add(stream, 4, ...batch)).toEqual({ kind: 'conflict', actual: 0 });
    expect(await add(stream, 0, ...batch)).toMatchObject({ events: batch.map((_, index) => ({ version: index + 1 })) });
    expect(await add(stream, 0, ...batch)).toEqual({ kind: 'conflict', actual: count });
    expect(await add(stream, 'none', ...batch)).toEqual({ kind: 'conflict', actual: count });
    expect(await add(stream, count, ...batch)).toMatchObject({ kind: 'appended' });
    expect(await add(stream, 'exists', ...batch)).toMatchObject({ kind: 'appended' });
    expect(await add(stream, 'any', ...batch)).toMatchObject({ events: batch.map(() => ({ stream })) });
    expect(await add(stream, count * 4, ...batch)).toMatchObject({ kind: 'appended' });
  });

  test('no events are an expectation that is checked, and nothing else', async () => {
    const stream = newStream();
    expect(await add(stream, 'exists')).toEqual({ kind: 'conflict', actual: 0 });
    await add(stream, 'none', event());
    expect(await add(stream, 1)).toEqual({ kind: 'appended', events: [] });
    expect(await add(stream, 2)).toEqual({ kind: 'conflict', actual: 1 });
    // It leaves a stream without an event, which does not exist any more than before.
    const empty = newStream();
    await add(empty, 'none');
    expect(await add(empty, 'exists', event())).toEqual({ kind: 'conflict', actual: 0 });
    expect(await add(empty, 'none', event())).toMatchObject({ events: [{ version: 1 }] });
  });

  test('a gap that a rollback left does not stop the reader', async () => {
    const reader = logReader(database);
    const stream = newStream();
    const first = await add(stream, 'any', event('before'));
    await database
      .tx(ctx, async (tx) => {
        await append(tx, stream, 'any', [event('never')]);
        throw new Error('no');
      })
      .catch(() => {});
    await add(stream, 'any', event('after'));
    if (first.kind !== 'appended') throw new Error('a conflict');
    const after = first.events[0]?.position ?? 0n;
    expect((await reader.read(ctx, { after, limit: 10 })).map(({ data }) => data)).toEqual(['after']);
  });

  test('a stream that does not exist yet is begun by one of two that expect none', async () => {
    const stream = newStream();
    const results = await Promise.all(Array.from({ length: 4 }, () => add(stream, 'none', event())));
    expect(results.map(({ kind }) => kind).toSorted()).toEqual(['appended', 'conflict', 'conflict', 'conflict']);
  });
});

test('the sequence keeps a cache of one: positions drawn ahead would outlive their lock', async () => {
  await using held = await testDatabase();
  const { rows } = await held.database.query(
    ctx,
    `select cache_size, cycle from pg_sequences where sequencename = 'fairlead_log_position'`,
  );
  expect(rows).toEqual([{ cache_size: '1', cycle: false }]);
  await expect(held.database.query(ctx, `select setval('fairlead_log_position', 1)`)).rejects.toMatchObject({
    code: '42501',
  });
});

test.each([1, 2])(
  'above read committed, an append of %i to a stream that has changed since has to start over',
  async (count) => {
    await using held = await testDatabase();
    const batch = Array.from({ length: count }, () => event());
    for (const [stream, expected] of [
      ['order-old', 'any'],
      ['order-old', 1],
      ['order-new', 'none'],
      ['order-new', 'any'],
    ] as const) {
      if (stream === 'order-old') await held.database.tx(ctx, (tx) => append(tx, stream, 'any', [event()]));
      const stale = held.database.tx(
        ctx,
        async (tx) => {
          // The snapshot is taken here.
          await tx.query('select 1 from fairlead_stream limit 1');
          await held.database.tx(ctx, (other) => append(other, stream, 'any', [event()]));
          return append(tx, stream, expected, batch);
        },
        { isolation: 'repeatable read', retry: false },
      );
      await expect(stale).rejects.toMatchObject({ code: '40001' });
      await held.database.query(ctx, 'delete from fairlead_log');
      await held.database.query(ctx, 'delete from fairlead_stream');
    }
  },
);
