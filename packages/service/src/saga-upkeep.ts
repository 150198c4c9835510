import type { Context } from '@fairlead/core';
import {
  sagaAdmin,
  type CancelSagaResult,
  type SagaDecision,
  type SagaHistory,
  type SagaPage,
  type SagaQuery,
  type Sagas,
  type SignalResult,
} from '@fairlead/events';
import type { Database } from '@fairlead/store';

/** Which run of a saga is meant. */
export interface SagaPlace {
  readonly saga: string;
  readonly id: string;
}

/** A signal that somebody sends by hand. */
export interface HandSignal {
  readonly name: string;
  /** JSON. Default: null. */
  readonly data?: unknown;
}

/** What people who run a service ask of its sagas. */
export interface SagaUpkeep {
  /** Its runs, piece by piece; those that have ended are told about as long as they are kept. */
  sagas(ctx: Context, query?: SagaQuery): Promise<SagaPage>;
  /** Everything of one; `undefined` when there is none, or no more. */
  saga(ctx: Context, place: SagaPlace): Promise<SagaHistory | undefined>;
  /** Has one end, and takes back what it has done. */
  cancelSaga(ctx: Context, place: SagaPlace, reason?: string): Promise<CancelSagaResult>;
  /** Sends it a signal. */
  signalSaga(ctx: Context, place: SagaPlace, signal: HandSignal): Promise<SignalResult>;
  /** Lets one that is held up go on where it stood. */
  retrySaga(ctx: Context, place: SagaPlace): Promise<SagaDecision>;
  /** Takes what holds one up as done. */
  skipSaga(ctx: Context, place: SagaPlace, result?: unknown): Promise<SagaDecision>;
  /** Ends one as it is, for good. */
  resolveSaga(ctx: Context, place: SagaPlace, note: string, result?: unknown): Promise<SagaDecision>;
}

const UNKNOWN = { kind: 'unknown' } as const;

/** Upkeep of the sagas in a database, by what runs them; of none, when there is no database. */
export function sagaUpkeep(database: Database | undefined, running: () => Sagas | undefined): SagaUpkeep {
  const admin = database && sagaAdmin(database);
  return {
    sagas: async (ctx, query) => admin?.list(ctx, query) ?? { sagas: [], next: undefined },
    saga: async (ctx, { saga, id }) => admin?.inspect(ctx, saga, id),
    cancelSaga: async (ctx, { saga, id }, reason) => admin?.cancel(ctx, saga, id, reason) ?? UNKNOWN,
    signalSaga: async (ctx, { saga, id }, { name, data = null }) =>
      running()?.signal(ctx, saga, id, name, data) ?? UNKNOWN,
    retrySaga: async (ctx, { saga, id }) => admin?.retry(ctx, saga, id) ?? UNKNOWN,
    skipSaga: async (ctx, { saga, id }, result) => admin?.skip(ctx, saga, id, { result }) ?? UNKNOWN,
    resolveSaga: async (ctx, { saga, id }, note, result) => admin?.resolve(ctx, saga, id, { note, result }) ?? UNKNOWN,
  };
}
