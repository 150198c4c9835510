import type { InstanceStatus } from '../running-platform.ts';
import { askOne, serviceNamed, type AskOptions, type Unanswered } from './ask-instance.ts';
import type { Audit } from './audit.ts';
import { collectItems } from './collect-items.ts';

/** A projection or replica, as its service describes it, and which service that is. */
export type ViewState = Readonly<Record<string, unknown>> & { readonly service: string };

/** What the services said of their projections and replicas. */
export interface ViewAnswer {
  readonly items: readonly ViewState[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** Whose views to list. */
export interface ViewFilter {
  /** Only of this service. Default: of all. */
  readonly service?: string;
}

/** Which view is meant. */
export interface ViewPlace {
  readonly service: string;
  readonly view: string;
}

/** A rebuild that has begun. */
export interface RebuildAnswer {
  readonly service: string;
  readonly name: string;
  /** The number of the build. */
  readonly build: number;
}

/**
 * Asks every service at once for its views, each for at most 2 s.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectViews(
  instances: readonly InstanceStatus[],
  { service }: ViewFilter,
  options: AskOptions,
): Promise<ViewAnswer> {
  return collectItems(instances, service, '/internal/views', options);
}

/**
 * Begins to rebuild a view, and says so in the audit log.
 * @throws UNKNOWN_SERVICE, VIEW_UNKNOWN, VIEW_BUSY, VIEW_TRIMMED, UNAVAILABLE (it may have begun then)
 */
export async function rebuildOneView(
  instances: readonly InstanceStatus[],
  { service, view }: ViewPlace,
  options: AskOptions & { readonly audit: Audit },
): Promise<RebuildAnswer> {
  const path = `/internal/views/${encodeURIComponent(view)}/rebuild`;
  const begun = await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  options.audit({ action: 'view.rebuild', service, target: view });
  const build = typeof begun === 'object' && begun !== null && 'build' in begun ? Number(begun.build) : 0;
  return { service, name: view, build };
}
