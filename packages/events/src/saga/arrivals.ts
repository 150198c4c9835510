import type { Clock, Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import type { Call, Execution } from './execution.ts';
import type { SagaRecord } from './journal.ts';
import { CANCEL_SIGNAL, loadSignals, type ChildEnd, type SentSignal } from './run-docs.ts';

/** What a signal is to its run: a record, and the call that it answers. */
export interface Arrival {
  readonly call: Call | undefined;
  readonly record: Omit<SagaRecord, 'at'>;
}

/** How often signals are looked for that nobody was told of, while one is waited for and otherwise. */
const LOOK_MS = { waiting: 1_000, busy: 5_000 } as const;

/** Name of the signal by which a child tells its parent of its end. */
export function childSignal(saga: string, id: string): string {
  return `$child ${saga}/${id}`;
}

/** The signals of a run that is in memory, each taken once, by the call that waits for its name the longest. */
export class Arrivals {
  readonly #ground: { readonly database: Database; readonly clock: Clock };
  readonly #ctx: Context;
  readonly #run: { readonly saga: string; readonly id: string };
  readonly #execution: Execution;
  readonly #taken: Set<string>;
  #lookAtMs: number;
  #any = false;

  constructor(
    ground: { readonly database: Database; readonly clock: Clock },
    ctx: Context,
    run: { readonly saga: string; readonly id: string },
    execution: Execution,
    lookNow: boolean,
  ) {
    this.#ground = ground;
    this.#ctx = ctx;
    this.#run = run;
    this.#execution = execution;
    this.#taken = new Set(execution.journal.flatMap(({ from }) => (from === undefined ? [] : from)));
    this.#lookAtMs = lookNow ? -Infinity : ground.clock.monotonic() + LOOK_MS.busy;
  }

  /** Milliseconds until the next look. */
  get lookInMs(): number {
    return Math.max(0, this.#lookAtMs - this.#ground.clock.monotonic());
  }

  /** Whether any were found, taken or not. */
  get any(): boolean {
    return this.#any || this.#taken.size > 0;
  }

  /** There may be some. */
  expect(): void {
    this.#lookAtMs = -Infinity;
  }

  /** What has come, when it is time to look. */
  async look(): Promise<readonly Arrival[]> {
    if (this.lookInMs > 0) return [];
    const waits = this.#execution.open().some((call) => awaited(call) !== undefined);
    this.#lookAtMs = this.#ground.clock.monotonic() + (waits ? LOOK_MS.waiting : LOOK_MS.busy);
    return this.untaken(true);
  }

  /** What has come and is waited for. */
  async untaken(take = false): Promise<readonly Arrival[]> {
    const { saga, id } = this.#run;
    const open = this.#execution.open();
    const arrivals: Arrival[] = [];
    const sent = await loadSignals({ ctx: this.#ctx, database: this.#ground.database }, saga, id);
    this.#any ||= sent.length > 0;
    for (const signal of sent) {
      if (this.#taken.has(signal.key)) continue;
      const at = open.findIndex((call) => awaited(call) === signal.name);
      if (signal.name === CANCEL_SIGNAL ? this.#execution.cancelled !== undefined : at < 0) continue;
      const [call] = at < 0 ? [] : open.splice(at, 1);
      if (take) this.#taken.add(signal.key);
      arrivals.push({ call, record: recordOf(signal, call) });
    }
    return arrivals;
  }
}

/** The signal that a call waits for. */
function awaited({ spec, name }: Call): string | undefined {
  if (spec.kind === 'signal') return name;
  return spec.kind === 'child' ? childSignal(spec.saga.name, spec.id) : undefined;
}

function recordOf({ key, data }: SentSignal, call: Call | undefined): Arrival['record'] {
  if (call === undefined) {
    const reason = typeof data === 'string' && data !== '' ? `: ${data}` : '.';
    const failure = { code: 'SAGA_CANCELLED', kind: 'cancelled', message: `The run was cancelled${reason}` };
    return { kind: 'cancel', name: 'cancel', occurrence: 1, failure, from: key };
  }
  const { name, occurrence, spec } = call;
  if (spec.kind !== 'child') return { kind: 'signal', name, occurrence, result: data ?? null, from: key };
  // Written at the end of a child.
  const { failure, result } = data as ChildEnd;
  const outcome = failure === undefined ? { result } : { failure };
  return { kind: 'child', name, occurrence, ...outcome, from: key };
}
