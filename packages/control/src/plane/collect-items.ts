import type { InstanceStatus } from '../running-platform.ts';
import { askAll, itemsOf, serviceNamed, servicesAmong, type AskOptions, type Unanswered } from './ask-instance.ts';
import { nextOf } from './query.ts';

/** What services listed; each item says whose it is. */
export interface Collected {
  readonly items: readonly (Readonly<Record<string, unknown>> & { readonly service: string })[];
  /** For the next page; only when one service was asked, and missing when nothing is left. */
  readonly next?: string;
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/**
 * Asks one service, or every one at once when none is named, for the list at a path, each for at most 2 s.
 * @throws UNKNOWN_SERVICE when there is none of that name
 */
export async function collectItems(
  instances: readonly InstanceStatus[],
  service: string | undefined,
  path: string,
  options: AskOptions,
): Promise<Collected> {
  const asked = service === undefined ? servicesAmong(instances) : [serviceNamed(instances, service)];
  const read = (answer: unknown) => ({ items: itemsOf(answer), next: nextOf(answer) });
  const { answers, unanswered } = await askAll(asked, () => ({ path }), read, options);
  const items = answers.flatMap((each) => each.answer.items.map((item) => ({ ...item, service: each.service })));
  const next = service === undefined ? undefined : answers[0]?.answer.next;
  return { items, ...(next === undefined ? {} : { next }), partial: unanswered.length > 0, unanswered };
}
