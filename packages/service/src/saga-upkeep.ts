import type { Context } from '@fairlead/core';
import {
  sagaAdmin,
  type CancelSagaResult,
  type SagaAdmin,
  type SagaDecision,
  type SagaHistory,
  type SagaPage,
  type SagaQuery,
  type SagaSummary,
  type Sagas,
  type SignalResult,
} from '@fairlead/events';
import type { Database } from '@fairlead/store';
import { fail } from './errors.ts';

/** Which run of a saga is meant. */
export interface SagaPlace {
  readonly saga: string;
  readonly id: string;
  /** Whose it is; empty for nobody's. Default: whoever has a run of this name, as long as there is one. */
  readonly tenant?: string | undefined;
}

/** Which runs are listed. */
export interface SagaListing extends SagaQuery {
  /** Only of this tenant; empty for those without one. Default: of all, one tenant after the other. */
  readonly tenant?: string | undefined;
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
  sagas(ctx: Context, query?: SagaListing): Promise<SagaPage>;
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
const DEFAULT_PAGE = 100;

/** Upkeep of the sagas in a database, by what runs them; of none, when there is no database. */
export function sagaUpkeep(database: Database | undefined, running: () => Sagas | undefined): SagaUpkeep {
  const admin = database && sagaAdmin(database);

  /** Does something as the tenant whose run it is. */
  async function asOwner<T>(
    ctx: Context,
    { saga, id, tenant }: SagaPlace,
    none: T,
    act: (own: Context, sagas: SagaAdmin) => Promise<T>,
  ): Promise<T> {
    if (admin === undefined) return none;
    const owners = tenant === undefined ? await admin.tenants(ctx, { saga, id }) : [tenant === '' ? undefined : tenant];
    if (owners.length > 1) throw ambiguous(saga, id, owners);
    return owners.length === 0 ? none : act(ctx.derive({ tenant: owners[0] }), admin);
  }

  return {
    async sagas(ctx, { tenant, after, limit = DEFAULT_PAGE, ...query } = {}) {
      if (admin === undefined) return { sagas: [], next: undefined };
      const from = placeAfter(after);
      const all = tenant === undefined ? await admin.tenants(ctx) : [tenant === '' ? undefined : tenant];
      const found: SagaSummary[] = [];
      for (const owner of all.filter((each) => (each ?? '') >= from.tenant)) {
        const page = await admin.list(ctx.derive({ tenant: owner }), {
          ...query,
          limit: limit - found.length,
          ...((owner ?? '') === from.tenant && from.key !== '' ? { after: from.key } : {}),
        });
        found.push(...page.sagas);
        if (page.next !== undefined) return { sagas: found, next: `${encodeURIComponent(owner ?? '')} ${page.next}` };
        if (found.length === limit) return { sagas: found, next: `${encodeURIComponent(owner ?? '')} \uffff` };
      }
      return { sagas: found, next: undefined };
    },
    saga: (ctx, place) =>
      asOwner(ctx, place, undefined, async (own, sagas) => sagas.inspect(own, place.saga, place.id)),
    cancelSaga: (ctx, place, reason) =>
      asOwner<CancelSagaResult>(ctx, place, UNKNOWN, (own, sagas) => sagas.cancel(own, place.saga, place.id, reason)),
    signalSaga: (ctx, place, { name, data = null }) =>
      asOwner<SignalResult>(
        ctx,
        place,
        UNKNOWN,
        async (own) => running()?.signal(own, place.saga, place.id, name, data) ?? UNKNOWN,
      ),
    retrySaga: (ctx, place) =>
      asOwner<SagaDecision>(ctx, place, UNKNOWN, (own, sagas) => sagas.retry(own, place.saga, place.id)),
    skipSaga: (ctx, place, result) =>
      asOwner<SagaDecision>(ctx, place, UNKNOWN, (own, sagas) => sagas.skip(own, place.saga, place.id, { result })),
    resolveSaga: (ctx, place, note, result) =>
      asOwner<SagaDecision>(ctx, place, UNKNOWN, (own, sagas) =>
        sagas.resolve(own, place.saga, place.id, { note, result }),
      ),
  };
}

/** Where a listing goes on: `<tenant> <key>`. */
function placeAfter(after: string | undefined): { readonly tenant: string; readonly key: string } {
  if (after === undefined) return { tenant: '', key: '' };
  const space = after.indexOf(' ');
  return { tenant: decodeURIComponent(after.slice(0, space)), key: after.slice(space + 1) };
}

function ambiguous(saga: string, id: string, owners: readonly (string | undefined)[]) {
  const names = owners.map((owner) => owner ?? 'nobody').join(', ');
  return fail('SAGA_AMBIGUOUS', `${saga} ${id} is a run of each of ${names}. Say whose is meant.`);
}
