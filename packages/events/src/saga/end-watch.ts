import { backoff, type Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import { fail } from '../errors.ts';
import { hasEnded, type RunBody } from './run-body.ts';
import { loadRun } from './run-docs.ts';
import type { SagaOutcome } from './saga-types.ts';
import { runName } from './send-signal.ts';

const POLL = { baseMs: 40, maxMs: 1_000 } as const;

/** Tells those who wait for the ends of runs: at once when they end in this process, soon when elsewhere. */
export class EndWatch {
  readonly #waiting = new Map<string, Set<(body: RunBody) => void>>();

  tell(body: RunBody, tenant: string | undefined): void {
    for (const tell of this.#waiting.get(runName(tenant, body.saga, body.id)) ?? []) tell(body);
  }

  /**
   * Waits until a run has ended.
   * @param isHere whether this process would tell
   * @throws SAGA_UNKNOWN, and the Context's reason
   */
  async wait(
    ctx: Context,
    database: Database,
    saga: string,
    id: string,
    isHere: (name: string) => boolean,
  ): Promise<SagaOutcome<never>> {
    const name = runName(ctx.tenant, saga, id);
    const waits = backoff({ ...POLL, random: ctx.random });
    const { promise, resolve } = Promise.withResolvers<RunBody>();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(resolve));
    try {
      for (let look = 1; ; look += 1) {
        // Runs of this process tell of their end.
        const here = look === 1 && isHere(name);
        const run = here ? undefined : await loadRun({ ctx, database }, saga, id);
        if (!here && run === undefined)
          throw fail('SAGA_UNKNOWN', `There is no run ${id} of ${saga}, or no more: its saga's retention is over.`);
        if (run !== undefined && hasEnded(run.body.status)) return outcomeOf(run.body);
        const delayMs = isHere(name) ? POLL.maxMs : POLL.baseMs + waits.delayFor(look);
        // Ends the sleep when the other one is first.
        using pause = ctx.withCancel();
        const ended = await Promise.race([promise, sleep(pause, delayMs)]);
        if (ended !== undefined) return outcomeOf(ended);
      }
    } finally {
      waiting.delete(resolve);
      if (waiting.size === 0) this.#waiting.delete(name);
    }
  }
}

async function sleep(ctx: Context, delayMs: number): Promise<undefined> {
  await ctx.clock.sleep(delayMs, ctx.signal);
}

function outcomeOf({ status, result, failure, note }: RunBody): SagaOutcome<never> {
  // What the saga's function has come to; its type is the caller's claim about its own saga.
  if (status === 'completed') return { kind: 'completed', result: result as never };
  if (status === 'resolved') return { kind: 'resolved', result, note: note ?? '' };
  return {
    kind: 'compensated',
    failure: failure ?? { code: 'INTERNAL', kind: 'internal', message: 'Nothing is known of its failure.' },
  };
}
