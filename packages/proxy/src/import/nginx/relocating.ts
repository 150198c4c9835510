import { ANY_TEXT } from '../../match/linear-pattern.ts';
import type { PathRule } from '../../match/match-spec.ts';
import { re2js } from '../../on-demand.ts';
import { findPlace, placeOfBeginning } from './find-place.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { OrderedPlace } from './place-order.ts';
import type { Place } from './places.ts';
import { readRewrite, type Rewrite } from './rewriting.ts';
import type { Scope } from './scope.ts';

/** Requests of a location, or such that a rewrite brings there. */
export interface ReachedPlace extends OrderedPlace {
  /** What their path has become on the way, in this order. */
  readonly arrived: readonly Rewrite[];
  /** The location that they come from. */
  readonly from: Place | undefined;
}

/**
 * Follows rewrites that lead to another location (`last`, or no flag), which nginx does for each request: here it is told
 * beforehand where those requests end, and what can't be told is refused. Requests that are rewritten have a match of their own,
 * asked before that of the location that they come from.
 */
export function followRewrites(
  ordered: readonly OrderedPlace[],
  server: Scope,
  places: readonly Place[],
  problems: NginxProblems,
): readonly ReachedPlace[] {
  const beginnings = ordered.flatMap(({ path }) =>
    path.kind === 'prefix'
      ? [`${path.path.replace(/\/$/, '')}/`]
      : path.kind === 'regex' && path.startsWith !== undefined
        ? [path.startsWith]
        : [],
  );
  const first = leading(server, problems);
  const everything: OrderedPlace = {
    path: { kind: 'regex', pattern: ANY_TEXT },
    place: undefined,
    isSlashMissing: false,
  };
  const atServer = first.flatMap((rewrite) => moved(everything, rewrite, []));
  const exacts = ordered.filter(({ path }) => path.kind === 'exact');
  const others = ordered.filter(({ path }) => path.kind !== 'exact');
  return [
    ...exacts.map(exactReached),
    ...atServer,
    ...others.flatMap((each) => {
      const moving = movedFrom(each);
      // Nothing is left where everything is rewritten.
      const isLeft = moving.every(({ arrived }) => arrived.every(({ regex }) => regex !== ANY_TEXT));
      return isLeft ? [...moving, { ...each, arrived: [], from: undefined }] : moving;
    }),
  ];

  /** A whole path: all is known beforehand. */
  function exactReached(each: OrderedPlace): ReachedPlace {
    if (each.path.kind !== 'exact') return { ...each, arrived: [], from: undefined };
    const fitting = first.find(({ regex }) =>
      re2js()
        .RE2JS.compile(regex)
        .testExact(each.path.kind === 'exact' ? each.path.path : ''),
    );
    const own = each.place === undefined || each.isSlashMissing ? [] : leading(each.place.scope, problems);
    const text = each.path.path;
    const rewrite = fitting ?? own.find(({ regex }) => re2js().RE2JS.compile(regex).testExact(text));
    if (rewrite === undefined) return { ...each, arrived: [], from: undefined };
    const place = goal(rewrite, problems);
    return place === undefined
      ? { ...each, arrived: [], from: undefined }
      : { path: each.path, place, isSlashMissing: false, arrived: [rewrite], from: each.place };
  }

  function movedFrom(each: OrderedPlace): readonly ReachedPlace[] {
    const rewrites = each.place === undefined || each.isSlashMissing ? [] : leading(each.place.scope, problems);
    const own = each.path.kind === 'prefix' ? `${each.path.path.replace(/\/$/, '')}/` : '';
    const longer = beginnings.filter((text) => own !== '' && text.length > own.length && text.startsWith(own));
    return rewrites.flatMap((rewrite) => moved(each, rewrite, longer));
  }

  function moved(from: OrderedPlace, rewrite: Rewrite, longer: readonly string[]): readonly ReachedPlace[] {
    const place = goal(rewrite, problems);
    const path = both(from.path, rewrite.regex, longer);
    if (path === undefined) {
      problems.refuse(
        rewrite.directive,
        'leads to another location, in one with an expression; write the rewrite into the server, or give it the expression of the location',
      );
      return [];
    }
    return place === undefined ? [] : [{ path, place, isSlashMissing: false, arrived: [rewrite], from: from.place }];
  }

  /** The location in which rewritten requests end. */
  function goal(rewrite: Rewrite, told: NginxProblems): Place | undefined {
    const { to, directive } = rewrite;
    const groups = to.indexOf('$');
    const found = groups === -1 ? { place: findPlace(places, to) } : placeOfBeginning(places, to.slice(0, groups));
    if (found === undefined || !to.startsWith('/')) {
      told.refuse(
        directive,
        `leads to ${to}, whose location depends on the request; write break, or a path that begins with one location’s and no other’s`,
      );
      return undefined;
    }
    if (found.place === undefined) {
      told.refuse(directive, `leads to ${to}, for which there is no location`);
      return undefined;
    }
    if (leading(found.place.scope, told).length > 0) {
      told.refuse(
        directive,
        `leads to the location ${found.place.text}, which rewrites once more; write the last path at once`,
      );
      return undefined;
    }
    return found.place;
  }
}

/** The rewrites of a block that lead to another location. */
function leading(scope: Scope, problems: NginxProblems): readonly Rewrite[] {
  const isServer = scope.directives.some(({ name }) => name === 'location' || name === 'listen');
  const phase = scope.directives.filter(({ name }) => ['rewrite', 'return', 'if', 'set', 'break'].includes(name));
  const found: Rewrite[] = [];
  for (const [at, directive] of phase.entries()) {
    if (directive.name === 'return' || directive.name === 'break') break;
    if (directive.name !== 'rewrite') continue;
    const [, , flag] = directive.words;
    if (flag === 'redirect' || flag === 'permanent' || (flag === 'break' && !isServer)) continue;
    const rewrite = readRewrite(directive, problems);
    if (rewrite === undefined || rewrite.then === 'redirect' || rewrite.then === 'permanent') continue;
    if (
      at > 0 &&
      phase.slice(0, at).some(({ name, words }) => name === 'if' || (name === 'rewrite' && words[2] === 'break'))
    )
      problems.refuse(
        directive,
        'leads to another location, behind an if or a rewrite with break; write it before them',
      );
    if (rewrite.then === 'go-on' && phase.slice(at + 1).some(({ name }) => name !== 'set'))
      problems.refuse(
        directive,
        'goes on to what follows with another path, which is not known here; write last, break, redirect or permanent',
      );
    found.push(rewrite);
  }
  return found;
}

/** What both a location and an expression have; `undefined` when it can't be said in one rule. */
function both(path: PathRule, regex: string, longer: readonly string[]): PathRule | undefined {
  const unless = longer.length === 0 ? {} : { unless: longer };
  if (path.kind === 'prefix') {
    // Without its slash, it is a path of its own.
    const startsWith = path.path === '/' ? undefined : `${path.path}/`;
    return { kind: 'regex', pattern: regex, ...(startsWith === undefined ? {} : { startsWith }), ...unless };
  }
  if (path.kind !== 'regex') return undefined;
  if (path.pattern === ANY_TEXT) return { ...path, pattern: regex };
  return path.pattern === regex ? path : undefined;
}
