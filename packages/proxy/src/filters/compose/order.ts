import { partsIn, readTemplate } from './template.ts';

/** What of a part says for whom it waits. */
export interface Waiting {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly after?: readonly string[] | undefined;
}

/** For whom each part waits: whom it names, and whose answers stand in its templates. */
export function dependencies(parts: Readonly<Record<string, Waiting>>): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    Object.entries(parts).map(([name, { path, query = {}, headers = {}, after = [] }]) => {
      const templates = [path, ...Object.values(query), ...Object.values(headers)].map(readTemplate);
      const needed = templates.flatMap((template) => ('fault' in template ? [] : partsIn(template)));
      return [name, new Set([...after, ...needed])];
    }),
  );
}

/**
 * Parts in the order in which they can be asked, those of a list at once. What waits in a circle, and for it, is in none.
 */
export function waves(waiting: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const done = new Set<string>();
  for (;;) {
    const next = [...waiting].flatMap(([name, after]) =>
      !done.has(name) && [...after].every((other) => done.has(other)) ? [name] : [],
    );
    if (next.length === 0) return found;
    for (const name of next) done.add(name);
    found.push(next);
  }
}

/** Parts that wait for each other in a circle; `undefined` when none do. */
export function circle(waiting: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const free = new Set(waves(waiting).flat());
  // Whoever is not free waits for another who is not, and so, in the end, for one that was met before.
  const met: string[] = [];
  let at = [...waiting.keys()].find((name) => !free.has(name));
  while (at !== undefined && !met.includes(at)) {
    met.push(at);
    at = [...(waiting.get(at) ?? [])].find((other) => !free.has(other));
  }
  return at === undefined ? undefined : met.slice(met.indexOf(at));
}
