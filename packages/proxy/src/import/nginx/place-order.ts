import type { PathRule } from '../../match/match-spec.ts';
import { ANY_TEXT } from '../../match/linear-pattern.ts';
import type { Directive } from './directive.ts';
import type { Place } from './places.ts';

/** Requests that nginx gives to one location, as one of our matches. */
export interface OrderedPlace {
  readonly path: PathRule;
  /** `undefined`: whatever no location takes. */
  readonly place: Place | undefined;
  /** Nothing but a redirect to the same path with a slash at its end. */
  readonly isSlashMissing: boolean;
}

/** What can't be told apart here. */
export interface TangledPlace {
  readonly directive: Directive;
  readonly reason: string;
}

/**
 * The locations of a server as matches that are asked one after the other, such that the first that fits is the one that
 * nginx finds (`ngx_http_core_find_location`): a whole path; else of the beginnings the longest. If that one has `^~`, it
 * is it; else the first expression that fits; else the beginning. Locations within the longest beginning are looked through
 * in the same way before the expressions around it. All rules but whole paths and the last ones are expressions here, which
 * a route table asks in their order.
 */
export function orderPlaces(places: readonly Place[]): {
  readonly ordered: readonly OrderedPlace[];
  readonly tangled: readonly TangledPlace[];
} {
  const tangled: TangledPlace[] = [];
  const prefixes = places.filter(isPrefix);
  const exacts = exactsOf(places, []);
  const expressions = places.filter(({ kind }) => kind === 'regex');
  const before: OrderedPlace[] = [];
  const after: OrderedPlace[] = [];
  const hasExpressions = hasRegex(places);
  for (const place of byLength(prefixes)) {
    const longer = longerThan(place, prefixes);
    if (place.kind === 'preferred' && hasExpressions) before.push(...zone(place, longer));
    else {
      before.push(...nestedExpressions(place, longer));
      after.push(...beginnings(place, longer));
    }
  }
  const middle = expressions.map((place) => entry({ kind: 'regex', pattern: place.text }, place));
  const hasAll = prefixes.some(({ text }) => text === '/');
  const last = hasAll ? [] : [entry({ kind: 'prefix', path: '/' }, undefined)];
  // The longest first, whichever they stand in.
  const sorted = after.toSorted((a, b) => beginningOf(b).length - beginningOf(a).length);
  return { ordered: [...exacts, ...before, ...middle, ...natural(sorted, exacts), ...last], tangled };

  /** A beginning for which nothing else counts, with what stands in it. */
  function zone(place: Place, unless: readonly string[]): OrderedPlace[] {
    return [...nestedExpressions(place, unless), ...byStart(beginnings(place, unless))];
  }

  /** The expressions within a beginning. */
  function nestedExpressions(place: Place, unless: readonly string[]): OrderedPlace[] {
    const inside = place.nested.filter(isPrefix);
    const preferred = inside.filter(({ kind }) => kind === 'preferred');
    const expression = place.nested.find(({ kind }) => kind === 'regex');
    const deep = inside.find((each) => hasRegex(each.nested));
    if (deep !== undefined)
      tangled.push({
        directive: deep.directive,
        reason: 'holds expressions two locations deep; write them one level further out',
      });
    const hidden = preferred.find((each) => longerThan(each, inside).length > 0);
    if (expression !== undefined && hidden !== undefined)
      tangled.push({
        directive: hidden.directive,
        reason: 'has ^~ around another location and beside expressions; write them without one another',
      });
    return place.nested
      .filter(({ kind }) => kind === 'regex')
      .map((each) => entry(narrowed(each.text, place.text, [...unless, ...preferred.map(({ text }) => text)]), each));
  }

  /** A beginning and those within it. */
  function beginnings(place: Place, unless: readonly string[]): OrderedPlace[] {
    const inside = place.nested.filter(isPrefix);
    const nested = inside.flatMap((each) =>
      beginnings(
        each,
        unless.filter((text) => text.startsWith(each.text)),
      ),
    );
    // What belongs to a longer one around it never comes here.
    const reached = nested.filter((each) => !unless.some((text) => beginningOf(each).startsWith(text)));
    return [...reached, entry(narrowed(ANY_TEXT, place.text, unless), place)];
  }
}

function isPrefix({ kind }: Place): boolean {
  return kind === 'prefix' || kind === 'preferred';
}

function byLength(places: readonly Place[]): readonly Place[] {
  return places.toSorted((a, b) => b.text.length - a.text.length);
}

function byStart(places: readonly OrderedPlace[]): readonly OrderedPlace[] {
  return places.toSorted((a, b) => beginningOf(b).length - beginningOf(a).length);
}

/** Beginnings that begin with this one and are longer. */
function longerThan(place: Place, all: readonly Place[]): readonly string[] {
  return all.map(({ text }) => text).filter((text) => text.length > place.text.length && text.startsWith(place.text));
}

function hasRegex(places: readonly Place[]): boolean {
  return places.some(({ kind, nested }) => kind === 'regex' || hasRegex(nested));
}

function narrowed(pattern: string, startsWith: string, unless: readonly string[]): PathRule {
  return { kind: 'regex', pattern, startsWith, ...(unless.length === 0 ? {} : { unless }) };
}

function entry(path: PathRule, place: Place | undefined, isSlashMissing = false): OrderedPlace {
  return { path, place, isSlashMissing };
}

function beginningOf({ path }: OrderedPlace): string {
  return path.kind === 'regex' ? (path.startsWith ?? '') : path.path;
}

/** Whole paths, and those to which nginx adds the slash that a location of a proxy ends with. */
function exactsOf(places: readonly Place[], outer: readonly string[]): OrderedPlace[] {
  const prefixes = places.filter(isPrefix);
  const own = places
    .filter(({ kind }) => kind === 'exact')
    .map((place) => entry({ kind: 'exact', path: place.text }, place));
  const whole = new Set(own.map(beginningOf));
  const taken = new Set(
    places.filter(({ kind }) => kind === 'exact' || kind === 'prefix' || kind === 'preferred').map(({ text }) => text),
  );
  const slashes = prefixes
    .filter(
      ({ text, scope }) =>
        text.length > 1 && text.endsWith('/') && scope.own('proxy_pass').length > 0 && !taken.has(text.slice(0, -1)),
    )
    .map((place) => entry({ kind: 'exact', path: place.text.slice(0, -1) }, place, true));
  const nested = prefixes.flatMap((place) => {
    const longer = longerThan(place, prefixes);
    return exactsOf(place.nested, [...outer, ...longer]).filter(
      (each) => !longer.some((text) => beginningOf(each).startsWith(text)) && !whole.has(beginningOf(each)),
    );
  });
  return [...own, ...slashes, ...nested];
}

/**
 * Beginnings as our own prefixes where that is the same: one that ends with a slash, whose path without it is somebody
 * else's, and that no expression could take away.
 */
function natural(places: readonly OrderedPlace[], exacts: readonly OrderedPlace[]): readonly OrderedPlace[] {
  const whole = new Set(exacts.map(beginningOf));
  const asExpressions = places.filter((each) => {
    const text = beginningOf(each);
    return text !== '/' && !(text.endsWith('/') && whole.has(text.slice(0, -1)));
  });
  // Expressions are asked before prefixes: one that begins alike would come first.
  const isFree = (text: string): boolean => !asExpressions.some((each) => text.startsWith(beginningOf(each)));
  return places.map((each) => {
    const text = beginningOf(each);
    if (asExpressions.includes(each) || !isFree(text)) return entry(narrowed(ANY_TEXT, text, []), each.place);
    return entry({ kind: 'prefix', path: text === '/' ? '/' : text.slice(0, -1) }, each.place);
  });
}
