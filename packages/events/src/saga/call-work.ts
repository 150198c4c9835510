import { isError, stepKey, type Context } from '@fairlead/core';
import type { Tx } from '@fairlead/store';
import { childSignal } from './arrivals.ts';
import { fail } from '../errors.ts';
import { attempt, attemptRules, type Attempted } from './attempts.ts';
import { failureFrom, type Call, type CallSpec } from './execution.ts';
import type { SagaRecord } from './journal.ts';
import type { Happening, LiveRun } from './live-run.ts';
import { plainJson } from './payload.ts';
import type { Failing } from './run-body.ts';

/** How often a child that does not begin is tried. */
const CHILD_ATTEMPTS = 1_000_000;

/** Does what a call asks for, until it has a record. Never rejects. */
export async function doCall(run: LiveRun, call: Call): Promise<void> {
  try {
    run.happened(await happeningOf(run, call));
  } catch (error) {
    if (run.ctx.signal.aborted || isError(error, 'SAGA_LOST')) run.happened({ kind: 'lost', error });
    else run.happened({ kind: 'broken', failure: failureFrom(error) });
  }
}

async function happeningOf(run: LiveRun, call: Call): Promise<Happening> {
  const { name, occurrence, spec, key } = call;
  const failing = run.failing.get(key);
  const attempted = await attemptCall(run, call, failing);
  if (attempted.kind === 'ended') return { kind: 'added' };
  if (attempted.kind === 'later') return { kind: 'later', call, failing: attempted.failing };
  // Only of calls that have one.
  const kind = spec.kind as 'step' | 'transaction' | 'child';
  if (attempted.kind === 'failed')
    return { kind: 'record', call, record: { kind, name, occurrence, failure: attempted.failure } };
  if (spec.kind === 'transaction') return { kind: 'added', call };
  if (spec.kind === 'child') return { kind: 'record', call, record: { kind: 'child-begun', name, occurrence } };
  const { maxPayloadBytes } = run.saga.options;
  const what = `The saga ${run.saga.name} ${run.held.body.id}: the result of the step "${name}"`;
  const result = plainJson(what, attempted.value, maxPayloadBytes);
  return { kind: 'record', call, record: { kind, name, occurrence, ...(result !== undefined && { result }) } };
}

async function attemptCall(run: LiveRun, call: Call, failing: Failing | undefined): Promise<Attempted> {
  const { saga, effects, attemptGround, ground } = run;
  const { spec, name, occurrence } = call;
  const place = `The saga ${saga.name}: ${spec.kind} "${name}"`;
  if (spec.kind === 'child') {
    const rules = attemptRules(place, { attempts: CHILD_ATTEMPTS });
    return attempt(effects, attemptGround, rules, failing, (ctx) => startChild(run, ctx, spec));
  }
  if (spec.kind !== 'step' && spec.kind !== 'transaction') return { kind: 'ended' };
  // What it is given is what the saga was written for.
  const work = spec.work as (at: unknown, kit: unknown) => unknown;
  const rules = attemptRules(place, spec.retry, spec.timeout);
  const inStep = (ctx: Context): Context => stepContext(run, ctx, `${spec.kind} ${name}`, occurrence);
  const kitFor = (ctx: Context): unknown => ground.kitFor(ctx, saga.name, name);
  if (spec.kind === 'step')
    return attempt(effects, attemptGround, rules, failing, (given) => {
      const ctx = inStep(given);
      return work(ctx, kitFor(ctx));
    });
  return attempt(effects, attemptGround, rules, failing, (given) => {
    const ctx = inStep(given);
    return recordedTx(run, ctx, async (tx) => {
      const value = await work(ground.txFor(tx), kitFor(ctx));
      const what = `The saga ${saga.name} ${run.held.body.id}: the result of the transaction "${name}"`;
      const result = plainJson(what, value, saga.options.maxPayloadBytes);
      return { kind: 'transaction', name, occurrence, ...(result !== undefined && { result }) };
    });
  });
}

/** The Context of a step: its idempotency key is the same in every attempt and life, and of no other step. */
export function stepContext(run: LiveRun, ctx: Context, step: string, occurrence: number): Context {
  return ctx.derive({ idempotencyKey: stepKey(run.ctx, step, occurrence) });
}

/**
 * A transaction with a record in it, both or none of which are. When the commit's answer was lost it is found out.
 * @throws SAGA_LOST
 */
export async function recordedTx(
  run: LiveRun,
  ctx: Context,
  work: (tx: Tx) => Promise<Omit<SagaRecord, 'at'>>,
): Promise<void> {
  const { ground, held, lane } = run;
  let written: SagaRecord | undefined;
  // Before the transaction: who is in the lane may need the connection that this would hold.
  const leave = await lane.enter();
  try {
    ctx.throwIfAborted();
    const adopt = await ground.database.tx(ctx, async (tx) => {
      const record = await work(tx);
      ctx.throwIfAborted();
      written = run.record(record);
      return held.writeIn(tx, run.shown());
    });
    adopt();
  } catch (error) {
    if (written === undefined) throw error;
    const isDoubtful = isError(error, 'COMMIT_UNKNOWN') || ctx.signal.aborted;
    if (isDoubtful && (await held.hasCommitted())) return;
    run.takeBack(written);
    throw error;
  } finally {
    leave();
  }
}

async function startChild(
  run: LiveRun,
  ctx: Context,
  { saga, id, input }: Extract<CallSpec, { readonly kind: 'child' }>,
): Promise<void> {
  const { saga: name, id: parent } = run.held.body;
  const told = await run.ground.startChild(ctx, saga, id, input, {
    saga: name,
    id: parent,
    signal: childSignal(saga.name, id),
  });
  if (told.kind !== 'conflict') return;
  throw fail(
    'SAGA_CHILD_CONFLICT',
    `The child ${saga.name} ${id} is there already, begun by somebody else or with another input. Give children ids of their own.`,
    { details: { retry: false } },
  );
}
