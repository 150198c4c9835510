import { createContext, realClock, realRandom } from '@fairlead/core';
import { append, docs, keyRing, tenantKeys, trimLog, type Database } from '@fairlead/store';
import { recordingTelemetry } from '@fairlead/telemetry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases } from '../both-databases.fixture.ts';
import { account, watched } from './account.fixture.ts';
import { handle } from './handle.ts';
import { history, stateAt, stateOf } from './state-of.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom(), tenant: 'acme' });
let ids = 0;
const newId = (): string => `${(ids += 1)}`;
const deposit = { type: 'deposit', cents: 1 } as const;
const snapshots = docs('fairlead.snapshot');

describe.each(bothDatabases(clock))('snapshots on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  const snapshotOf = async (id: string) =>
    (await snapshots.get({ ctx, database }, `account-acme/${id}`))?.body as
      | { readonly version: number; readonly fits: string; readonly state: { readonly cents: number } }
      | undefined;
  /** How many events a command reads. */
  const readBy = async (Account: ReturnType<typeof account>, id: string): Promise<number> => {
    let read = 0;
    const looking: Database = {
      ...watched(database, () => {}),
      query: async (inner, text, params) => {
        const result = await database.query(inner, text, params);
        if (text.includes('union all')) read = result.rowCount - 1;
        // The statement's own columns, as the caller takes them to be.
        return result as never;
      },
    };
    await stateOf({ ctx, database: looking }, Account, id);
    return read;
  };

  test('one is kept each so many events, and what came before it is not read again', async () => {
    const [Account, id] = [account({ snapshot: { every: 10 } }), newId()];
    const kept: (number | undefined)[] = [];
    for (let n = 0; n < 24; n += 1) {
      const result = await handle({ ctx, database }, Account, id, deposit);
      expect(result).toMatchObject({ state: { cents: n + 1 }, version: n + 2 });
      kept.push((await snapshotOf(id))?.version);
    }
    expect([...new Set(kept)]).toEqual([undefined, 10, 20]);
    expect(await readBy(Account, id)).toBe(5);
    const { position } = await stateOf({ ctx, database }, Account, id);
    expect(position).toBe((await history({ ctx, database }, Account, id)).at(-1)?.position);
  });

  test('one is kept for many bytes of events, too', async () => {
    const id = newId();
    const Account = account({
      snapshot: { every: 10, bytes: 2_000 },
      decide: () => ({ type: 'account.opened', data: { owner: 'x'.repeat(600) } }),
    });
    for (let n = 0; n < 4; n += 1) await handle({ ctx, database }, Account, id, deposit);
    expect(await snapshotOf(id)).toBeUndefined();
    await handle({ ctx, database }, Account, id, deposit);
    expect(await snapshotOf(id)).toMatchObject({ version: 5 });
  });

  test('in a transaction it commits with that, and its position is where the state is of', async () => {
    const [Account, id] = [account({ snapshot: { every: 2 } }), newId()];
    const failing = database.tx(ctx, async (tx) => {
      await handle(tx, Account, id, deposit);
      expect(await snapshots.get(tx, `account-acme/${id}`)).toMatchObject({ body: { version: 2 } });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await snapshotOf(id)).toBeUndefined();
    const result = await database.tx(ctx, (tx) => handle(tx, Account, id, deposit));
    expect(await snapshotOf(id)).toMatchObject({ version: 2 });
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({
      version: 2,
      position: result.kind === 'decided' ? result.position : undefined,
      state: { cents: 1 },
    });
  });

  test('one of other code or another version is ignored, and replaced by what this code makes of the events', async () => {
    const id = newId();
    const every = 2;
    const Before = account({ snapshot: { every } });
    for (let n = 0; n < 3; n += 1) await handle({ ctx, database }, Before, id, deposit);
    const before = await snapshotOf(id);
    expect(before).toMatchObject({ state: { cents: 3 } });
    const Bumped = account({ snapshot: { every, version: 2 } });
    const Changed = account({
      snapshot: { every },
      evolve: {
        ...Before.evolve,
        'account.changed': (state, { cents }) => ({ ...state, cents: state.cents + 100 * cents }),
      },
    });
    expect(await readBy(Before, id)).toBe(0);
    expect([await readBy(Bumped, id), await readBy(Changed, id)]).toEqual([4, 4]);
    expect(await handle({ ctx, database }, Changed, id, deposit)).toMatchObject({ state: { cents: 400 } });
    const after = await snapshotOf(id);
    expect(after).toMatchObject({ version: 5, state: { cents: 400 } });
    expect(after?.fits).not.toBe(before?.fits);
    // The release before it goes on as well.
    expect(await handle({ ctx, database }, Before, id, deposit)).toMatchObject({ state: { cents: 5 }, version: 6 });
  });

  test('code that is the same makes snapshots that fit, whoever runs it', () => {
    const options = { snapshot: { every: 2 } };
    expect(account(options).fingerprint).toBe(account(options).fingerprint);
    expect(account({ snapshot: { version: 2 } }).fingerprint).not.toBe(account().fingerprint);
    expect(account({ ignore: ['x'] }).fingerprint).not.toBe(account().fingerprint);
    const upcast = { 'account.opened': { 1: () => ({ owner: 'x' }) } };
    expect(account({ upcast }).fingerprint).not.toBe(account().fingerprint);
  });

  test.each(['on its own', 'in a transaction'])('%s a command does not fail when its snapshot does', async (where) => {
    const [Account, id] = [account({ snapshot: { every: 1 } }), newId()];
    const telemetry = recordingTelemetry({ clock });
    // Refused by the server itself, so that the transaction is in the state in which a failure leaves it.
    const breaking = watched(database, () => {});
    const broken: Database = {
      ...breaking,
      name: database.name,
      tx: (inner, work, options) =>
        breaking.tx(
          inner,
          (tx) =>
            work({
              ...tx,
              query: (text, params) =>
                tx.query(
                  text.includes('fairlead_doc_put') ? 'select 1 / 0' : text,
                  text.includes('fairlead_doc_put') ? [] : params,
                ),
            }),
          options,
        ),
    };
    const run = () =>
      where === 'on its own'
        ? handle({ ctx, database: broken }, Account, id, deposit, { telemetry })
        : broken.tx(ctx, (tx) => handle(tx, Account, id, deposit, { telemetry }));
    expect(await run()).toMatchObject({ kind: 'decided', version: 2 });
    expect(await run()).toMatchObject({ kind: 'decided', version: 3 });
    expect(await snapshotOf(id)).toBeUndefined();
    expect(await stateOf({ ctx, database }, Account, id)).toMatchObject({ version: 3 });
    expect(telemetry.logs.map(({ msg }) => msg)).toContain(
      `account-acme/${id}: its snapshot could not be kept; the stream is read from further back`,
    );
  });

  test('a state that JSON would not give back is not kept, which is told once', async () => {
    const id = newId();
    const telemetry = recordingTelemetry({ clock });
    const Account = account({
      snapshot: { every: 1 },
      evolve: {
        ...account().evolve,
        'account.opened': (state) => ({ ...state, status: 'open', log: [{ at: new Date(0) }] }),
      },
    });
    for (let n = 0; n < 3; n += 1) await handle({ ctx, database }, Account, id, deposit, { telemetry });
    expect(await snapshotOf(id)).toBeUndefined();
    const told = telemetry.logs.filter(({ msg }) => msg.includes('state.log[0].at'));
    expect(told).toHaveLength(1);
  });

  test('a decider without snapshots has none', async () => {
    const [Account, id] = [account({ snapshot: false }), newId()];
    for (let n = 0; n < 3; n += 1) await handle({ ctx, database }, Account, id, deposit);
    expect(await snapshotOf(id)).toBeUndefined();
  });

  test('sealed events are opened by their seal, have no snapshot in the clear, and end with the tenant’s keys', async () => {
    const provider = keyRing(`k:${Buffer.alloc(32).toString('base64')}`);
    const seal = tenantKeys({ database, provider });
    const sealedCtx = ctx.derive({ tenant: 'sealed' });
    const from = { ctx: sealedCtx, database };
    const [Account, id] = [account({ snapshot: { every: 1 } }), newId()];
    await handle(from, Account, id, deposit, { seal });
    expect(await handle(from, Account, id, deposit, { seal })).toMatchObject({ state: { cents: 2 }, version: 3 });
    expect(await stateOf(from, Account, id, { seal })).toMatchObject({ state: { cents: 2 } });
    expect(await stateAt(from, Account, id, { version: 2 }, { seal })).toMatchObject({ state: { cents: 1 } });
    expect(await snapshots.get(from, `account-sealed/${id}`)).toBeUndefined();
    for (const reading of [() => stateOf(from, Account, id), () => stateAt(from, Account, id, { version: 1 })])
      await expect(reading()).rejects.toMatchObject({ code: 'STREAM_SEALED', details: { sealed: 'closed' } });
    await seal.shred(sealedCtx, 'sealed');
    const gone = stateOf(from, Account, id, { seal });
    await expect(gone).rejects.toMatchObject({ code: 'STREAM_SEALED', details: { sealed: 'shredded' } });
    expect((await history(from, Account, id, { seal })).map(({ type, data }) => [type, data])).toEqual([
      ['account.opened', undefined],
      ['account.changed', undefined],
      ['account.changed', undefined],
    ]);
  });
});

describe.each(bothDatabases(clock))('a trimmed log on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  test('a stream goes on from its snapshot, and says what is missing where there is none', async () => {
    const [kept, lost, gone] = [newId(), newId(), newId()];
    const [Kept, Account] = [account({ snapshot: { every: 2 } }), account()];
    const from = { ctx, database };
    for (const [Each, id] of [
      [Kept, kept],
      [Account, lost],
      [Account, gone],
    ] as const)
      await handle(from, Each, id, deposit);
    const { events } = (await handle(from, Account, newId(), deposit)) as { events: readonly { position: bigint }[] };
    await trimLog(ctx, database, { through: (events[0]?.position ?? 0n) - 1n, cursors: async () => [] });
    await database.tx(ctx, (tx) =>
      append(tx, `account-acme/${lost}`, 2, [{ type: 'account.changed', key: 'k', data: { cents: 1 } }]),
    );
    expect(await handle(from, Kept, kept, deposit)).toMatchObject({ state: { cents: 2 }, version: 3 });
    for (const id of [lost, gone]) {
      await expect(handle(from, Account, id, deposit)).rejects.toMatchObject({
        code: 'STREAM_TRIMMED',
        message: expect.stringContaining(`account-acme/${id}: events 1 to 2 were trimmed`),
      });
    }
    await expect(stateAt(from, Account, lost, { version: 3 })).rejects.toMatchObject({ code: 'STREAM_TRIMMED' });
  });
});
