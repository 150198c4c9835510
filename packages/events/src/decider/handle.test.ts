import { createContext, FairleadError, realClock, realRandom } from '@fairlead/core';
import { append, docs, logReader, type Database } from '@fairlead/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases } from '../both-databases.fixture.ts';
import { account, appends, intercepted, watched, type Account } from './account.fixture.ts';
import { handle } from './handle.ts';
import { stateOf } from './state-of.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
let ids = 0;
const newId = (): string => `${(ids += 1)}`;
const deposit = (cents: number) => ({ type: 'deposit', cents }) as const;
const withdraw = (cents: number) => ({ type: 'withdraw', cents }) as const;

describe.each(bothDatabases(clock))('commands on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  const Account = account();
  const run = (id: string, command: Parameters<typeof Account.decide>[0], on = Account) =>
    handle({ ctx, database }, on, id, command);
  const eventsOf = async (stream: string) => {
    const all = await logReader(database, { gapWaitMs: 1_000 }).read(ctx, { after: 0n, limit: 10_000 });
    return all.filter((event) => event.stream === stream);
  };

  test('a command appends what was decided and answers with the state, the version, the position and the events', async () => {
    const id = newId();
    const first = await run(id, deposit(5));
    if (first.kind !== 'decided') throw new Error('rejected');
    expect(first).toMatchObject({ state: { status: 'open', cents: 5 }, version: 2 });
    expect(first.events.map(({ type, version }) => [type, version])).toEqual([
      ['account.opened', 1],
      ['account.changed', 2],
    ]);
    expect(first.position).toBe(first.events[1]?.position);
    expect(first).not.toHaveProperty('snapshot');
    const second = await run(id, withdraw(2));
    expect(second).toMatchObject({ kind: 'decided', state: { cents: 3 }, version: 3 });
    expect(await eventsOf(`account-${id}`)).toHaveLength(3);
    expect(await stateOf({ ctx, database }, Account, id)).toEqual({
      state: { status: 'open', cents: 3 },
      version: 3,
      position: (await eventsOf(`account-${id}`)).at(-1)?.position,
    });
  });

  test('a rejection is a value with the state it was decided in, and appends nothing', async () => {
    const id = newId();
    await run(id, deposit(5));
    expect(await run(id, withdraw(6))).toEqual({
      kind: 'rejected',
      reason: 'TOO_LITTLE',
      state: { status: 'open', cents: 5 },
      version: 2,
    });
    expect(await eventsOf(`account-${id}`)).toHaveLength(2);
  });

  test('a command to which nothing happens answers with the stream as it is', async () => {
    const id = newId();
    expect(await run(id, deposit(0))).toEqual({
      kind: 'decided',
      state: { status: 'new', cents: 0 },
      version: 0,
      position: 0n,
      events: [],
    });
    const before = await run(id, deposit(5));
    expect(await run(id, deposit(0))).toEqual({ ...before, events: [] });
  });

  test('what decide throws is thrown, and nothing is appended', async () => {
    const id = newId();
    const Broken = account({
      decide: () => {
        throw new TypeError('no idea');
      },
    });
    await expect(run(id, deposit(5), Broken)).rejects.toThrow(new TypeError('no idea'));
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 0 });
  });

  test('what is expected of the stream is compared before anything is decided', async () => {
    const id = newId();
    const on = { ctx, database };
    const unasked = account({ decide: () => expect.fail('was asked') });
    const expecting = (expect: 'none' | 'exists' | number, of = Account) => handle(on, of, id, deposit(1), { expect });
    expect(await expecting('exists', unasked)).toEqual({ kind: 'conflict', actual: 0 });
    expect(await expecting(3, unasked)).toEqual({ kind: 'conflict', actual: 0 });
    expect(await expecting('none')).toMatchObject({ kind: 'decided', version: 2 });
    expect(await expecting('none', unasked)).toEqual({ kind: 'conflict', actual: 2 });
    expect(await expecting(2)).toMatchObject({ kind: 'decided', version: 3 });
    expect(await expecting('exists')).toMatchObject({ kind: 'decided', version: 4 });
  });

  test('in a transaction events commit with it, and each command sees what the one before has done', async () => {
    const [id, undone] = [newId(), newId()];
    await database.tx(ctx, async (tx) => {
      await handle(tx, Account, id, deposit(5));
      expect(await handle(tx, Account, id, withdraw(5))).toMatchObject({ state: { cents: 0 }, version: 3 });
    });
    const failing = database.tx(ctx, async (tx) => {
      await handle(tx, Account, undone, deposit(5));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 3 });
    expect(await stateOf({ ctx, database }, Account, undone)).toMatchObject({ version: 0 });
  });

  test('a command that somebody else was faster than is decided again, on its own and in a transaction', async () => {
    for (const alone of [true, false]) {
      const id = newId();
      await run(id, deposit(10));
      let interrupted = false;
      const slow = watched(database, async (text) => {
        if (interrupted || !appends(text)) return;
        interrupted = true;
        // On PGlite a transaction has the one session to itself, so nobody can be faster.
        if (alone || database.name !== 'orders') await run(id, withdraw(8));
      });
      const result = alone
        ? await handle({ ctx, database: slow }, Account, id, withdraw(5))
        : await slow.tx(ctx, (tx) => handle(tx, Account, id, withdraw(5)));
      expect(interrupted).toBe(true);
      if (alone || database.name !== 'orders') expect(result).toMatchObject({ kind: 'rejected', state: { cents: 2 } });
      expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 3 });
    }
  });

  test('however many come at once, each is decided on the state that the one before left, and none fails', async () => {
    const id = newId();
    const commands = Array.from({ length: 24 }, (_, n) => (n % 3 === 2 ? withdraw(1) : deposit(1)));
    const options = { retries: 1 };
    await handle({ ctx, database }, Account, id, deposit(8));
    const results = await Promise.all(
      commands.map((command, n) =>
        n % 2 === 0
          ? handle({ ctx, database }, Account, id, command, options)
          : database.tx(ctx, (tx) => handle(tx, Account, id, command)),
      ),
    );
    expect(results.filter(({ kind }) => kind !== 'decided')).toEqual([]);
    expect(new Set(results.map(({ version }) => version)).size).toBe(24);
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ state: { cents: 16 }, version: 26 });
  });

  test('a conflict that comes up while deciding is told to who expected a version', async () => {
    const id = newId();
    await run(id, deposit(10));
    const Interrupted = account();
    let others: Promise<unknown> | undefined;
    const slow = watched(database, async (text) => {
      if (appends(text)) await (others ??= run(id, deposit(1)));
    });
    expect(await handle({ ctx, database: slow }, Interrupted, id, deposit(1), { expect: 2 })).toEqual({
      kind: 'conflict',
      actual: 3,
    });
  });

  const lost = (): FairleadError => new FairleadError('unavailable', 'COMMIT_UNKNOWN', 'the answer was lost');

  test.each(['before the append', 'after it', 'before it, and it happens later'])(
    'an answer that is lost %s is found again, and the command happens once',
    async (when) => {
      for (const more of [0, 1, 2]) {
        const id = newId();
        await run(id, deposit(10));
        let late: (() => Promise<unknown>) | undefined;
        let losses = 0;
        const losing = intercepted(database, async (send, text, params) => {
          if (!appends(text)) return send(text, params);
          if (losses > more) {
            await late?.();
            late = undefined;
            return send(text, params);
          }
          losses += 1;
          if (when === 'after it') await send(text, params);
          else if (losses === 1 && when.endsWith('later')) late = () => database.query(ctx, text, params);
          throw lost();
        });
        const result = await handle({ ctx, database: losing }, Account, id, withdraw(4), { retries: 3, expect: 2 });
        expect(result).toMatchObject({ kind: 'decided', state: { cents: 6 }, version: 3, events: [{ version: 3 }] });
        const { state, version, position } = await stateOf({ ctx, database }, Account, id);
        expect([state.cents, version]).toEqual([6, 3]);
        expect(result).toMatchObject({ position });
      }
    },
  );

  test.each(['each time', 'and then the database is gone'])(
    'an answer that is lost %s is told as lost, for that is what may have happened',
    async (how) => {
      const id = newId();
      let asked = false;
      const losing = intercepted(database, async (send, text, params) => {
        if (asked && how.includes('gone')) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'gone');
        if (!appends(text)) return send(text, params);
        asked = true;
        throw lost();
      });
      const handling = handle({ ctx, database: losing }, Account, id, deposit(4));
      await expect(handling).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
    },
  );

  test('whichever statement fails, before or after it was done, a command has happened once or not at all, and says so', async () => {
    const Kept = account({ snapshot: { every: 1 } });
    const outcomes: Record<string, string> = {};
    for (const at of [1, 2, 3]) {
      for (const done of [false, true]) {
        const id = newId();
        await run(id, deposit(10), Kept);
        let statements = 0;
        const failing = intercepted(database, async (send, text, params) => {
          statements += 1;
          if (statements !== at) return send(text, params);
          if (done) await send(text, params);
          // What the store says of a statement that may write, and of one that was never sent or only read.
          throw done && at > 1 ? lost() : new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'gone');
        });
        const told = await handle({ ctx, database: failing }, Kept, id, withdraw(4)).then(
          ({ kind }) => kind,
          (error: FairleadError) => error.code,
        );
        const { state } = await stateOf({ ctx, database }, Kept, id);
        outcomes[`${at} ${done ? 'after' : 'before'}`] = `${told} ${state.cents}`;
      }
    }
    expect(outcomes).toEqual({
      '1 before': 'DATABASE_UNAVAILABLE 10',
      '1 after': 'DATABASE_UNAVAILABLE 10',
      '2 before': 'DATABASE_UNAVAILABLE 10',
      '2 after': 'decided 6',
      '3 before': 'decided 6',
      '3 after': 'decided 6',
    });
  });

  test('what two tenants call alike are two streams, unless the decider says that streams are nobody’s', async () => {
    const id = `${newId()}/x`;
    const tenants = [ctx, ctx.derive({ tenant: 'acme' }), ctx.derive({ tenant: 'acme/1' }), ctx.derive({ tenant: '' })];
    for (const [n, of] of tenants.slice(0, 3).entries()) {
      expect(await handle({ ctx: of, database }, Account, id, deposit(n + 1))).toMatchObject({
        state: { cents: n + 1 },
      });
    }
    const Shared = account({ name: 'shared', tenancy: 'none' });
    for (const [n, of] of tenants.slice(0, 2).entries())
      expect(await handle({ ctx: of, database }, Shared, id, deposit(1))).toMatchObject({ state: { cents: n + 1 } });
  });

  test('an id that names no stream is refused before anything is sent', async () => {
    for (const id of ['', 'a\0', 'x'.repeat(600), '\ud800'])
      await expect(run(id, deposit(1))).rejects.toMatchObject({ code: 'STREAM_INVALID' });
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'DECISION_INVALID'],
    ['null', null, 'DECISION_INVALID'],
    ['a promise', Promise.resolve([]), 'DECISION_INVALID'],
    ['an event of a type that it doesn’t know', { type: 'account.opend', data: {} }, 'DECISION_INVALID'],
    ['a type that every object has', { type: 'constructor', data: {} }, 'DECISION_INVALID'],
    ['an event without data', { type: 'account.closed' }, 'DECISION_INVALID'],
    ['data that is not JSON', { type: 'account.closed', data: { n: 1n } }, 'DECISION_INVALID'],
    ['data that is a circle', { type: 'account.closed', data: circle() }, 'DECISION_INVALID'],
    ['too much data', { type: 'account.closed', data: 'x'.repeat(1024 * 1024) }, 'EVENT_TOO_LARGE'],
  ])('decide that answers %s is told so, and nothing is appended', async (_what, decision, code) => {
    const id = newId();
    const Odd = account({ decide: () => decision as [] });
    await expect(run(id, deposit(1), Odd)).rejects.toMatchObject({ code });
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 0 });
  });

  test('an event that the decider could not read back is not appended', async () => {
    const id = newId();
    const evolve = { ...Account.evolve, 'account.opened': () => undefined as unknown as Account };
    await expect(run(id, deposit(1), account({ evolve }))).rejects.toMatchObject({ code: 'EVOLVE_FAILED' });
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 0 });
  });

  test('a state is made of what was stored, not of what was decided', async () => {
    const id = newId();
    const Dated = account({
      decide: () => ({ type: 'account.changed', data: { cents: new Date(0) as unknown as number } }),
      evolve: { ...Account.evolve, 'account.changed': (state, { cents }) => ({ ...state, cents }) },
    });
    const { state } = await run(id, deposit(1), Dated);
    expect(state.cents).toBe('1970-01-01T00:00:00.000Z');
    expect(await stateOf({ ctx, database }, Dated, id)).toMatchObject({ state });
  });

  test('an event of a type that the decider does not know stops the read, unless it is ignored by name', async () => {
    const id = newId();
    await run(id, deposit(5));
    const odd = { type: 'account.audited', key: id, data: {} };
    await database.tx(ctx, (tx) => append(tx, `account-${id}`, 'exists', [odd]));
    await expect(run(id, deposit(5))).rejects.toMatchObject({
      code: 'EVENT_TYPE_UNKNOWN',
      message: expect.stringContaining(`account-${id}: event 3 is a account.audited`),
      details: { version: 3, type: 'account.audited' },
    });
    const Ignoring = account({ ignore: ['account.audited'] });
    expect(await run(id, deposit(5), Ignoring)).toMatchObject({ state: { cents: 10 }, version: 4 });
  });

  test('a decider takes two statements, and the first of them has snapshot and events', async () => {
    const id = newId();
    const Small = account({ snapshot: { every: 3 } });
    await run(id, deposit(1), Small);
    await run(id, deposit(1), Small);
    const statements: string[] = [];
    const counted = watched(database, (text) => void statements.push(text));
    expect(await handle({ ctx, database: counted }, Small, id, deposit(1))).toMatchObject({ version: 4 });
    expect(statements).toHaveLength(2);
    expect(await docs('fairlead.snapshot').get({ ctx, database }, `account-${id}`)).toMatchObject({
      body: { version: 3, state: { cents: 2 } },
    });
  });
});

function circle(): unknown {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  return loop;
}
