import type { Closeable, Clock, CloseOptions, Context, Random } from '@fairlead/core';
import type { Database, Leases, StoreTelemetry, Tx } from '@fairlead/store';
import type { Sagas, SagaSet } from './saga-types.ts';

/** What a process runs sagas with. */
export interface SagasOptions<S extends SagaSet, Kit = unknown, T extends Tx = Tx> {
  /** The service's own, as its transactions see it: under row tenancy those of a Context's tenant. Not closed. */
  readonly database: Database;
  /**
   * The leases of this process, on the same database. What they lapse after (`ttlMs`) plus a second is how long a run stands still
   * when its process dies; 3 000 is a good value. Not closed; close them later.
   */
  readonly leases: Leases;
  readonly sagas: S;
  readonly clock: Clock;
  readonly random: Random;
  /** The kit of one attempt of a step, or of one transaction. Default: `undefined`. */
  readonly kitFor?: (ctx: Context, saga: string, step: string) => Kit;
  /** What a step's transaction is to its function. Default: itself. */
  readonly txFor?: (tx: Tx) => T;
  /** Logs and metrics. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
  /** Runs that this process has in memory at the same time; others wait. Default 1 000; from 1 to 100 000. */
  readonly maxActive?: number;
  /** How long a run that waits stays in memory, in milliseconds. Default 1 000; 0 leaves at once. */
  readonly lingerMs?: number;
  /** How often to look whether other processes have died, in milliseconds. Default 1 000; at least 10. */
  readonly watchMs?: number;
  /** How long a saga's function may wait for something that is not from its `s`, in milliseconds, before it is parked. Default 5 000. */
  readonly foreignWaitMs?: number;
}

/** The sagas of a process, running until closed. */
export interface RunningSagas<S extends SagaSet> extends Sagas<S>, Closeable {
  /** Runs in memory now. */
  readonly active: number;
  /**
   * Begins nothing more and lets steps under way end for `graceMs` (default 5 000); what goes on afterwards does so in another
   * process, at once.
   */
  close(options?: CloseOptions): Promise<void>;
}
