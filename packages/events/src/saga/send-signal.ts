import { uuidV7, type Context } from '@fairlead/core';
import { enqueue, type Database, type Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import { plainJson } from './payload.ts';
import { hasEnded } from './run-body.ts';
import { CANCEL_SIGNAL, loadRun, SAGA_CHANNEL, SAGA_DOCS, sagaKeys, WAKE_QUEUE } from './run-docs.ts';
import type { CancelSagaResult, SignalResult } from './saga-types.ts';

/** What is sent, and to whom. */
export interface SignalToSend {
  readonly saga: string;
  readonly id: string;
  readonly name: string;
  readonly data?: unknown;
  readonly dedupe?: string | undefined;
}

const MAX_NAME = 200;
const MAX_DATA_BYTES = 1024 * 1024;

/** Names a run among those that a process has in memory. */
export function runName(tenant: string | undefined, saga: string, id: string): string {
  return `${tenant ?? ''}\n${saga}\n${id}`;
}

/** Does something in a transaction that is given, or in one of its own. */
export function inTx<T>(at: Tx | Context, database: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return 'query' in at ? work(at) : database.tx(at, work);
}

/** @throws SAGA_INVALID for a name that is empty, too long or the engine's */
export function checkSignal({ saga, name, data, dedupe }: SignalToSend, maxBytes = MAX_DATA_BYTES): void {
  for (const text of [name, dedupe])
    if (text !== undefined && (text === '' || text.length > MAX_NAME || text.startsWith('$') || text.includes('\0')))
      throw fail(
        'SAGA_INVALID',
        `${saga}: a signal can't be called, or told apart by, ${JSON.stringify(text)}: give 1 to ${MAX_NAME} characters that don't begin with "$".`,
      );
  plainJson(`${saga}: the signal "${name}"`, data, maxBytes);
}

/** Sends a signal in a transaction; see `Sagas.signal`. */
export async function sendSignal(tx: Tx, { saga, id, name, data, dedupe }: SignalToSend): Promise<SignalResult> {
  const run = await loadRun(tx, saga, id);
  if (run === undefined) return { kind: 'unknown' };
  if (hasEnded(run.body.status)) return { kind: 'ended', status: run.body.status };
  const key = sagaKeys.signal(saga, id, name, dedupe ?? uuidV7(tx.ctx));
  const put = await SAGA_DOCS.put(tx, key, { name, data }, { expected: 'none' });
  if (put.kind === 'conflict') return { kind: 'duplicate' };
  await enqueue(tx, WAKE_QUEUE, { saga, id, why: 'news' });
  tx.announce(SAGA_CHANNEL, runName(tx.ctx.tenant, saga, id));
  return { kind: 'sent' };
}

/** Asks a run to end, in a transaction; see `Sagas.cancel`. */
export async function sendCancel(tx: Tx, saga: string, id: string, reason: string): Promise<CancelSagaResult> {
  const sent = await sendSignal(tx, { saga, id, name: CANCEL_SIGNAL, data: reason, dedupe: CANCEL_SIGNAL });
  return sent.kind === 'ended' || sent.kind === 'unknown' ? sent : { kind: 'cancelling' };
}
