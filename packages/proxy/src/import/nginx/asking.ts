import type { Clusters } from './clusters.ts';
import { findPlace } from './find-place.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Place } from './places.ts';
import { askedFields, readPassing } from './proxying.ts';
import type { Scope } from './scope.ts';
import { durationText, timeMs } from './units.ts';
import type { Known } from './variables.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** What knows how `auth_request` is read. */
export interface AskingWorld {
  readonly places: readonly Place[];
  readonly clusters: Clusters;
  readonly problems: NginxProblems;
  readonly origins: Origins;
}

/** The fields that `auth_request_set` takes of the service's answer: by variable, its name. */
export function saidByService(scope: Scope, problems: NginxProblems): ReadonlyMap<string, string> {
  const said = new Map<string, string>();
  for (const directive of scope.level('auth_request_set')) {
    const [variable = '', value = ''] = directive.words;
    const name = /^\$\{?upstream_http_(\w+)\}?$/.exec(value)?.[1];
    if (!/^\$\w+$/.test(variable)) problems.refuse(directive, 'takes a variable and a value');
    else if (name === undefined)
      problems.refuse(directive, `takes ${value}, where only $upstream_http_… is known here`);
    else said.set(variable.slice(1), name.toLowerCase().replaceAll('_', '-'));
  }
  return said;
}

/** `auth_request` of a block: a filter that asks the service behind that location. */
export function askingFilters(
  scope: Scope,
  known: Known,
  fields: { readonly upstream: Readonly<Record<string, string>>; readonly answer: Readonly<Record<string, string>> },
  { places, clusters, problems, origins }: AskingWorld,
  rewriting: (scope: Scope) => { readonly filters: readonly WrittenFilter[]; readonly isAnswered: boolean },
): readonly WrittenFilter[] {
  const directive = scope.nearest('auth_request');
  const [uri = 'off'] = directive?.words ?? [];
  if (directive === undefined || uri === 'off') return [];
  const none = (reason: string): readonly WrittenFilter[] => {
    problems.refuse(directive, reason);
    return [];
  };
  if (!/^\/[^$?]*$/.test(uri))
    return none(`names ${uri}, which is no path of this server that is known before there is a request`);
  const place = findPlace(places, uri);
  const pass = place?.scope.own('proxy_pass')[0];
  if (place !== undefined && pass === undefined) {
    const { filters, isAnswered } = rewriting(place.scope);
    const decided = isAnswered ? decisions(filters) : undefined;
    if (decided !== undefined) return decided;
  }
  if (place === undefined || pass === undefined)
    return none(`names ${uri}, which no location of this server passes on with proxy_pass`);
  const passing = readPassing(pass, place, known, { clusters, problems });
  if (passing === undefined) return [];
  const path = pathAsked(passing.paths, uri);
  if (path === undefined) {
    problems.refuse(pass, 'decides for auth_request, and has a path with variables; write it out');
    return [];
  }
  const { set, remove } = askedFields(place.scope, known, new Map(), problems);
  const { host, ...more } = set;
  if (host !== undefined && host.includes('{'))
    problems.note(pass, 'the service that decides reads its own name in Host, and the client’s in X-Forwarded-Host');
  const timeoutMs = timeMs(place.scope.nearest('proxy_read_timeout')?.words[0] ?? '') ?? 60_000;
  const isBare = place.scope.nearest('proxy_pass_request_headers')?.words[0] === 'off';
  const request = {
    ...(isBare ? { fields: [] } : {}),
    ...(Object.keys(more).length === 0 ? {} : { set: more }),
    ...(remove.length === 0 ? {} : { remove }),
  };
  return [
    origins.from(directive, {
      type: 'ext-auth',
      cluster: passing.cluster,
      path,
      ...(host === undefined || host.includes('{') ? {} : { host }),
      ...(Object.keys(request).length === 0 ? {} : { request }),
      ...(Object.keys(fields.upstream).length === 0 ? {} : { upstream: fields.upstream }),
      ...(Object.keys(fields.answer).length === 0 ? {} : { answer: fields.answer }),
      timeout: durationText(timeoutMs),
      failureStatus: 500,
      unavailableStatus: 503,
    }),
  ];
}

/**
 * What a location says that decides by itself: refusals as they are, and leave for whom there is none. `undefined` when it says
 * something else than 2xx, 401 and 403.
 */
function decisions(filters: readonly WrittenFilter[]): readonly WrittenFilter[] | undefined {
  const last = filters.at(-1);
  const before = filters.slice(0, -1);
  const refusals = [
    ...before.flatMap(({ filters: inner }) => (Array.isArray(inner) ? inner : [])),
    ...(isLeave(last) ? [] : [last]),
  ];
  const isWhole = before.every(({ type }) => type === 'when') && refusals.every(isRefusal);
  if (!isWhole || last === undefined) return undefined;
  return isLeave(last) ? before : filters;
}

function isLeave(filter: WrittenFilter | undefined): boolean {
  const status = filter?.type === 'respond' ? Number(filter['status']) : 0;
  return status >= 200 && status < 300;
}

function isRefusal(filter: unknown): boolean {
  return (
    typeof filter === 'object' &&
    filter !== null &&
    'status' in filter &&
    (filter.status === 401 || filter.status === 403)
  );
}

/** The path that the service is asked, which is the same for all requests. */
function pathAsked(paths: readonly object[], uri: string): string | undefined {
  const [only] = paths;
  if (only === undefined) return uri;
  const { to, prefix, regex }: { readonly to?: string; readonly prefix?: string; readonly regex?: string } = only;
  if (to === undefined) return undefined;
  if (prefix === undefined && regex === undefined) return to;
  if (prefix !== undefined) return `${to.replace(/\/$/, '')}${uri.slice(prefix.length)}`;
  return undefined;
}
