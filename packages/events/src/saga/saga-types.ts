import type { Context } from '@fairlead/core';
import type { BackoffSpec } from '@fairlead/policy';
import type { Tx } from '@fairlead/store';

/** A length of time: `250ms`, `30s`, `15m`, `2h`, `3d`, or milliseconds. */
export type SagaDuration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** How a step is repeated when it fails. */
export interface StepRetry {
  /** How often it is begun before its failure is the saga's. Default 10; from 1 (nothing is repeated) to 1 000 000. */
  readonly attempts?: number;
  /** Time between attempts, as policies write it. Default `{ base: '1s', cap: '5m' }`, so with full jitter. */
  readonly backoff?: BackoffSpec;
}

/** How a step of the outside world is done. */
export interface StepOptions<Result, Kit = unknown> {
  /** An error of kind `invalid`, or one with `details.retry` false, is not repeated whatever this says. */
  readonly retry?: StepRetry;
  /** How long one attempt may take; then its Context ends. Default `5m`; 0 is no limit. */
  readonly timeout?: SagaDuration;
  /**
   * Takes back what the step did, when the saga fails or is cancelled after it. Undos run one after another, the step that
   * ended last first, each repeated as `retry` says (100 attempts unless it says otherwise) and under an idempotency key of its own. One
   * that is given up makes the saga `needs-attention`. Default: there is nothing to take back.
   */
  readonly undo?: (ctx: Context, result: Result, kit: Kit) => unknown;
}

/** How a local transaction is done. */
export interface TransactionOptions<Result, Kit = unknown, T extends Tx = Tx> {
  /** As for a step. */
  readonly retry?: StepRetry;
  /** As for a step. */
  readonly timeout?: SagaDuration;
  /** Takes it back in a transaction: effective exactly once, as the step itself is. As for a step otherwise. */
  readonly undo?: (tx: T, result: Result, kit: Kit) => unknown;
}

/**
 * What a saga does everything with. The function between these calls must come to the same calls whenever it is run on the
 * same answers: time, chance and ids come from here, waiting is only for what is asked for here. What it calls are *steps*, told
 * apart by kind, name and occurrence, so a loop may repeat a name and parallel ones may end in any order.
 *
 * A result is JSON, and what the saga gets is what JSON makes of it, also the first time. Failures are `FairleadError`s
 * with the code, kind, message and details of what the step threw (`INTERNAL` for other errors).
 */
export interface SagaContext<Kit = unknown, T extends Tx = Tx> {
  /** Name of the saga. */
  readonly name: string;
  /** Id of this run. */
  readonly runId: string;
  readonly tenant: string | undefined;
  /**
   * Does something outside of the service's database: at least once; once it is recorded, never again. `ctx.idempotencyKey` is the
   * same in every attempt and after every restart, and different for every step: whoever honours it does it once.
   */
  step<Result>(
    name: string,
    work: (ctx: Context, kit: Kit) => Result | Promise<Result>,
    options?: StepOptions<Result, Kit>,
  ): Promise<Result>;
  /**
   * Does something in the service's database: exactly once, since the step's record commits in the same transaction. Repeated
   * as a step is; when another process has the run by now, it is rolled back.
   */
  transaction<Result>(
    name: string,
    work: (tx: T, kit: Kit) => Result | Promise<Result>,
    options?: TransactionOptions<Result, Kit, T>,
  ): Promise<Result>;
  /** Waits, by `fairlead.now()`; nothing of the run is in memory meanwhile when it is long. `name` tells sleeps apart. */
  sleep(duration: SagaDuration, name?: string): Promise<void>;
  /**
   * Takes the next signal of this name, also one that came before it was asked for; in the order in which they came.
   * `undefined` when none came in time. Default `timeout`: none.
   */
  signal<Data>(name: string): Promise<Data>;
  signal<Data>(name: string, options: { readonly timeout: SagaDuration }): Promise<Data | undefined>;
  /**
   * Runs another saga of this service and comes to its result. It begins once, whatever happens to this run; cancelling this
   * run cancels it. What it throws is what the child failed with. Default `id`: this run's, with `/name` and the occurrence.
   */
  child<Input, Result>(
    saga: Saga<Input, Result, never, never>,
    input: Input,
    options?: { readonly id?: string },
  ): Promise<Result>;
  /**
   * Whether this run is to do what was changed: true for runs that come here for the first time, false for those that went on
   * beyond this place before the change. Leave it in the code until no such run is left.
   */
  patch(change: string): boolean;
  /** Milliseconds since the epoch by `fairlead.now()`, as it was when the last answer came; the same whenever it is replayed. */
  now(): number;
  /** A number in [0, 1); the same whenever it is replayed. Not for secrets. */
  random(): number;
  /** A UUID; the same whenever it is replayed. */
  id(): string;
  /** Sets what `query` answers: JSON. Becomes durable with the next record. */
  expose(state: unknown): void;
  /** Adds to what runs are found by (`listSagas`). Becomes durable with the next record. Values of 1 to 200 characters. */
  attributes(values: Readonly<Record<string, string>>): void;
}

/** A saga's function. */
export type SagaFunction<Input, Result, Kit = unknown, T extends Tx = Tx> = (
  s: SagaContext<Kit, T>,
  input: Input,
) => Promise<Result>;

/** How the runs of a saga are kept. */
export interface SagaOptions<Input> {
  /** Checks what a run is started with, and gives it its type; a zod schema fits. Default: any JSON. */
  readonly input?: { parse(value: unknown): Input };
  /** A word for this version of the code, for people; kept with each run that it parks. Default: none. */
  readonly version?: string;
  /** How long a run that has ended is told about. Default `7d`; 0 forgets it at once. */
  readonly retention?: SagaDuration;
  /** The most that an input, a result or a signal may measure as JSON in UTF-8, in bytes. Default 1 048 576. */
  readonly maxPayloadBytes?: number;
  /** Steps of one run, of every kind; more park it. Default 10 000. */
  readonly maxSteps?: number;
}

/** Options with every default filled in. */
export interface ResolvedSagaOptions<Input> {
  readonly input: { parse(value: unknown): Input } | undefined;
  readonly version: string | undefined;
  readonly retentionMs: number;
  readonly maxPayloadBytes: number;
  readonly maxSteps: number;
}

/** A saga by its definition. Made by `saga`. */
export interface Saga<Input, Result, Kit = unknown, T extends Tx = Tx> {
  readonly name: string;
  readonly options: ResolvedSagaOptions<Input>;
  /** Who runs it gives it the kit that it was written for, so that need not be compared here. */
  run(s: SagaContext<Kit, T>, input: Input): Promise<Result>;
}

/** Some saga. */
export interface AnySaga {
  readonly name: string;
  readonly options: ResolvedSagaOptions<unknown>;
  run(s: SagaContext<never, never>, input: never): Promise<unknown>;
}

/** The sagas of a service by the names that its code has for them. */
export type SagaSet = Readonly<Record<string, AnySaga>>;

/** What a saga is started with. */
export type SagaInput<S extends AnySaga> = Parameters<S['run']>[1];

/** What a saga comes to. */
export type SagaResult<S extends AnySaga> = Awaited<ReturnType<S['run']>>;

/**
 * Where a run is. `running`: somebody has it, or will soon. `waiting`: for a time, a signal or a child. `compensating`: it failed or was
 * cancelled, and undos run. `completed`, `compensated` and `resolved` (an operator has said how it ended) are ends.
 * `needs-attention`: an undo was given up. `parked`: its code and its journal don't fit, or it can't go on for another reason that time does
 * not cure. Both wait for `retrySaga`, `skipSagaStep` or `resolveSaga`.
 */
export type SagaStatus =
  | 'running'
  | 'waiting'
  | 'compensating'
  | 'completed'
  | 'compensated'
  | 'resolved'
  | 'needs-attention'
  | 'parked';

/** What failed, as it is kept. */
export interface SagaFailure {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What came of starting. Everything but `started` wrote nothing. */
export type StartResult =
  | { readonly kind: 'started'; readonly id: string }
  /** A run with this id and the same input is there already. */
  | { readonly kind: 'exists'; readonly id: string; readonly status: SagaStatus }
  /** A run with this id and another input is there. */
  | { readonly kind: 'conflict'; readonly id: string; readonly status: SagaStatus };

/** What came of a signal. Everything but `sent` wrote nothing. */
export type SignalResult =
  | { readonly kind: 'sent' }
  /** One with this `dedupe` was sent before. */
  | { readonly kind: 'duplicate' }
  /** The run has ended. */
  | { readonly kind: 'ended'; readonly status: SagaStatus }
  /** There is no such run, or no more. */
  | { readonly kind: 'unknown' };

/** What came of asking a run to end. */
export type CancelSagaResult =
  /** It compensates soon. */
  | { readonly kind: 'cancelling' }
  | { readonly kind: 'ended'; readonly status: SagaStatus }
  | { readonly kind: 'unknown' };

/** What a run came to. */
export type SagaOutcome<Result = unknown> =
  | { readonly kind: 'completed'; readonly result: Result }
  /** It failed or was cancelled (`SAGA_CANCELLED`), and what it had done was taken back. */
  | { readonly kind: 'compensated'; readonly failure: SagaFailure }
  /** An operator has said so. */
  | { readonly kind: 'resolved'; readonly result: unknown; readonly note: string };

/** A run, for people. */
export interface SagaSummary {
  readonly saga: string;
  readonly id: string;
  readonly tenant: string | undefined;
  readonly status: SagaStatus;
  /** When it was started, in milliseconds since the epoch by `fairlead.now()`. */
  readonly startedAt: number;
  /** When something was recorded last, likewise. */
  readonly updatedAt: number;
  /** Until when it waits at the latest, likewise; `undefined` when it does not, or not for a time. */
  readonly wakesAt: number | undefined;
  /** Records in its journal. */
  readonly steps: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** What it failed with; for `parked` and `needs-attention` why somebody has to look. */
  readonly failure: SagaFailure | undefined;
}

/** One record of a journal, for people and for `replay`. */
export interface JournalRecord {
  /** What it records, such as `step`, `transaction`, `sleep`, `signal`, `child`, `patch`, `undo`, `cancel`, `fail`. */
  readonly kind: string;
  readonly name: string;
  /** Which one of this kind and name, from 1. */
  readonly occurrence: number;
  /** When it was recorded, in milliseconds since the epoch by `fairlead.now()`. */
  readonly at: number;
  readonly result?: unknown;
  readonly failure?: SagaFailure;
  /** For what has only begun: until when it waits. */
  readonly until?: number;
}

/** Everything of a run: what `inspectSaga` answers and `replay` takes. Is JSON. */
export interface SagaHistory extends SagaSummary {
  readonly input: unknown;
  readonly version: string | undefined;
  readonly seed: string;
  readonly journal: readonly JournalRecord[];
  /** Steps that fail at present: attempts so far, the last failure, and when the next one is due. */
  readonly failing: readonly {
    readonly step: string;
    readonly attempts: number;
    readonly failure: SagaFailure;
    readonly nextAt: number;
  }[];
  /** Signals that came and that it has not taken. */
  readonly signals: readonly { readonly name: string; readonly data: unknown; readonly at: number }[];
  readonly state: unknown;
  readonly result: unknown;
}

/** Which runs are listed. */
export interface SagaQuery {
  /** Default: of all sagas. */
  readonly saga?: string;
  /** Default: whatever their status. */
  readonly status?: SagaStatus | readonly SagaStatus[];
  /** One attribute that they have; needs `saga`. */
  readonly attribute?: { readonly name: string; readonly value: string };
  /** `next` of the page before. */
  readonly after?: string;
  /** How many at most. Default 100; from 1 to 1 000. */
  readonly limit?: number;
}

/** A page of runs. */
export interface SagaPage {
  readonly sagas: readonly SagaSummary[];
  /** For the next page; `undefined` when this is the last. */
  readonly next: string | undefined;
}

/** What came of an operator's decision. `refused`: its status does not allow it; `why` is for people. */
export type SagaDecision =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly status: SagaStatus; readonly why: string }
  | { readonly kind: 'unknown' };

/** The sagas of a service. `at` is a transaction, in which it is then done, or a Context, for a statement of its own. */
export interface Sagas<S extends SagaSet = SagaSet> {
  /**
   * Starts a run: it is there when the transaction commits and never was when it doesn't, and begins then at once in this
   * process. Tenant, trace, correlation and criticality are those of the Context. Ids are chosen by the caller, 1 to 200 characters; of two
   * starts with one id one counts.
   * @throws SAGA_INVALID for an input that is not JSON or does not fit; SAGA_TOO_LARGE
   */
  start<Name extends keyof S & string>(
    at: Tx | Context,
    name: Name,
    id: string,
    input: SagaInput<S[Name]>,
  ): Promise<StartResult>;
  /** A run as it is now; `undefined` when there is none, or no more. */
  get(ctx: Context, name: keyof S & string, id: string): Promise<SagaSummary | undefined>;
  /**
   * Waits until a run has ended, as long as the Context lasts. One that needs attention has not ended.
   * @throws SAGA_UNKNOWN when there is none, or no more
   */
  result<Name extends keyof S & string>(
    ctx: Context,
    name: Name,
    id: string,
  ): Promise<SagaOutcome<SagaResult<S[Name]>>>;
  /**
   * Sends a signal. It stays until it is taken or the run has ended. With the same `dedupe` it is sent once in a run's life.
   * @throws SAGA_INVALID for data that is not JSON; SAGA_TOO_LARGE
   */
  signal(
    at: Tx | Context,
    name: keyof S & string,
    id: string,
    signal: string,
    data?: unknown,
    options?: { readonly dedupe?: string },
  ): Promise<SignalResult>;
  /** Has a run end: what it waits for fails with SAGA_CANCELLED, steps under way hear of it by their Context, undos follow. */
  cancel(at: Tx | Context, name: keyof S & string, id: string, reason?: string): Promise<CancelSagaResult>;
  /** What the run has exposed last; `undefined` when it has nothing, or there is no such run. */
  query(ctx: Context, name: keyof S & string, id: string): Promise<unknown>;
}

/** What an operator is told and may do. Every function sees runs of the Context's tenant, under row tenancy or not. */
export interface SagaAdmin {
  /** The tenants that have runs, or a run of this name; `undefined` for runs without one. */
  tenants(ctx: Context, run?: { readonly saga: string; readonly id: string }): Promise<readonly (string | undefined)[]>;
  list(ctx: Context, query?: SagaQuery): Promise<SagaPage>;
  /** Everything of a run; `undefined` when there is none, or no more. */
  inspect(ctx: Context, saga: string, id: string): Promise<SagaHistory | undefined>;
  /** As `Sagas.cancel`. */
  cancel(ctx: Context, saga: string, id: string, reason?: string): Promise<CancelSagaResult>;
  /**
   * Lets a run that is `parked` or `needs-attention` go on where it stood, with all attempts, perhaps by other code than
   * before; and one whose step fails try it again at once.
   */
  retry(ctx: Context, saga: string, id: string): Promise<SagaDecision>;
  /**
   * Takes what holds a run up as done: the undo that was given up, or the step that fails at present, which then comes to
   * `result` (JSON; default null).
   */
  skip(ctx: Context, saga: string, id: string, options?: { readonly result?: unknown }): Promise<SagaDecision>;
  /** Ends a run for good, as it is: `resolved`, with a note by whom and why. Nothing more is undone. */
  resolve(
    ctx: Context,
    saga: string,
    id: string,
    options: { readonly note: string; readonly result?: unknown },
  ): Promise<SagaDecision>;
}

/** What `replay` found. */
export type ReplayVerdict =
  /** The code comes to the same calls. `ended`: its journal is that of a whole run; else it goes on after it. */
  | { readonly kind: 'same'; readonly ended: boolean }
  /** It does not; `difference` shows the journal and the calls side by side, for people. */
  | { readonly kind: 'different'; readonly difference: string };
