import { createContext, realRandom, virtualClock, type Context } from '@fairlead/core';
import { append, type Database } from '@fairlead/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases } from '../both-databases.fixture.ts';
import { account } from './account.fixture.ts';
import { handle } from './handle.ts';
import { history, stateAt, stateOf } from './state-of.ts';

const clock = virtualClock();
const ctx = createContext({ clock, random: realRandom(), tenant: 'acme' });
let ids = 0;
const newId = (): string => `${(ids += 1)}`;
const Account = account();

describe.each(bothDatabases(clock))('the past of a stream on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());
  const deposit = (id: string, cents: number, of: Context = ctx) =>
    handle({ ctx: of, database }, Account, id, { type: 'deposit', cents });

  test('a state is as it was at a version, at a position and before the first event', async () => {
    const [id, from] = [newId(), { ctx, database }];
    for (const cents of [1, 2, 3]) await deposit(id, cents);
    const events = await history(from, Account, id);
    const initial = { state: { status: 'new', cents: 0 }, version: 0, position: 0n };
    expect(await stateAt(from, Account, id, { version: 0 })).toEqual(initial);
    expect(await stateAt(from, Account, id, { version: 3 })).toEqual({
      state: { status: 'open', cents: 3 },
      version: 3,
      position: events[2]?.position,
    });
    const position = events[1]?.position ?? 0n;
    expect(await stateAt(from, Account, id, { position })).toMatchObject({ state: { cents: 1 }, version: 2, position });
    expect(await stateAt(from, Account, id, { position: position - 2n })).toEqual(initial);
    expect(await stateAt(from, Account, id, { version: 99 })).toEqual(await stateOf(from, Account, id));
    expect(await stateAt(from, Account, newId(), { version: 1 })).toEqual(initial);
  });

  test('a state is as it was at a time', async () => {
    const [id, from] = [newId(), { ctx, database }];
    // Times that nobody has to wait for: what the log says when the events were.
    for (const [n, cents] of [1, 2, 3].entries()) {
      await deposit(id, cents);
      await database.tx(ctx, (tx) =>
        tx.query(`update fairlead_log set time = to_timestamp($2::int * 1000) where stream = $1 and version > $3`, [
          `account-acme/${id}`,
          n + 1,
          n === 0 ? 0 : n + 1,
        ]),
      );
    }
    const centsAt = async (timeMs: number) => (await stateAt(from, Account, id, { timeMs })).state.cents;
    expect([await centsAt(999_999), await centsAt(1_000_000), await centsAt(2_500_000), await centsAt(9e9)]).toEqual([
      0, 1, 3, 6,
    ]);
  });

  test('a long stream is folded page by page', async () => {
    const [id, from] = [newId(), { ctx, database }];
    const many = Array.from({ length: 1_250 }, () => ({ type: 'account.changed', key: id, data: { cents: 1 } }));
    await database.tx(ctx, (tx) => append(tx, `account-acme/${id}`, 'none', many));
    expect(await stateAt(from, Account, id, { version: 1_100 })).toMatchObject({ state: { cents: 1_100 } });
    expect(await stateOf(from, Account, id)).toMatchObject({ state: { cents: 1_250 }, version: 1_250 });
  });

  test('a history says who did what, why and in which request, page by page', async () => {
    const id = newId();
    const request = ctx.derive({
      caller: { service: 'gateway', subject: 'ann', roles: [] },
      correlationId: 'conversation',
      causationId: 'request-7',
    });
    await deposit(id, 1, request);
    await deposit(id, 2);
    const from = { ctx, database };
    const [opened] = await history(from, Account, id, { limit: 1 });
    expect(opened).toMatchObject({
      type: 'account.opened',
      version: 1,
      data: { owner: 'ann' },
      subject: 'ann',
      tenant: 'acme',
      correlationId: 'conversation',
      causationId: 'request-7',
    });
    expect(opened?.traceparent).toContain(request.trace.traceId);
    expect(opened?.time).toBeGreaterThan(0);
    const rest = await history(from, Account, id, { after: 1 });
    expect(rest.map(({ version, subject }) => [version, subject])).toEqual([
      [2, 'ann'],
      [3, undefined],
    ]);
    expect(await history(from, Account, newId())).toEqual([]);
  });

  test('old events stay as they were written, and are read as they are today', async () => {
    const [id, from] = [newId(), { ctx, database }];
    await deposit(id, 1);
    const Later = account({
      upcast: { 'account.changed': { 1: (data: { readonly cents: number }) => ({ cents: data.cents * 100 }) } },
    });
    const result = await handle(from, Later, id, { type: 'deposit', cents: 7 });
    expect(result).toMatchObject({ state: { cents: 107 } });
    expect((await history(from, Later, id)).map(({ schemaVersion, data }) => [schemaVersion, data])).toEqual([
      [1, { owner: 'ann' }],
      [1, { cents: 1 }],
      [2, { cents: 7 }],
    ]);
    // The release before it can't know.
    await expect(stateOf(from, Account, id)).rejects.toMatchObject({ code: 'EVENT_TOO_NEW' });
  });
});
