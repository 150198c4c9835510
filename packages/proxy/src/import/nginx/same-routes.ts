import type { SiteRoute } from './site.ts';
import type { Origins, WrittenRoute } from './written.ts';

const MOST_NAME = 63;

/** The routes of a server at one listener. */
export interface ListenedSite {
  /** What names of its routes begin with. */
  readonly site: string;
  readonly listener: string;
  readonly hosts: WrittenRoute['hosts'] | undefined;
  readonly routes: readonly SiteRoute[];
}

/** A text as the beginning of a name. */
export function limitedName(text: string): string {
  const plain = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40);
  return plain === '' ? 'server' : plain;
}

/** Routes with names: those of a server that are the same at several listeners are there once. */
export function sameRoutes(
  all: readonly ListenedSite[],
  listeners: readonly string[],
  origins: Origins,
): readonly WrittenRoute[] {
  const groups = Map.groupBy(all, ({ hosts, routes }) =>
    JSON.stringify([hosts ?? null, routes.map(({ directive, route }) => [directive.at, route])]),
  );
  const names = new Set<string>();
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const at = group.map(({ listener }) => listener);
    const isEverywhere = listeners.every((name) => at.includes(name));
    return (first?.routes ?? []).map((each): WrittenRoute => {
      const { hosts, site } = first ?? { hosts: undefined, site: '' };
      const route: WrittenRoute = {
        name: nameOf(`${site}-${each.label}`, names),
        ...(isEverywhere ? {} : { listeners: at }),
        ...(hosts === undefined ? {} : { hosts }),
        ...each.route,
      };
      return origins.from(each.directive, route);
    });
  });
}

function nameOf(text: string, names: Set<string>): string {
  const base = text.slice(0, MOST_NAME - 5).replace(/[^A-Za-z0-9]+$/, '');
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}-${count}`;
    if (names.has(name)) continue;
    names.add(name);
    return name;
  }
}
