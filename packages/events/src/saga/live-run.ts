import type { Clock, Context, Random } from '@fairlead/core';
import type { Database, StoreTelemetry, Tx } from '@fairlead/store';
import type { AttemptGround } from './attempts.ts';
import type { DatabaseTime } from './database-time.ts';
import type { Call, Execution } from './execution.ts';
import type { HeldRun, WriteOptions } from './held-run.ts';
import type { SagaRecord } from './journal.ts';
import type { Lane } from './lane.ts';
import type { Failing, ParentRun, RunBody } from './run-body.ts';
import type { AnySaga, SagaFailure, SagaStatus, StartResult } from './saga-types.ts';

/** What runs are activated with. */
export interface ActivationGround {
  /** Of tenants, for what sagas do. */
  readonly database: Database;
  /** Of all of them, for what is written about runs. */
  readonly wide: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly time: DatabaseTime;
  readonly kitFor: (ctx: Context, saga: string, step: string) => unknown;
  readonly txFor: (tx: Tx) => Tx;
  readonly telemetry: StoreTelemetry | undefined;
  readonly lingerMs: number;
  readonly foreignWaitMs: number;
  startChild(ctx: Context, saga: AnySaga, id: string, input: unknown, parent: ParentRun): Promise<StartResult>;
  /** Has a child of a run that ends end as well. */
  cancelChild(ctx: Context, saga: string, id: string): Promise<void>;
  /** Tells those who wait in this process. */
  ended(run: RunBody, tenant: string | undefined): void;
}

/** What has come of a call. */
export type Happening =
  /** It has a record, or a run has one without a call. */
  | { readonly kind: 'record'; readonly call: Call | undefined; readonly record: Omit<SagaRecord, 'at'> }
  /** Its record is in the journal already. */
  | { readonly kind: 'added'; readonly call?: Call }
  /** It is tried again when that time has come. */
  | { readonly kind: 'later'; readonly call: Call; readonly failing: Failing }
  /** The run can't go on. */
  | { readonly kind: 'broken'; readonly failure: SagaFailure }
  /** The run is somebody else's by now, or its database refuses. */
  | { readonly kind: 'lost'; readonly error: unknown };

/** A run in memory, as those see it that do its calls and undos. */
export interface LiveRun {
  readonly saga: AnySaga;
  readonly ground: ActivationGround;
  readonly held: HeldRun;
  readonly execution: Execution;
  /** Whoever is in it adds records and writes them. */
  readonly lane: Lane;
  /** Under which everything of it is written. */
  readonly ctx: Context;
  /** Under which its steps are done: ends when they are needed no more. */
  readonly effects: Context;
  readonly attemptGround: AttemptGround;
  /** Steps and undos that fail at present, by key. */
  readonly failing: ReadonlyMap<string, Failing>;
  /** Whether the process is to be left. */
  readonly leaving: boolean;
  /** Tells what has happened to a call, for when there is time for it. */
  happened(what: Happening): void;
  /** Adds a record, which is durable with the next write. */
  record(record: Omit<SagaRecord, 'at'>): SagaRecord;
  /** Takes back the record that was added last: its transaction was rolled back. */
  takeBack(record: SagaRecord): void;
  /** What is written besides the journal. */
  shown(): Partial<RunBody>;
  /** Notes that a step fails, or does no more. */
  fails(key: string, failing: Failing | undefined): void;
  /** Lets undos be done after steps were ended. */
  renewEffects(): void;
  /** Whether something is not durable. */
  isDirty(): boolean;
  /** Writes what is not durable. */
  flush(changes?: Partial<RunBody>, options?: WriteOptions): Promise<void>;
  /** Ends the run. */
  end(status: SagaStatus, outcome: { readonly result?: unknown; readonly failure?: SagaFailure }): Promise<'done'>;
  /** Lets it be until then, or until something happens. `again`: it has. */
  suspend(status: SagaStatus, untilMs: number | undefined): Promise<'done' | 'again'>;
  /** Leaves it to whoever is next. */
  handOver(status: SagaStatus): Promise<'done'>;
  /** Leaves it to people. */
  hold(status: 'parked' | 'needs-attention', failure: SagaFailure): Promise<'done'>;
}
