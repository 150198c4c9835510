import { returned, type Door } from './answering.ts';
import { findPlace } from './find-place.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Place } from './places.ts';
import type { Scope } from './scope.ts';
import { template, type Known } from './variables.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** `error_page` of a block: what clients are told instead of a failure. */
export function errorPages(
  scope: Scope,
  known: Known,
  door: Door,
  {
    places,
    problems,
    origins,
  }: { readonly places: readonly Place[]; readonly problems: NginxProblems; readonly origins: Origins },
): readonly WrittenFilter[] {
  const of = scope.nearest('proxy_intercept_errors')?.words[0] === 'on' ? { of: 'all' } : {};
  return scope.level('error_page').flatMap((directive) => {
    const refuse = (reason: string): readonly WrittenFilter[] => {
      problems.refuse(directive, reason);
      return [];
    };
    const uri = directive.words.at(-1) ?? '';
    const rest = directive.words.slice(0, -1);
    const mark = rest.find((word) => word.startsWith('='));
    const on = rest.filter((word) => word !== mark).map(Number);
    if (
      on.length === 0 ||
      on.some((status) => !(status >= 300 && status <= 599)) ||
      (mark !== undefined && !/^=\d{0,3}$/.test(mark))
    )
      return refuse('takes statuses from 300 to 599, =status or nothing, and a path or URL');
    if (/^https?:\/\//.test(uri)) {
      const location = template(uri, known);
      if ('fault' in location) return refuse(location.fault);
      const status = mark === undefined || mark === '=' ? 302 : Number(mark.slice(1));
      const isTemplate = location.text.includes('{') ? { template: true } : {};
      return [
        origins.from(directive, {
          type: 'error-page',
          on,
          ...of,
          answer: { status, headers: { location: location.text }, ...isTemplate },
        }),
      ];
    }
    const place = uri.startsWith('@') ? places.find(({ text }) => text === uri) : findPlace(places, uri);
    const answer = place?.scope.own('return')[0];
    if (place === undefined || (answer === undefined && place.scope.own('proxy_pass').length === 0)) {
      problems.note(
        directive,
        `${uri} would be a file; clients are told of failures by a problem document (RFC 9457) instead`,
      );
      return [];
    }
    if (answer === undefined)
      return refuse(`leads to ${uri}, which is passed on; only a location with return can stand for a failure here`);
    const said = returned(answer, place.scope, known, door, problems);
    if (said === undefined) return [];
    if (said.type !== 'respond')
      return refuse(`leads to ${uri}, which sends clients elsewhere in a way that is not known here`);
    const { type: _type, status, ...page } = said;
    // Without a mark the failure's own status stays; with an empty one, that of the page counts.
    const kept = mark === undefined ? {} : { status: mark === '=' ? status : Number(mark.slice(1)) };
    return [origins.from(directive, { type: 'error-page', on, ...of, answer: { ...kept, ...page } })];
  });
}
