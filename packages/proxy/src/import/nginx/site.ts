import type { PathRule } from '../../match/match-spec.ts';
import { ANY_TEXT } from '../../match/linear-pattern.ts';
import type { Directive } from './directive.ts';
import { certificateFilters } from './certifying.ts';
import type { Listen, ServerNames } from './listening.ts';
import { originOf } from './answering.ts';
import { orderPlaces } from './place-order.ts';
import { placeRoute, rewritingOf, type PlaceRoute, type PlaceWorld } from './place-route.ts';
import { followRewrites, type ReachedPlace } from './relocating.ts';
import type { Scope } from './scope.ts';
import type { WrittenFilter, WrittenRoute } from './written.ts';

/** A `server` of nginx. */
export interface Site {
  readonly directive: Directive;
  readonly scope: Scope;
  readonly names: ServerNames;
  readonly listens: readonly Listen[];
}

/** A route, and where it was written. */
export interface SiteRoute {
  readonly directive: Directive;
  /** What its name begins with. */
  readonly label: string;
  readonly route: Omit<WrittenRoute, 'name'>;
}

/** The routes of a server at one of its listeners, in the order in which they are asked. */
export function siteRoutes(site: Site, world: PlaceWorld): readonly SiteRoute[] {
  const { scope, directive } = site;
  const { problems, places, origins } = world;
  const proof = world.door.scheme === 'https' ? certificateFilters(scope, world) : [];
  const rewriting = rewritingOf(scope, world.known, world);
  const before = { ...rewriting, filters: [...proof, ...rewriting.filters] };
  if (before.isAnswered) return [{ directive, label: 'all', route: answered(before) }];
  const { ordered, tangled } = orderPlaces(places);
  for (const each of tangled) problems.refuse(each.directive, each.reason);
  return followRewrites(ordered, scope, places, problems).map((reached): SiteRoute => {
    const { place, path, isSlashMissing } = reached;
    const from = place?.directive ?? directive;
    return {
      directive: from,
      label: `${labelOf(path)}${isSlashMissing ? '-slash' : ''}`,
      route: { match: matchOf(path), ...routeOf(reached) },
    };
  });

  function routeOf({ place, isSlashMissing, arrived, from }: ReachedPlace): PlaceRoute {
    if (place === undefined) {
      problems.note(directive, 'what none of its locations takes is answered with 404; nginx looks for a file');
      return { filters: [...before.filters, { type: 'respond', status: 404, code: 'NO_ROUTE' }] };
    }
    if (isSlashMissing) {
      const location = `${originOf(place.scope, world.door)}${encodeURI(place.text)}{search}`;
      const slash = { type: 'respond', status: 301, headers: { location }, template: true };
      return { filters: [...before.filters, origins.from(place.directive, slash)] };
    }
    // Rewrites lead there.
    if (place.scope.own('internal').length > 0 && arrived.length === 0)
      return { filters: [...before.filters, { type: 'respond', status: 404, code: 'NO_ROUTE' }] };
    // What was set on the way is known there.
    const known = from === undefined ? before.known : rewritingOf(from.scope, before.known, world).known;
    return placeRoute(place, { ...before, known }, arrived, world);
  }
}

function answered({ filters }: { readonly filters: readonly WrittenFilter[] }): Omit<WrittenRoute, 'name'> {
  return { filters: [...filters] };
}

/** A path as people write it in our form. */
function matchOf(rule: PathRule): NonNullable<WrittenRoute['match']> {
  switch (rule.kind) {
    case 'exact':
      return { path: { exact: encodeURI(rule.path) } };
    case 'regex': {
      const { pattern, startsWith, unless } = rule;
      const regex = pattern === ANY_TEXT && startsWith !== undefined ? {} : { regex: pattern };
      return {
        path: {
          ...regex,
          ...(startsWith === undefined ? {} : { startsWith }),
          ...(unless === undefined ? {} : { unless: [...unless] }),
        },
      };
    }
    default:
      return { path: encodeURI(rule.path) };
  }
}

function labelOf(rule: PathRule): string {
  const text =
    rule.kind === 'regex' ? (rule.startsWith ?? rule.pattern.replaceAll(/\(\?[a-z]+(?::\.\*\??)?\)/g, '')) : rule.path;
  const label = text.replaceAll(/[^A-Za-z0-9._]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '');
  return label === '' ? 'all' : label;
}
