import { createContext, realRandom, type Clock, type Context, type Random } from '@fairlead/core';
import type { Database, Row } from '../../database.ts';
import { leases } from '../../lease/leases.ts';
import type { Leases, LeasesOptions } from '../../lease/lease-types.ts';
import { enqueue } from '../enqueue.ts';
import type { EnqueueOptions, EnqueueResult, HandledQueue, JobWorker, Queue, WorkerOptions } from '../job-types.ts';
import { worker } from '../worker.ts';

/** Where jobs are tried: a database, and time. */
export interface JobPlace {
  readonly database: Database;
  readonly clock: Clock;
  /** Lets a little time pass. */
  readonly tick: () => Promise<void>;
}

const TICKS = 4_000;

const SEEN = `select case when (id, token) in (select job, token from fairlead_job_claimed) then 'running' else state end as state,
  attempt, holder, dead_reason, run_at, progress, key from fairlead_job`;

/** What tests of jobs do again and again. Ends what it began. */
export class JobBed implements AsyncDisposable {
  readonly place: JobPlace;
  readonly random: Random = realRandom();
  readonly #ends: AsyncDisposable[] = [];

  constructor(place: JobPlace) {
    this.place = place;
  }

  context(facts: { readonly tenant?: string } = {}): Context {
    return createContext({ clock: this.place.clock, random: this.random, ...facts });
  }

  enqueue<T>(
    queue: Queue<T>,
    payload: T,
    options: EnqueueOptions & { readonly tenant?: string } = {},
  ): Promise<EnqueueResult> {
    const { tenant, ...more } = options;
    return this.place.database.tx(this.context(tenant === undefined ? {} : { tenant }), (tx) =>
      enqueue(tx, queue, payload, more),
    );
  }

  leases(holder = 'orders-1', more: Partial<LeasesOptions> = {}): Leases {
    const { database, clock } = this.place;
    const held = leases({ database, holder, clock, random: this.random, ttlMs: 900, renewEveryMs: 300, ...more });
    this.#ends.push(held);
    return held;
  }

  worker(queues: readonly HandledQueue[], more: Partial<WorkerOptions> = {}): JobWorker {
    const { database, clock } = this.place;
    const held = more.leases ?? this.leases();
    const started = worker({ database, leases: held, queues, clock, random: this.random, pollMs: 50, ...more });
    this.#ends.push(started);
    return started;
  }

  /** Lets time pass until it is so. */
  async until(so: () => boolean | Promise<boolean>): Promise<void> {
    for (let left = TICKS; !(await so()); left -= 1) {
      if (left === 0) throw new Error('It did not come about.');
      await this.place.tick();
    }
  }

  /** Lets some ticks pass. */
  async ticks(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) await this.place.tick();
  }

  async rows<R extends Row>(text: string, params: readonly unknown[] = []): Promise<readonly R[]> {
    return (await this.place.database.query<R>(this.context(), text, params)).rows;
  }

  /** Jobs of which that is true, each running one in the state that people see, whatever its claim is written in. */
  async count(where = 'true'): Promise<number> {
    const [row] = await this.rows<{ n: number }>(`select count(*)::int as n from (${SEEN}) j where ${where}`);
    return row?.n ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Time has to pass for what waits to end.
    let ended = false;
    const ending = (async () => {
      try {
        for (const end of this.#ends.toReversed()) await end[Symbol.asyncDispose]();
      } finally {
        ended = true;
      }
    })();
    while (!ended) await this.place.tick();
    await ending;
  }
}

/** The id of a job that was enqueued. */
export function idOf(result: EnqueueResult | undefined): string {
  if (result?.kind !== 'enqueued') throw new Error(`It was ${result?.kind ?? 'nothing'}.`);
  return result.id;
}

/** The first of some, which is there. */
export function only<T>(values: readonly T[]): T {
  const [first] = values;
  if (first === undefined) throw new Error('There is none.');
  return first;
}

/** A handler that has nothing to do. */
export const nothing = async (): Promise<void> => {};
