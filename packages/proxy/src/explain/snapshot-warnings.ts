import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { unheardPreflights } from './unheard-preflights.ts';
import { matchWords } from './words.ts';

/**
 * What of a snapshot can be used and yet is hardly meant: matches that no request reaches, clusters that no route leads to,
 * preflights that nobody answers.
 */
export function snapshotWarnings({ routes, clusters }: CompiledSnapshot): readonly string[] {
  const first = new Map<string, string>();
  const unreached: string[] = [];
  for (const route of routes) {
    for (const [index, match] of route.matches.entries()) {
      const keys = route.listeners.flatMap((listener) =>
        (route.hosts.length === 0 ? ['*'] : route.hosts).map((host) => `${listener} ${host} ${matchWords(match)}`),
      );
      const before = keys.map((key) => first.get(key));
      const winners = [...new Set(before.filter((name) => name !== undefined))];
      for (const key of keys) if (!first.has(key)) first.set(key, route.name);
      if (!before.includes(undefined))
        unreached.push(
          `match ${index} of the route ${route.name} is never reached: ${winners.join(', ')} has the same`,
        );
    }
  }
  const used = new Set(routes.flatMap(({ destinations }) => destinations.map(({ cluster }) => cluster)));
  const idle = clusters.filter(({ name }) => !used.has(name));
  const unheard = routes.flatMap(unheardPreflights);
  return [...unreached, ...idle.map(({ name }) => `no route leads to the cluster ${name}`), ...unheard];
}
