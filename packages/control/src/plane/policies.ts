import type { InstanceStatus } from '../running-platform.ts';
import { askAll, itemsOf, serviceNamed, servicesAmong, type AskOptions, type Unanswered } from './ask-instance.ts';

/** A policy over a service's calls, as the service describes it. */
export type CallPolicy = Readonly<Record<string, unknown>> & {
  /** Who calls. */
  readonly service: string;
  /** Whom: `billing`, or `billing.charge` for one operation. */
  readonly target: string;
  /** Why calls are held back now, in a sentence; missing when they are not. */
  readonly trouble?: string;
};

/** What the services said of their policies. */
export interface PolicyAnswer {
  readonly items: readonly CallPolicy[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** Whose policies to list. */
export interface PolicyFilter {
  /** Only of this service's calls. Default: of all. */
  readonly service?: string;
}

/**
 * Asks every service at once for the policies over its calls, each for at most 2 s. One that does not answer makes the
 * result partial, never an error.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectPolicies(
  instances: readonly InstanceStatus[],
  { service }: PolicyFilter,
  options: AskOptions,
): Promise<PolicyAnswer> {
  const asked = service === undefined ? servicesAmong(instances) : [serviceNamed(instances, service)];
  const { answers, unanswered } = await askAll(asked, () => ({ path: '/internal/policies' }), itemsOf, options);
  const items = answers.flatMap((each) =>
    each.answer.map((item) => ({ ...item, service: each.service, target: String(item['target']) })),
  );
  return { items, partial: unanswered.length > 0, unanswered };
}
