import type { Context } from '@fairlead/core';
import { attempt, attemptRules, type Attempted } from './attempts.ts';
import { recordedTx, stepContext } from './call-work.ts';
import type { Call, EffectSpec } from './execution.ts';
import type { LiveRun } from './live-run.ts';
import type { SagaFailure } from './saga-types.ts';

const UNDO_ATTEMPTS = 100;
const UNKNOWN: SagaFailure = { code: 'INTERNAL', kind: 'internal', message: 'The journal does not say why it failed.' };

/** The key by which an undo that fails is noted. */
export function undoKey(call: string): string {
  return `undo ${call}`;
}

/** Takes back what the run has done, the last first, and ends it. */
export async function compensate(run: LiveRun): Promise<'done' | 'again'> {
  const { execution } = run;
  run.renewEffects();
  for (;;) {
    const call = nextUndo(run);
    const spec = call && undoOf(call);
    if (call === undefined || spec === undefined) {
      const failure = execution.journal.find(({ kind }) => kind === 'fail')?.failure ?? UNKNOWN;
      return run.end('compensated', { failure });
    }
    if (run.leaving) return run.handOver('compensating');
    const key = undoKey(call.key);
    const failing = run.failing.get(key);
    const nowMs = run.ground.time.nowMs();
    if (failing !== undefined && failing.nextAt > nowMs + run.ground.lingerMs)
      return run.suspend('compensating', failing.nextAt);
    if (failing !== undefined && failing.nextAt > nowMs)
      await run.ground.clock.sleep(failing.nextAt - nowMs, run.ctx.signal);
    if (run.isDirty() || run.held.body.status !== 'compensating') await run.flush({ status: 'compensating' });
    const attempted = await attemptUndo(run, call, spec, key);
    if (attempted.kind === 'done') {
      run.fails(key, undefined);
      if (call.spec.kind === 'step') run.record(undoRecord(call));
    } else if (attempted.kind === 'later') run.fails(key, attempted.failing);
    else if (attempted.kind === 'failed') {
      const { failure, attempts } = attempted;
      run.fails(key, { attempts, postponed: 0, failure, nextAt: nowMs });
      return run.hold('needs-attention', {
        ...failure,
        message: `The undo of the ${call.key} has failed ${attempts} times, the last time with: ${failure.message}`,
      });
    } else run.ctx.throwIfAborted();
  }
}

/** What ended last and is not taken back. */
function nextUndo({ execution }: LiveRun): Call | undefined {
  const undone = new Set(
    execution.journal.flatMap(({ kind, name, occurrence }) => (kind === 'undo' ? `${name} #${occurrence}` : [])),
  );
  let last: Call | undefined;
  for (const call of execution.calls) {
    if (call.done === undefined || undoOf(call) === undefined || undone.has(call.key)) continue;
    if (last?.done === undefined || last.done.place < call.done.place) last = call;
  }
  return last;
}

/** What takes a call back, given what the saga was written for. */
type Undo = (at: unknown, result: unknown, kit: unknown) => unknown;

function undoOf({ spec }: Call): (EffectSpec & { readonly undo: object }) | undefined {
  if (spec.kind !== 'step' && spec.kind !== 'transaction') return undefined;
  return spec.undo === undefined ? undefined : { ...spec, undo: spec.undo };
}

function undoRecord({ spec, name, occurrence }: Call): {
  readonly kind: 'undo';
  readonly name: string;
  readonly occurrence: number;
} {
  return { kind: 'undo', name: `${spec.kind} ${name}`, occurrence };
}

async function attemptUndo(
  run: LiveRun,
  call: Call,
  { kind, undo, retry, timeout }: EffectSpec,
  key: string,
): Promise<Attempted> {
  const { saga, ground, effects, attemptGround } = run;
  const rules = attemptRules(`The saga ${saga.name}: the undo of the ${call.key}`, retry, timeout, UNDO_ATTEMPTS);
  const kitFor = (ctx: Context): unknown => ground.kitFor(ctx, saga.name, `undo ${call.name}`);
  const takeBack = undo as Undo;
  return attempt(effects, attemptGround, rules, run.failing.get(key), async (given) => {
    const ctx = stepContext(run, given, `undo ${kind} ${call.name}`, call.occurrence);
    if (kind === 'step') return takeBack(ctx, call.done?.result, kitFor(ctx));
    return recordedTx(run, ctx, async (tx) => {
      await takeBack(ground.txFor(tx), call.done?.result, kitFor(ctx));
      return undoRecord(call);
    });
  });
}
