import { readEdgeFilters } from '@fairlead/proxy';
import type { ProblemList } from './problem-list.ts';
import type { ParsedBlueprint } from './schema.ts';

/** Every filter is one that the gateway can run, and every route leads to a service or is answered by one. */
export function checkFilters({ gateway, services }: ParsedBlueprint, problems: ProblemList): void {
  const names = Object.keys(services);
  const shared = readEdgeFilters(gateway.filters, names);
  for (const { place, message } of shared.problems) problems.add(['gateway', 'filters', ...place], message);
  for (const [index, { service, filters }] of gateway.routes.entries()) {
    const place = ['gateway', 'routes', index];
    const own = readEdgeFilters(filters, names);
    for (const problem of own.problems) problems.add([...place, 'filters', ...problem.place], problem.message);
    const isKnown = shared.problems.length + own.problems.length === 0;
    if (service === undefined && isKnown && !shared.answersAll && !own.answersAll)
      problems.add(place, 'leads nowhere: give it a service, or a filter that answers');
  }
}
