import { FairleadError } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases, type HeldDatabase } from '../both-databases.fixture.ts';
import { clock, context, sagaProcess, until } from './saga-world.fixture.ts';
import { saga } from './saga.ts';

describe.each(bothDatabases(clock))('sagas on %s', (_name, create) => {
  let held: HeldDatabase;
  beforeAll(async () => {
    held = await create();
  });
  afterAll(() => held.end());

  test('a saga does its steps in order and comes to what it returns', async () => {
    using ctx = context();
    const done: string[] = [];
    const keys: (string | undefined)[] = [];
    const checkout = saga('checkout', async (s, input: { readonly order: string }) => {
      const reserved = await s.step('reserve', async (at) => {
        keys.push(at.idempotencyKey);
        done.push('reserve');
        return { reservation: `r-${input.order}` };
      });
      const charged = await s.step('charge', async (at) => {
        keys.push(at.idempotencyKey);
        done.push('charge');
        return 7;
      });
      return { ...reserved, charged, at: s.now() > 0, id: s.id() };
    });
    await using process = sagaProcess(held.database, { checkout });
    expect(await process.sagas.start(ctx, 'checkout', '1', { order: '1' })).toEqual({ kind: 'started', id: '1' });
    const outcome = await process.sagas.result(ctx, 'checkout', '1');
    expect(outcome).toMatchObject({ kind: 'completed', result: { reservation: 'r-1', charged: 7, at: true } });
    expect(done).toEqual(['reserve', 'charge']);
    expect(new Set(keys).size).toBe(2);
    expect(await process.sagas.get(ctx, 'checkout', '1')).toMatchObject({ status: 'completed', steps: 2 });
    expect(await process.sagas.start(ctx, 'checkout', '1', { order: '1' })).toMatchObject({
      kind: 'exists',
      status: 'completed',
    });
    expect(await process.sagas.start(ctx, 'checkout', '1', { order: '2' })).toMatchObject({ kind: 'conflict' });
  });

  test('a run that is started in a transaction begins when that commits, and never when it does not', async () => {
    using ctx = context();
    const began: string[] = [];
    const mail = saga('mail', async (s, to: string) => s.step('send', () => void began.push(to)));
    await using process = sagaProcess(held.database, { mail });
    await expect(
      held.database.tx(ctx, async (tx) => {
        await process.sagas.start(tx, 'mail', 'never', 'never');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await held.database.tx(ctx, (tx) => process.sagas.start(tx, 'mail', 'once', 'once'));
    expect(await process.sagas.result(ctx, 'mail', 'once')).toEqual({ kind: 'completed', result: undefined });
    expect(began).toEqual(['once']);
    expect(await process.sagas.get(ctx, 'mail', 'never')).toBeUndefined();
  });

  test('what was done is taken back, the last first, when a step fails for good', async () => {
    using ctx = context();
    const done: string[] = [];
    const failing = saga('failing', async (s, _: null) => {
      await s.step('a', () => 'A', { undo: (_ctx, result) => void done.push(`undo a ${result}`) });
      await Promise.all([
        s.step('b', () => 'B', { undo: (_ctx, result) => void done.push(`undo b ${result}`) }),
        s.step('c', () => 'C'),
      ]);
      await s.step('d', () => {
        throw new FairleadError('conflict', 'SOLD_OUT', 'nothing left', { details: { retry: false } });
      });
    });
    await using process = sagaProcess(held.database, { failing });
    await process.sagas.start(ctx, 'failing', '1', null);
    expect(await process.sagas.result(ctx, 'failing', '1')).toMatchObject({
      kind: 'compensated',
      failure: { code: 'SOLD_OUT', kind: 'conflict' },
    });
    expect(done).toEqual(['undo b B', 'undo a A']);
  });

  test('a sleeping run leaves the memory and comes back', async () => {
    using ctx = context();
    let ran = 0;
    const sleepy = saga('sleepy', async (s, _: null) => {
      ran += 1;
      await s.step('before', () => 1);
      await s.sleep('400ms');
      return s.step('after', () => 2);
    });
    await using process = sagaProcess(held.database, { sleepy });
    await process.sagas.start(ctx, 'sleepy', '1', null);
    await until(ctx, async () =>
      (await process.sagas.get(ctx, 'sleepy', '1'))?.status === 'waiting' ? true : undefined,
    );
    await until(ctx, async () => (process.sagas.active === 0 ? true : undefined));
    expect(await process.sagas.result(ctx, 'sleepy', '1')).toEqual({ kind: 'completed', result: 2 });
    expect(ran).toBe(2);
  });

  test("a signal reaches a run that waits for it in nobody's memory, and one that came before", async () => {
    using ctx = context();
    const paid = saga('paid', async (s, _: null) => {
      const first = await s.signal<{ cents: number }>('paid', { timeout: '1h' });
      const second = await s.signal<string>('early');
      return [first?.cents, second];
    });
    await using process = sagaProcess(held.database, { paid });
    expect(await process.sagas.signal(ctx, 'paid', '1', 'early', 'bird')).toEqual({ kind: 'unknown' });
    await process.sagas.start(ctx, 'paid', '1', null);
    expect(await process.sagas.signal(ctx, 'paid', '1', 'early', 'bird')).toEqual({ kind: 'sent' });
    await until(ctx, async () =>
      (await process.sagas.get(ctx, 'paid', '1'))?.status === 'waiting' ? true : undefined,
    );
    const once = { dedupe: 'payment-1' };
    expect(await process.sagas.signal(ctx, 'paid', '1', 'paid', { cents: 5 }, once)).toEqual({ kind: 'sent' });
    expect(await process.sagas.signal(ctx, 'paid', '1', 'paid', { cents: 5 }, once)).toEqual({ kind: 'duplicate' });
    expect(await process.sagas.result(ctx, 'paid', '1')).toEqual({ kind: 'completed', result: [5, 'bird'] });
    expect(await process.sagas.signal(ctx, 'paid', '1', 'paid')).toEqual({ kind: 'ended', status: 'completed' });
  });

  test('a signal that does not come in time is undefined', async () => {
    using ctx = context();
    const slow = saga('slow', async (s, _: null) => (await s.signal('never', { timeout: '100ms' })) ?? 'late');
    await using process = sagaProcess(held.database, { slow });
    await process.sagas.start(ctx, 'slow', '1', null);
    expect(await process.sagas.result(ctx, 'slow', '1')).toEqual({ kind: 'completed', result: 'late' });
  });

  test('a parent comes to what its child came to, and fails with what it failed with', async () => {
    using ctx = context();
    const child = saga('child', async (s, n: number) => {
      await s.sleep('1ms');
      if (n < 0) throw new FairleadError('unprocessable', 'NEGATIVE', 'below zero');
      return n * 2;
    });
    const parent = saga('parent', async (s, _: null) => {
      const doubled = await Promise.all([s.child(child, 1), s.child(child, 2)]);
      const failed = await s.child(child, -1).catch((error: FairleadError) => error.code);
      return [doubled, failed];
    });
    await using process = sagaProcess(held.database, { child, parent });
    await process.sagas.start(ctx, 'parent', '1', null);
    expect(await process.sagas.result(ctx, 'parent', '1')).toEqual({ kind: 'completed', result: [[2, 4], 'NEGATIVE'] });
  });

  test('cancelling ends what is waited for and takes back what was done', async () => {
    using ctx = context();
    const undone: string[] = [];
    const long = saga('long', async (s, _: null) => {
      await s.step('a', () => 1, { undo: () => void undone.push('a') });
      await s.sleep('30d');
    });
    await using process = sagaProcess(held.database, { long });
    await process.sagas.start(ctx, 'long', '1', null);
    await until(ctx, async () =>
      (await process.sagas.get(ctx, 'long', '1'))?.status === 'waiting' ? true : undefined,
    );
    expect(await process.sagas.cancel(ctx, 'long', '1', 'no longer wanted')).toEqual({ kind: 'cancelling' });
    expect(await process.sagas.result(ctx, 'long', '1')).toMatchObject({
      kind: 'compensated',
      failure: { code: 'SAGA_CANCELLED', message: 'The run was cancelled: no longer wanted' },
    });
    expect(undone).toEqual(['a']);
  });

  test('runs of a process that dies go on in another', async () => {
    using ctx = context();
    let attempts = 0;
    const { promise: stuck } = Promise.withResolvers<never>();
    const first = saga('survivor', async (s, _: null) => {
      await s.step('one', () => 1);
      await s.step('two', () => stuck, { timeout: 0 });
    });
    const second = saga('survivor', async (s, _: null) => {
      await s.step('one', () => (attempts += 1));
      return s.step('two', () => 'done');
    });
    const one = sagaProcess(held.database, { survivor: first });
    await one.sagas.start(ctx, 'survivor', '1', null);
    await until(ctx, async () => ((await one.sagas.get(ctx, 'survivor', '1'))?.steps === 1 ? true : undefined));
    await one.leases.close({ graceMs: 0 });
    await using two = sagaProcess(held.database, { survivor: second });
    expect(await two.sagas.result(ctx, 'survivor', '1')).toEqual({ kind: 'completed', result: 'done' });
    expect(attempts).toBe(0);
    await one[Symbol.asyncDispose]();
  });
});
