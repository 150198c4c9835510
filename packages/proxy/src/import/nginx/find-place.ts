import { re2js } from '../../on-demand.ts';
import type { Place } from './places.ts';

/**
 * The location that nginx finds for a path (`ngx_http_core_find_location`).
 * @param path decoded
 */
export function findPlace(places: readonly Place[], path: string): Place | undefined {
  const exact = places.find(({ kind, text }) => kind === 'exact' && text === path);
  if (exact !== undefined) return exact;
  const longest = longestPrefix(places, path);
  const inside = longest === undefined ? undefined : findPlace(longest.nested, path);
  if (inside?.kind === 'exact' || inside?.kind === 'regex') return inside;
  if (longest?.kind !== 'preferred') {
    const expression = places.find(({ kind, text }) => kind === 'regex' && re2js().RE2JS.compile(text).testExact(path));
    if (expression !== undefined) return expression;
  }
  return inside ?? longest;
}

/**
 * The location of every path that begins with this text.
 * @returns `undefined` when it depends on what follows
 */
export function placeOfBeginning(
  places: readonly Place[],
  text: string,
): { readonly place: Place | undefined } | undefined {
  const hangsOnRest = (all: readonly Place[]): boolean =>
    all.some(
      ({ kind, text: own }) =>
        kind !== 'regex' &&
        kind !== 'named' &&
        own.length >= text.length &&
        own.startsWith(text) &&
        !(kind !== 'exact' && own === text),
    );
  if (hangsOnRest(places)) return undefined;
  const longest = longestPrefix(places, text);
  if (longest?.kind !== 'preferred' && places.some(({ kind }) => kind === 'regex')) return undefined;
  if (longest === undefined || longest.nested.length === 0) return { place: longest };
  const inside = placeOfBeginning(longest.nested, text);
  return inside === undefined ? undefined : { place: inside.place ?? longest };
}

function longestPrefix(places: readonly Place[], path: string): Place | undefined {
  return places
    .filter(({ kind, text }) => (kind === 'prefix' || kind === 'preferred') && path.startsWith(text))
    .toSorted((a, b) => b.text.length - a.text.length)[0];
}
