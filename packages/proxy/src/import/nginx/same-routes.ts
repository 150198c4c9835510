import type { Directive } from './directive.ts';
import type { Origins, WrittenRoute } from './written.ts';

const MOST_NAME = 63;

/** A route at one listener. */
export interface ListenedRoute {
  readonly directive: Directive;
  readonly site: string;
  readonly label: string;
  readonly listener: string;
  readonly hosts: WrittenRoute['hosts'] | undefined;
  readonly route: Omit<WrittenRoute, 'name'>;
}

/** A text as the beginning of a name. */
export function limitedName(text: string): string {
  const plain = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40);
  return plain === '' ? 'server' : plain;
}

/** Routes with names: those that are the same at several listeners are one. */
export function sameRoutes(
  all: readonly ListenedRoute[],
  listeners: readonly string[],
  origins: Origins,
): readonly WrittenRoute[] {
  const groups = Map.groupBy(all, ({ directive, hosts, route, label }) =>
    JSON.stringify([directive.at, label, hosts ?? null, route]),
  );
  const names = new Set<string>();
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const at = group.map(({ listener }) => listener);
    const isEverywhere = listeners.every((name) => at.includes(name));
    const { hosts } = first;
    const route: WrittenRoute = {
      name: nameOf(first, names),
      ...(isEverywhere ? {} : { listeners: at }),
      ...(hosts === undefined ? {} : { hosts }),
      ...first.route,
    };
    return [origins.from(first.directive, route)];
  });
}

function nameOf({ site, label }: ListenedRoute, names: Set<string>): string {
  const base = `${site}-${label}`.slice(0, MOST_NAME - 5).replace(/[^A-Za-z0-9]+$/, '');
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}-${count}`;
    if (names.has(name)) continue;
    names.add(name);
    return name;
  }
}
