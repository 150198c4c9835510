import type { InstanceStatus } from '../running-platform.ts';
import {
  askAll,
  askOne,
  itemsOf,
  serviceNamed,
  servicesAmong,
  type AskOptions,
  type Unanswered,
} from './ask-instance.ts';
import type { Audit } from './audit.ts';

/** A message that was given up, as its service describes it, and which service that is. */
export type GivenUp = Readonly<Record<string, unknown>> & { readonly service: string };

/** What the services said. */
export interface DeadLetterAnswer {
  readonly items: readonly GivenUp[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** Which dead letters to list. */
export interface DeadLetterFilter {
  /** Only of this service. Default: of all. */
  readonly service?: string;
  /** How many of each service at most; at most 1 000. Default 100. */
  readonly limit?: number;
}

/**
 * Asks every service at once for its dead letters, each for at most 2 s. One that does not answer makes the result
 * partial, never an error.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectDeadLetters(
  instances: readonly InstanceStatus[],
  { service, limit = 100 }: DeadLetterFilter,
  options: AskOptions,
): Promise<DeadLetterAnswer> {
  const asked = service === undefined ? servicesAmong(instances) : [serviceNamed(instances, service)];
  const path = `/internal/dead-letters?limit=${limit}`;
  const { answers, unanswered } = await askAll(asked, () => ({ path }), itemsOf, options);
  const items = answers.flatMap((each) => each.answer.map((item) => ({ ...item, service: each.service })));
  return { items, partial: unanswered.length > 0, unanswered };
}

/** Which dead letter is meant. */
export interface LetterPlace {
  readonly service: string;
  readonly id: string;
}

/**
 * One dead letter with the events that wait behind it.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE
 */
export async function oneDeadLetter(
  instances: readonly InstanceStatus[],
  { service, id }: LetterPlace,
  options: AskOptions,
): Promise<unknown> {
  const path = `/internal/dead-letters/${encodeURIComponent(id)}`;
  const found = await askOne(serviceNamed(instances, service), { path }, options);
  return { ...Object(found), service };
}

/**
 * Redrives or discards one dead letter, and says so in the audit log once it is done.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE (it may have been done then)
 */
export async function changeDeadLetter(
  instances: readonly InstanceStatus[],
  { service, id, change }: LetterPlace & { readonly change: 'redrive' | 'discard' },
  options: AskOptions & { readonly audit: Audit },
): Promise<{ readonly service: string; readonly id: string }> {
  const path = `/internal/dead-letters/${encodeURIComponent(id)}/${change}`;
  await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  options.audit({ action: `dead-letter.${change}`, service, target: id });
  return { service, id };
}
