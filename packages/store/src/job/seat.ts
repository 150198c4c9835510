import type { FairleadError } from '@fairlead/core';
import type { ClaimedJob } from './claimed-job.ts';
import type { Charge } from './fair-accounts.ts';
import type { JobHandler, Queue } from './job-types.ts';
import { RunningJob, type JobGround, type Outcome } from './running-job.ts';
import type { Standing } from '../lease/lease-types.ts';

/** A job that is claimed and not begun. */
export interface Waiting {
  readonly claimed: ClaimedJob;
  readonly claim: string;
  readonly charge: Charge;
  readonly standing: Standing;
}

/** A job that is begun, and its account. */
interface Begun {
  readonly job: RunningJob;
  readonly charge: Charge;
  readonly startedMs: number;
  readonly standing: Standing;
}

/** What a seat tells of. */
export interface SeatEvents {
  /** A job has ended after `tookMs`, or it is over without its handler having settled. Before `onFree`. */
  readonly onOutcome: (waiting: Waiting, outcome: Outcome, tookMs: number) => void;
  /** Its handler has settled. */
  readonly onFree: (claimed: ClaimedJob) => void;
}

/** One worker's part in a queue: its handler, and the jobs that this has in hand. */
export class Seat {
  readonly #ground: JobGround;
  readonly #queue: Queue<unknown>;
  readonly #handler: JobHandler<unknown>;
  readonly #events: SeatEvents;
  readonly #begun = new Map<string, Begun>();
  /** Settle with the handlers, the outcomes of which may have been told before. */
  readonly #handlers = new Set<Promise<void>>();
  /** Whether it begins jobs. */
  open = true;

  constructor(ground: JobGround, queue: Queue<unknown>, handler: JobHandler<unknown>, events: SeatEvents) {
    this.#ground = ground;
    this.#queue = queue;
    this.#handler = handler;
    this.#events = events;
  }

  /** Jobs that run. */
  get running(): number {
    return this.#handlers.size;
  }

  /** How many it can begin now. */
  get free(): number {
    return this.open ? this.#queue.options.concurrency - this.#handlers.size : 0;
  }

  begin(waiting: Waiting): void {
    const { clock } = this.#ground;
    const { claimed, charge, standing } = waiting;
    const job = new RunningJob(this.#ground, this.#queue, claimed);
    const startedMs = clock.monotonic();
    this.#begun.set(claimed.id, { job, charge, startedMs, standing });
    const handling = job
      .run(this.#handler, (outcome) => {
        this.#begun.delete(claimed.id);
        this.#events.onOutcome(waiting, outcome, clock.monotonic() - startedMs);
      })
      .then(() => {
        this.#handlers.delete(handling);
        this.#events.onFree(claimed);
      });
    this.#handlers.add(handling);
  }

  /** Tells what each job that runs has taken so far. */
  elapsed(nowMs: number, each: (charge: Charge, elapsedMs: number) => void): void {
    for (const { charge, startedMs } of this.#begun.values()) each(charge, nowMs - startedMs);
  }

  /** Ends those of these jobs that run here. */
  cancel(ids: ReadonlySet<string>, reason: FairleadError): void {
    for (const id of ids) this.#begun.get(id)?.job.end('cancelled', reason);
  }

  /** Ends what runs under a holder whose life has ended. */
  lose(signal: AbortSignal): void {
    for (const { job, standing } of this.#begun.values())
      // The signal's reason is the end of a holder's life.
      if (standing.signal === signal) job.end('lost', signal.reason as FairleadError);
  }

  /** Ends what runs. */
  end(reason: FairleadError): void {
    for (const { job } of this.#begun.values()) job.end('release', reason);
  }

  /** Resolves when all handlers have settled. */
  async idle(): Promise<void> {
    while (this.#handlers.size > 0) await Promise.all(this.#handlers);
  }
}
