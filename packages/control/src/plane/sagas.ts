import type { InstanceStatus } from '../running-platform.ts';
import { askOne, serviceNamed, type AskOptions, type Unanswered } from './ask-instance.ts';
import type { Audit } from './audit.ts';
import { collectItems } from './collect-items.ts';
import { queryOf } from './query.ts';

/** A run of a saga, as its service describes it, and which service that is. */
export type SagaRun = Readonly<Record<string, unknown>> & { readonly service: string };

/** What the services said of their sagas. */
export interface SagaAnswer {
  readonly items: readonly SagaRun[];
  /** For the next piece, when one service was asked and has more. */
  readonly next?: string;
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** Which runs to list. */
export interface SagaFilter {
  /** Only of this service. Default: of all. */
  readonly service?: string;
  readonly saga?: string;
  readonly status?: string;
  /** Empty: runs without a tenant. */
  readonly tenant?: string;
  /** `name=value`, together with `saga`. */
  readonly attribute?: string;
  /** `next` of the answer before; together with `service`. */
  readonly after?: string;
  /** How many of each service at most; at most 1 000. Default 100. */
  readonly limit?: number;
}

/** Which run is meant. */
export interface SagaPlace {
  readonly service: string;
  readonly saga: string;
  readonly id: string;
}

/** What may be decided about a run. */
export const SAGA_CHANGES = ['cancel', 'retry', 'skip', 'resolve', 'signal'] as const;

/** One of them. */
export type SagaChange = (typeof SAGA_CHANGES)[number];

/** Whose run is meant, where several tenants have one of this name. */
export interface SagaOwner {
  /** Empty: a run without a tenant. */
  readonly tenant?: string;
}

/** What a decision needs besides. */
export interface SagaChangeRequest extends SagaOwner {
  /** `cancel`: why. */
  readonly reason?: string;
  /** `skip` and `resolve`: what it comes to, as JSON. Default null. */
  readonly result?: string;
  /** `resolve`: who decided, and why. */
  readonly note?: string;
  /** `signal`: its name. */
  readonly name?: string;
  /** `signal`: what it says, as JSON. Default null. */
  readonly data?: string;
}

/** What came of it: `kind` says it, and for `refused` `why`. */
export interface SagaChanged extends SagaPlace {
  readonly kind: string;
  readonly status?: string;
  readonly why?: string;
}

/**
 * Asks every service at once for runs of its sagas, each for at most 2 s.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectSagas(
  instances: readonly InstanceStatus[],
  { service, after, limit = 100, ...filter }: SagaFilter,
  options: AskOptions,
): Promise<SagaAnswer> {
  const path = `/internal/sagas${queryOf({ ...filter, after: service === undefined ? undefined : after, limit })}`;
  return collectItems(instances, service, path, options);
}

/**
 * One run, with its journal.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE
 */
export async function oneSaga(
  instances: readonly InstanceStatus[],
  place: SagaPlace,
  owner: SagaOwner,
  options: AskOptions,
): Promise<unknown> {
  const { service } = place;
  const path = `${pathOf(place)}${queryOf({ ...owner })}`;
  return { ...Object(await askOne(serviceNamed(instances, service), { path }, options)), service };
}

/**
 * Carries out a decision about a run, and says so in the audit log once it is done.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE (it may have been done then)
 */
export async function changeSaga(
  instances: readonly InstanceStatus[],
  place: SagaPlace,
  change: SagaChange,
  request: SagaChangeRequest,
  options: AskOptions & { readonly audit: Audit },
): Promise<unknown> {
  const { service, saga, id } = place;
  const path = `${pathOf(place)}/${change}${queryOf({ ...request })}`;
  const done = await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  const kind = typeof done === 'object' && done !== null && 'kind' in done ? String(done.kind) : '';
  // What a signal or a result says may be anybody's secret.
  const { reason, note, name } = request;
  const details = Object.entries({ reason, note, name, kind }).filter(([, value]) => value !== undefined);
  options.audit({ action: `saga.${change}`, service, target: `${saga} ${id}`, details: Object.fromEntries(details) });
  return { ...Object(done), ...place };
}

function pathOf({ saga, id }: SagaPlace): string {
  return `/internal/sagas/${encodeURIComponent(saga)}/${encodeURIComponent(id)}`;
}
