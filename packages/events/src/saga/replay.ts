import { realClock, type Clock } from '@fairlead/core';
import { Execution } from './execution.ts';
import type { RecordKind, SagaRecord } from './journal.ts';
import { hasEnded, type Exposed } from './run-body.ts';
import { sagaContext } from './saga-context.ts';
import type { AnySaga, ReplayVerdict, SagaHistory } from './saga-types.ts';

/** How long the function may wait for something that is not from its `s`, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * Runs a saga's code on the history of a run (`SagaAdmin.inspect`), and compares the calls that it comes to with the journal. Does
 * nothing of what the code asks for: for tests, before code is changed that runs are in the middle of.
 */
export async function replay(
  saga: AnySaga,
  history: SagaHistory,
  { clock = realClock() }: { readonly clock?: Clock } = {},
): Promise<ReplayVerdict> {
  const { id: runId, seed, startedAt, input } = history;
  // What `inspect` answers is what the engine has written; other kinds fit nothing.
  const journal = history.journal.map((record): SagaRecord => ({ ...record, kind: record.kind as RecordKind }));
  const execution = new Execution(saga, { runId, seed, startedAt, input }, journal);
  const exposed: Exposed = { state: undefined, attributes: undefined, changed: false };
  execution.begin(sagaContext(saga, execution, history.tenant, exposed));
  const broken = await execution.replay(clock, PATIENCE_MS);
  if (broken !== undefined) return { kind: 'different', difference: broken.message };
  if (history.status !== 'completed') return { kind: 'same', ended: hasEnded(history.status) };
  const end = execution.end;
  if (end?.kind === 'returned') return { kind: 'same', ended: true };
  const asked = execution.open().map(({ key }) => `+ ${key}`);
  return {
    kind: 'different',
    difference: `${saga.name} ${runId} has completed after its last record; the code ${end === undefined ? 'goes on' : 'throws'}.\n${asked.join('\n')}`,
  };
}
