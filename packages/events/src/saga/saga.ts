/*
 * Sagas: workflows that outlive their processes, written as plain async functions. Around this file:
 *   saga-types.ts sagas-types.ts  what callers see; sagas-options.ts, duration.ts and payload.ts read what they give
 *   running-sagas.ts  the sagas of a process: own-life.ts and runner-life.ts say whose runs they are and who has died,
 *                     active-runs.ts which are in memory, end-watch.ts who waits for their end
 *   activation.ts     one run in memory (live-run.ts is what others see of it): call-work.ts and attempts.ts do its steps,
 *                     compensation.ts its undos, arrivals.ts takes its signals, lane.ts keeps its records in order
 *   execution.ts      the function on its journal, with no effects; saga-context.ts is the function's side, journal.ts the records
 *   run-docs.ts       where it is kept: run-body.ts is a run's document, new-run.ts its first version, held-run.ts writes it
 *   send-signal.ts    news for a run                   database-time.ts  what time it is there
 */
import type { Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import { durationMs } from './duration.ts';
import type { Saga, SagaFunction, SagaOptions } from './saga-types.ts';

const DEFAULTS = { retention: '7d', maxPayloadBytes: 1024 * 1024, maxSteps: 10_000 } as const;
const MAX_NAME = 100;

/**
 * Defines a saga: a value that those who start it, run it and wait for it share. Runs nothing.
 *
 * `Input` is what it is started with and `Result` what it comes to, both JSON; `Kit` is what its steps get besides their
 * Context, and `T` what its transactions are. The name is part of every stored run: a saga that is renamed is another one.
 * @throws MISCONFIGURED for a name that is empty, has a slash or NUL or more than 100 characters, and for a value out of range
 */
export function saga<Input, Result, Kit = unknown, T extends Tx = Tx>(
  name: string,
  run: SagaFunction<Input, Result, Kit, T>,
  options: SagaOptions<Input> = {},
): Saga<Input, Result, Kit, T> {
  if (name === '' || name.length > MAX_NAME || /[/\0]/.test(name))
    throw fail(
      'MISCONFIGURED',
      `A saga can't be called ${JSON.stringify(name)}: give 1 to ${MAX_NAME} characters without "/" and NUL.`,
    );
  const { input, version, retention, maxPayloadBytes, maxSteps } = { ...DEFAULTS, ...options };
  for (const [option, value] of Object.entries({ maxPayloadBytes, maxSteps })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw fail('MISCONFIGURED', `The saga ${name}: ${option} is ${value}; give a whole number from 1.`);
  }
  const retentionMs = durationMs(retention, `The saga ${name}: retention`);
  return { name, run, options: { input, version, retentionMs, maxPayloadBytes, maxSteps } };
}
