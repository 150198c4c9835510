import { continueFrom, FairleadError, isError, type Clock, type Random, type ScopedContext } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import type { ClaimedJob } from './claimed-job.ts';
import type { Job, JobHandler, Queue } from './job-types.ts';
import { jsonOf } from './payload.ts';
import { failureOf } from '../failure.ts';

const COMPLETE = keepPrepared('select fairlead_job_complete($1, $2, array[$3::uuid], array[$4::integer]) as done');
const PROGRESS = `update fairlead_job set progress = $3 where id = $1 and token = $2 and state in ('running', 'ready')`;

const MAX_PROGRESS_BYTES = 16 * 1024;
/** How long a handler has to settle after its time is over, before its job is repeated without waiting for it. */
export const SETTLE_MS = 5_000;

/** What became of an attempt, for the statement that settles it. */
export type Outcome =
  | { readonly kind: 'done' }
  /** It was ended in a transaction of the handler's. */
  | { readonly kind: 'completed' }
  | { readonly kind: 'retry'; readonly code: string; readonly message: string; readonly delayMs: number }
  | { readonly kind: 'dead'; readonly code: string; readonly message: string; readonly reason: 'refused' | 'deadline' }
  | { readonly kind: 'release' }
  /** Its process has lost its leases: whoever notices returns the job, and the attempt counts as one that a crash ended. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'cancelled' };

/** What a job is run with. */
export interface JobGround {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

/** A job from the beginning of its attempt until its handler has settled. */
export class RunningJob implements Job<unknown> {
  readonly claimed: ClaimedJob;
  readonly #queue: Queue<unknown>;
  readonly #ground: JobGround;
  readonly #ctx: ScopedContext;
  #payload: { readonly value: unknown } | undefined;
  #completed = false;
  /** Why it was ended from outside. */
  #ending: 'cancelled' | 'release' | 'lost' | undefined;

  constructor(ground: JobGround, queue: Queue<unknown>, claimed: ClaimedJob) {
    this.claimed = claimed;
    this.#queue = queue;
    this.#ground = ground;
    const { clock, random } = ground;
    const leftMs = claimed.endsAtMs - clock.monotonic();
    const timeoutMs = Math.max(0, Math.min(queue.options.timeoutMs === 0 ? Infinity : queue.options.timeoutMs, leftMs));
    this.#ctx = continueFrom(
      { ...claimed.origin, tenant: this.tenant },
      { clock, random, timeoutMs, causationId: claimed.id, idempotencyKey: `job-${claimed.id}` },
    );
  }

  get id(): string {
    return this.claimed.id;
  }
  get queue(): string {
    return this.#queue.name;
  }
  get tenant(): string | undefined {
    return this.claimed.tenant === '' ? undefined : this.claimed.tenant;
  }
  get key(): string | undefined {
    return this.claimed.key;
  }
  get parent(): string | undefined {
    return this.claimed.parent;
  }
  get payload(): unknown {
    this.#payload ??= { value: JSON.parse(this.claimed.json) };
    return this.#payload.value;
  }
  get priority(): number {
    return this.claimed.priority;
  }
  get attempt(): number {
    return this.claimed.attempt;
  }
  get maxAttempts(): number {
    return this.claimed.maxAttempts;
  }
  get enqueuedAt(): number {
    return this.claimed.enqueuedAt;
  }
  get deadline(): number | undefined {
    return this.claimed.deadline;
  }

  async complete(tx: Tx): Promise<void> {
    const { rows } = await tx.query<{ readonly done: number }>(COMPLETE, [
      this.queue,
      this.#queue.options.retentionMs,
      this.id,
      this.claimed.token,
    ]);
    if (rows[0]?.done !== 1) throw this.#lost();
    tx.afterCommit(() => (this.#completed = true));
  }

  async progress(value: unknown): Promise<void> {
    const json = jsonOf(`${this.queue}: the job ${this.id}`, 'progress', value, MAX_PROGRESS_BYTES);
    const { rowCount } = await this.#ground.database.query(this.#ctx, PROGRESS, [this.id, this.claimed.token, json]);
    if (rowCount !== 1) throw this.#lost();
  }

  /** Ends it from outside: its Context ends, and once it has settled it is cancelled, given back or left to others. The first time counts. */
  end(how: 'cancelled' | 'release' | 'lost', reason: FairleadError): void {
    if (this.#ending !== undefined) return;
    this.#ending = how;
    this.#ctx.cancel(reason);
  }

  /**
   * Runs the handler. Calls `onOutcome` once: when it has settled, or a while after its time is over if it has not. Resolves when it has
   * settled. Never rejects.
   */
  async run(handler: JobHandler<unknown>, onOutcome: (outcome: Outcome) => void): Promise<void> {
    let told = false;
    const tell = (outcome: Outcome): void => {
      if (told) return;
      told = true;
      onOutcome(outcome);
    };
    let overdue = (): void => {};
    const stop = this.#ctx.onEnd(() => {
      const timer = this.#ground.clock.setTimer(SETTLE_MS, () =>
        tell(this.#failed(fail('JOB_LOST', `It had not settled ${SETTLE_MS} ms after its time was over.`))),
      );
      overdue = () => timer.cancel();
    });
    try {
      await handler(this.#ctx, this);
      tell(this.#completed ? { kind: 'completed' } : { kind: 'done' });
    } catch (error) {
      tell(this.#completed ? { kind: 'completed' } : this.#failed(error));
    } finally {
      stop();
      overdue();
      this.#ctx[Symbol.dispose]();
    }
  }

  #failed(error: unknown): Outcome {
    if (this.#ending !== undefined) return { kind: this.#ending };
    const { clock, random } = this.#ground;
    const known = error instanceof FairleadError ? error : undefined;
    const code = known?.code ?? 'JOB_FAILED';
    const { message, retryAfterMs } = failureOf(error, this.#ctx);
    if (this.claimed.endsAtMs <= clock.monotonic()) return { kind: 'dead', code, message, reason: 'deadline' };
    if (known !== undefined && (known.kind === 'invalid' || known.details['retry'] === false))
      return { kind: 'dead', code, message, reason: 'refused' };
    // A policy that turned a call away says it in the details.
    const asked = retryAfterMs || known?.details['retryAfterMs'];
    const leastMs = typeof asked === 'number' && asked > 0 && asked < Infinity ? asked : 0;
    const timedOut = isError(error, 'DEADLINE_EXCEEDED') && this.#ctx.remainingMs() === 0;
    const delayMs = Math.max(leastMs, this.#queue.delayFor(this.attempt, random));
    return { kind: 'retry', code: timedOut ? 'JOB_TIMEOUT' : code, message, delayMs };
  }

  #lost(): FairleadError {
    return fail(
      'JOB_LOST',
      `${this.queue}: the job ${this.id} is no longer ours: it was returned to its queue, has ended or was cancelled. Roll back; whoever has it now does it.`,
      { details: { job: this.id, retry: true } },
    );
  }
}
