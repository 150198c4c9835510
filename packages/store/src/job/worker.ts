/*
 * Jobs: work that is queued in the transaction of the state change, and done at least once. Around this file:
 *   job-types.ts   what callers see           queue.ts      definitions of queues
 *   enqueue.ts     enqueuing and cancelling   payload.ts    values as JSON
 *   queue-loop.ts  one queue: claims, and what became of jobs, in one statement     claimed-job.ts   its answer
 *   shared-loops.ts  workers that share one      seat.ts   one worker's part in it
 *   joint-claims.ts  claims of many jobs, which are rows of their own      origins.ts   where jobs come from
 *   running-job.ts one attempt                fair-accounts.ts, takes.ts   whose turn it is      lanes.ts   what a look has shown
 *   scatter.ts     jobs in parts              defer.ts      calls of policies as jobs
 *   job-admin.ts, job-admin-dead.ts, job-view.ts   what people and autoscalers ask
 */
import {
  CORE_ERRORS,
  FairleadError,
  type Clock,
  type Closeable,
  type CloseOptions,
  type ScopedContext,
} from '@fairlead/core';
import { SILENT, type StoreTelemetry } from '../telemetry.ts';
import { loopContext } from '../wake/loop-context.ts';
import { Wakeup } from '../wake/wakeup.ts';
import { JOB_CHANNEL } from './enqueue.ts';
import type { JobWorker, WorkerOptions, WorkerState } from './job-types.ts';
import type { QueueLoop } from './queue-loop.ts';
import type { Seat } from './seat.ts';
import { loopOf } from './shared-loops.ts';

const SWEEP = 'select fairlead_job_sweep($1, $2, $3) as told';
const DEFAULT_POLL_MS = 1_000;
const SWEEP_TIMEOUT_MS = 10_000;
/** How often stranded keys are looked for, which nothing is known to leave. */
const THOROUGH_MS = 30_000;
/** How long handlers whose Contexts have ended have to settle. */
const ABORT_MS = 1_000;

interface Swept {
  readonly queues: readonly { readonly name: string; readonly ready: boolean; readonly dueMs: number | null }[] | null;
  readonly cancelled: readonly string[] | null;
}

/**
 * Runs the jobs of some queues in this process, until closed. Begins at once.
 *
 * - *Delivery*: at least once; exactly once for what `job.complete(tx)` commits with.
 * - *A worker that dies* has its jobs returned after the `ttlMs` of its leases, by any other worker on the database. One that
 *   stood still and goes on can't complete what was returned: each claim has a token.
 * - *The database is away*: what was done is told later, what runs goes on for as long as the leases last; then Contexts end.
 * - *Who is next*: tenants share the slots of a worker by weight and time; jobs of a tenant go by priority, then by age;
 *   those of a key one after another.
 *
 * One statement claims and tells; idle queues cost one statement each `pollMs` together.
 * @throws MISCONFIGURED for two handlers of one queue, or a value out of range
 */
export function worker(options: WorkerOptions): JobWorker {
  const { pollMs = DEFAULT_POLL_MS, queues } = options;
  if (!Number.isSafeInteger(pollMs) || pollMs < 10 || pollMs > 2 ** 31 - 1)
    throw misconfigured(`A worker has pollMs ${pollMs}; give a whole number of milliseconds from 10.`);
  const names = new Set(queues.map(({ queue }) => queue.name));
  const twice = queues.find(({ queue }) => !names.delete(queue.name));
  if (twice !== undefined)
    throw misconfigured(`A worker has two handlers for the queue ${twice.queue.name}; give it one.`);
  return new Worker(options, pollMs);
}

/** Its part in one queue. */
interface Place {
  readonly loop: QueueLoop;
  readonly seat: Seat;
}

class Worker implements JobWorker {
  readonly #options: WorkerOptions;
  readonly #clock: Clock;
  readonly #telemetry: StoreTelemetry;
  readonly #pollMs: number;
  readonly #background: ScopedContext;
  readonly #places = new Map<string, Place>();
  readonly #bell = new Wakeup();
  readonly #listening: Promise<Closeable | undefined>;
  readonly #sweeping: Promise<void>;
  #thoroughAtMs: number;
  #kind: WorkerState['kind'] = 'running';
  #closing: Promise<void> | undefined;

  constructor(options: WorkerOptions, pollMs: number) {
    this.#options = options;
    this.#clock = options.clock;
    this.#pollMs = pollMs;
    this.#telemetry = options.telemetry ?? SILENT;
    this.#background = loopContext({ clock: options.clock, random: options.random });
    this.#thoroughAtMs = options.clock.monotonic() + THOROUGH_MS;
    const ground = { ...options, telemetry: this.#telemetry };
    for (const { queue, handler } of options.queues) {
      const loop = loopOf(ground, queue);
      this.#places.set(queue.name, { loop, seat: loop.join(handler) });
    }
    this.#listening = this.#listen();
    this.#sweeping = this.#sweepOn();
  }

  state(): WorkerState {
    const queues: Record<string, { running: number; waiting: number }> = {};
    for (const [name, { loop, seat }] of this.#places) queues[name] = { running: seat.running, waiting: loop.waiting };
    return { kind: this.#kind, queues };
  }

  wake(queue?: string): void {
    if (queue !== undefined) this.#places.get(queue)?.loop.wake();
    else for (const { loop } of this.#places.values()) loop.wake();
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? 5_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listen(): Promise<Closeable | undefined> {
    try {
      return await this.#options.database.listen(JOB_CHANNEL, (queue) => {
        // Without a name it is about a job that is to end.
        if (queue === '') this.#bell.ring();
        else this.wake(queue);
      });
    } catch (error) {
      this.#telemetry.log.warn(undefined, `${this.#options.database.name}: no news of jobs; looking by the clock`, {
        error,
      });
      return undefined;
    }
  }

  async #sweepOn(): Promise<void> {
    while (this.#kind === 'running') {
      await this.#sweep();
      await this.#bell.sleep(this.#clock, this.#pollMs);
    }
  }

  /** Never rejects: what fails is done again. */
  async #sweep(): Promise<void> {
    const { database, leases } = this.#options;
    const nowMs = this.#clock.monotonic();
    const thorough = nowMs >= this.#thoroughAtMs;
    if (thorough) this.#thoroughAtMs = nowMs + THOROUGH_MS;
    try {
      using ctx = this.#background.withTimeout(SWEEP_TIMEOUT_MS);
      const { id } = await leases.standing(ctx);
      const { rows } = await database.query<{ readonly told: Swept }>(ctx, SWEEP, [
        id,
        [...this.#places.keys()],
        thorough,
      ]);
      this.#tell(rows[0]?.told);
    } catch (error) {
      if (!this.#background.signal.aborted)
        this.#telemetry.log.warn(undefined, `${database.name}: jobs could not be looked after; trying again`, {
          error,
        });
    }
  }

  #tell(swept: Swept | undefined): void {
    for (const { name, ready, dueMs } of swept?.queues ?? []) {
      const loop = this.#places.get(name)?.loop;
      if (ready) loop?.wake();
      if (dueMs !== null) loop?.wakeIn(dueMs);
    }
    const cancelled = new Set(swept?.cancelled ?? []);
    if (cancelled.size === 0) return;
    const reason = new FairleadError(CORE_ERRORS.CANCELLED, 'CANCELLED', 'The job was cancelled.');
    for (const { loop } of this.#places.values()) loop.cancel(cancelled, reason);
  }

  async #close(graceMs: number): Promise<void> {
    this.#kind = 'closing';
    const places = [...this.#places.values()];
    for (const { loop, seat } of places) loop.stop(seat);
    const idle = Promise.all(places.map(({ seat }) => seat.idle()));
    if (!(await this.#within(idle, graceMs))) {
      const reason = new FairleadError(CORE_ERRORS.CANCELLED, 'CANCELLED', 'The worker is being closed.');
      for (const { seat } of places) seat.end(reason);
      await this.#within(idle, ABORT_MS);
    }
    // One that has no handler any more tells what it knows and ends; when the database doesn't answer, what was not told returns with
    // the leases.
    const told = Promise.all(places.map(({ loop, seat }) => loop.leave(seat, this.#background.signal)));
    await this.#within(told, Math.max(graceMs, ABORT_MS));
    this.#background.cancel();
    this.#bell.ring();
    await Promise.all([told, this.#sweeping]);
    const unlistened = this.#listening.then((listening) => listening?.close());
    await this.#within(unlistened, ABORT_MS);
    this.#background[Symbol.dispose]();
    this.#kind = 'closed';
  }

  /** Whether `work` has settled in that time. */
  async #within(work: Promise<unknown>, ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#clock.setTimer(ms, () => resolve(false));
    void work.then(() => resolve(true));
    const settled = await promise;
    timer.cancel();
    return settled;
  }
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
