import { seededRandom, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bothDatabases, type HeldDatabase } from '../both-databases.fixture.ts';
import { Execution } from './execution.ts';
import type { SagaRecord } from './journal.ts';
import { replay } from './replay.ts';
import { sagaAdmin } from './saga-admin.ts';
import { sagaContext } from './saga-context.ts';
import { clock, context, sagaProcess, until } from './saga-world.fixture.ts';
import { saga } from './saga.ts';
import type { SagaContext, SagaStatus } from './saga-types.ts';

describe.each(bothDatabases(clock))('changed code on %s', (_name, create) => {
  let held: HeldDatabase;
  beforeAll(async () => {
    held = await create();
  });
  afterAll(() => held.end());

  const statusIs = (
    process: { readonly sagas: ReturnType<typeof sagaProcess>['sagas'] },
    name: string,
    id: string,
    status: SagaStatus,
  ) => {
    const ctx = context();
    return until(ctx, async () => {
      const run = await process.sagas.get(ctx, name, id);
      return run?.status === status ? run : undefined;
    });
  };

  /** A run of the old code that waits for the signal `go`. */
  async function waiting(name: string, run: (s: SagaContext) => Promise<unknown>): Promise<void> {
    using ctx = context();
    await using old = sagaProcess(held.database, { it: saga(name, (s, _: null) => run(s)) });
    await old.sagas.start(ctx, 'it', '1', null);
    await statusIs(old, 'it', '1', 'waiting');
  }

  test('a step that the code does not come to any more parks the run with the difference, until it is retried', async () => {
    using ctx = context();
    const admin = sagaAdmin(held.database);
    const old = async (s: SagaContext) => {
      await s.step('reserve', () => 1);
      await s.step('charge', () => 2);
      await s.signal('go');
      return 'old';
    };
    await waiting('drifting', old);
    {
      const drifted = saga('drifting', async (s, _: null) => {
        await s.step('reserve', () => 1);
        await s.step('bill', () => 2);
      });
      await using process = sagaProcess(held.database, { it: drifted });
      await process.sagas.signal(ctx, 'it', '1', 'go');
      const { failure } = await statusIs(process, 'it', '1', 'parked');
      expect(failure?.code).toBe('SAGA_DIVERGED');
      expect(failure?.message).toContain('- 2. step charge #1\n+ step bill #1');
      expect((await admin.list(ctx, { status: 'parked' })).sagas).toMatchObject([{ saga: 'drifting', id: '1' }]);
      // It stays parked, whatever comes.
      expect(await process.sagas.signal(ctx, 'it', '1', 'again')).toEqual({ kind: 'sent' });
      expect((await process.sagas.get(ctx, 'it', '1'))?.status).toBe('parked');
    }
    const history = await admin.inspect(ctx, 'drifting', '1');
    const mended = saga('drifting', (s, _: null) => old(s));
    expect(history && (await replay(mended, history))).toEqual({ kind: 'same', ended: false });
    const other = saga('drifting', async (s, _: null) => s.step('else', () => 1));
    expect(history && (await replay(other, history))).toMatchObject({ kind: 'different' });
    await using process = sagaProcess(held.database, { it: mended });
    expect(await admin.retry(ctx, 'drifting', '1')).toEqual({ kind: 'done' });
    expect(await process.sagas.result(ctx, 'it', '1')).toEqual({ kind: 'completed', result: 'old' });
    expect((await admin.list(ctx, { status: 'parked' })).sagas).toEqual([]);
    expect(await admin.retry(ctx, 'drifting', '1')).toMatchObject({ kind: 'refused', status: 'completed' });
  });

  test('patched code goes the old way for runs that are beyond the change, and the new one for others', async () => {
    using ctx = context();
    const go = (s: SagaContext) => s.signal('go', { timeout: '1h' });
    await waiting('patched', async (s) => {
      await s.step('reserve', () => 1);
      // Its beginning is recorded: the run is beyond the change.
      await go(s);
      return 'old';
    });
    const patched = saga('patched', async (s, _: null) => {
      await s.step('reserve', () => 1);
      const way = s.patch('audit') ? await s.step('audit', () => 'new') : 'old';
      await go(s);
      return way;
    });
    await using process = sagaProcess(held.database, { it: patched });
    await process.sagas.start(ctx, 'it', '2', null);
    for (const id of ['1', '2']) await process.sagas.signal(ctx, 'it', id, 'go');
    expect(await process.sagas.result(ctx, 'it', '2')).toEqual({ kind: 'completed', result: 'new' });
    expect(await process.sagas.result(ctx, 'it', '1')).toEqual({ kind: 'completed', result: 'old' });
  });

  test.each([
    ['waits for something that is not from s', async () => new Promise<never>(() => {}), 'SAGA_FOREIGN_WAIT'],
    [
      'asks for steps without end',
      async (s: SagaContext) => {
        for (;;) await s.step('again', () => 1);
      },
      'SAGA_TOO_LONG',
    ],
    [
      'goes round without a step',
      async (s: SagaContext) => {
        for (;;) s.random();
      },
      'SAGA_LOOPS',
    ],
    ['has a result that is not JSON', async (s: SagaContext) => s.step('big', () => 1n), 'SAGA_INVALID'],
    [
      'has a result that is too large',
      async (s: SagaContext) => s.step('large', () => 'x'.repeat(1_001)),
      'SAGA_TOO_LARGE',
    ],
    ['comes to what is not JSON', async () => 1n, 'SAGA_INVALID'],
  ] as const)('a run that %s is parked', async (what, run, code) => {
    using ctx = context();
    const odd = saga('odd', async (s, _: null) => run(s), { maxSteps: 20, maxPayloadBytes: 1_000 });
    await using process = sagaProcess(held.database, { odd });
    await process.sagas.start(ctx, 'odd', what, null);
    const { failure } = await statusIs(process, 'odd', what, 'parked');
    expect(failure?.code).toBe(code);
    expect(failure?.message).toContain('odd');
    expect(await sagaAdmin(held.database).resolve(ctx, 'odd', what, { note: 'a test' })).toEqual({ kind: 'done' });
    expect(await process.sagas.result(ctx, 'odd', what)).toEqual({ kind: 'resolved', result: null, note: 'a test' });
  });
});

/** A program: what each of its parts does, one after another; lists go on side by side. */
type Part = string | readonly Part[];

const parts = fc.letrec<{ part: Part; list: readonly Part[] }>((tie) => ({
  part: fc.oneof({ depthSize: 'small' }, fc.constantFrom('step a', 'step b', 'sleep', 'random', 'now'), tie('list')),
  list: fc.array(tie('part'), { minLength: 1, maxLength: 3 }),
})).list;

async function runParts(s: SagaContext, program: readonly Part[], trail: unknown[]): Promise<void> {
  for (const part of program) {
    if (typeof part !== 'string') await Promise.all(part.map((each) => runParts(s, [each], trail)));
    else if (part === 'sleep') await s.sleep(1);
    else if (part === 'random') trail.push(s.random());
    else if (part === 'now') trail.push(s.now());
    else trail.push(await s.step(part.slice(5), () => 1));
  }
}

/** Runs a program, ending what it asks for in an order that `order` chooses. Resolves to its journal and what it saw. */
async function recorded(program: readonly Part[], seed: number, journal: readonly SagaRecord[], stopAfter: number) {
  const order = seededRandom(seed);
  const trail: unknown[] = [];
  const it = saga('it', (s, _: null) => runParts(s, program, trail));
  const execution = new Execution(it, { runId: '1', seed: 'seed', startedAt: 0, input: null }, journal);
  execution.begin(sagaContext(it, execution, undefined, { state: undefined, attributes: undefined, changed: false }));
  expect(await execution.replay(virtualClock(), 1)).toBeUndefined();
  while (execution.end === undefined && execution.journal.length < stopAfter) {
    const open = execution.open();
    const call = open[Math.floor(order.next() * open.length)];
    if (call === undefined) break;
    const { name, occurrence, spec } = call;
    const at = execution.journal.length + 1;
    // Only steps and sleeps are asked for.
    const kind = spec.kind as 'step' | 'sleep';
    execution.journal.push({ kind, name, occurrence, at, result: `${name} ${occurrence} ${at}` });
    execution.deliver();
    expect(await execution.replay(virtualClock(), 1)).toBeUndefined();
  }
  return { journal: execution.journal, trail, ended: execution.end !== undefined };
}

test('whatever ends in whatever order, a replay sees what was seen, from wherever it begins again', async () => {
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(), fc.nat({ max: 20 }), async (program, seed, cut) => {
      const whole = await recorded(program, seed, [], Infinity);
      expect(whole.ended).toBe(true);
      expect((await recorded(program, seed, whole.journal, Infinity)).trail).toEqual(whole.trail);
      // Up to the cut it saw the same, and what comes after it may come in another order.
      const begun = await recorded(program, seed, whole.journal.slice(0, cut), 0);
      expect(whole.trail.slice(0, begun.trail.length)).toEqual(begun.trail);
      const resumed = await recorded(program, seed + 1, whole.journal.slice(0, cut), Infinity);
      expect(resumed.ended).toBe(true);
      expect((await recorded(program, seed, resumed.journal, Infinity)).trail).toEqual(resumed.trail);
    }),
    { numRuns: 150 },
  );
});
