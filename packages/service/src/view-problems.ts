import type { ServiceDefinition } from './definition.ts';

/** What is wrong with the projections and replicas of a definition, first of all; `undefined` when nothing is. */
export function firstViewProblem({
  projections = [],
  replicas = [],
  uses = {},
  database,
}: ServiceDefinition): string | undefined {
  const names = [...projections, ...replicas].map(({ name }) => name);
  if (names.length > 0 && database === undefined)
    return 'projections and replicas are kept in a database. Add database: { migrations }.';
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `two projections or replicas are called "${twice}". Rename one.`;
  const used = Object.values(uses).map(({ name }) => name);
  const stranger = replicas.find(({ of }) => !used.includes(of.name));
  if (stranger !== undefined)
    return `replica "${stranger.name}" is of ${stranger.of.name}, which is not in uses. Add it: only what a service uses does it get events of.`;
  return undefined;
}
