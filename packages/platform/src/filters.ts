import type { ProblemList } from './problem-list.ts';
import type { ParsedBlueprint } from './schema.ts';

/** Every filter is one that the gateway can run, and every route leads to a service or is answered by one. */
export async function checkFilters({ gateway, services }: ParsedBlueprint, problems: ProblemList): Promise<void> {
  const hasFilters = [gateway, ...gateway.routes].some(({ filters }) => filters.length > 0);
  if (!hasFilters && gateway.routes.every(({ service }) => service !== undefined)) return;
  // The whole gateway, which nobody else's blueprint needs.
  const { readEdgeFilters } = await import('@fairlead/proxy');
  const names = Object.keys(services);
  const shared = readEdgeFilters(gateway.filters, names);
  for (const { place, message } of shared.problems) problems.add(['gateway', 'filters', ...place], message);
  for (const [index, { service, filters }] of gateway.routes.entries()) {
    const place = ['gateway', 'routes', index];
    // Those for all are looked at together with these only when they can be read.
    const before = shared.problems.length === 0 ? gateway.filters : [];
    const all = readEdgeFilters([...before, ...filters], names);
    for (const problem of all.problems) {
      const [at, ...within] = problem.place;
      // Those for all routes are told of once.
      const own = Number(at) - before.length;
      if (own >= 0) problems.add([...place, 'filters', own, ...within], problem.message);
    }
    const isKnown = shared.problems.length + all.problems.length === 0;
    if (service === undefined && isKnown && !all.answersAll)
      problems.add(place, 'leads nowhere: give it a service, or a filter that answers');
  }
}
