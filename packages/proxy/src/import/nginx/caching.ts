import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { durationText, sizeBytes, sizeText, timeMs } from './units.ts';
import { variablesIn } from './variables.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** What knows how caches are read. */
export interface CacheWorld {
  readonly problems: NginxProblems;
  readonly origins: Origins;
}

const STATUSES = [200, 301, 302];
const DEFAULT_INACTIVE_MS = 600_000;
const MOST_MEMORY_BYTES = 256 * 1_048_576;

/** `proxy_cache` of a block: a cache of ours, which keeps what RFC 9111 lets it keep. */
export function cacheFilters(scope: Scope, { problems, origins }: CacheWorld): readonly WrittenFilter[] {
  const directive = scope.nearest('proxy_cache');
  const [zone = 'off'] = directive?.words ?? [];
  if (directive === undefined || zone === 'off') return [];
  const path = pathOf(scope, zone);
  if (path === undefined) {
    problems.refuse(directive, `names the zone ${zone}, which no proxy_cache_path makes`);
    return [];
  }
  problems.note(
    directive,
    'kept as RFC 9111 has it: nothing of requests with Authorization or of other tenants, unless answers allow it; Cache-Status tells of it',
  );
  const bytes = sizeBytes(optionOf(path, 'max_size') ?? '') ?? 64 * 1_048_576;
  problems.note(path, 'kept in memory, at most 256 MiB, instead of on disk; write store: { disk, folder } for that');
  const inactiveMs = timeMs(optionOf(path, 'inactive') ?? '') ?? DEFAULT_INACTIVE_MS;
  const stale = scope.nearest('proxy_cache_use_stale')?.words ?? [];
  const hasErrors = stale.some((word) => word === 'error' || word === 'timeout' || word.startsWith('http_5'));
  checkOthers(scope, problems);
  return [
    origins.from(directive, {
      type: 'cache',
      zone,
      store: { memory: sizeText(Math.min(bytes, MOST_MEMORY_BYTES)) },
      ...validOf(scope, problems),
      ...(stale.includes('updating') ? { staleWhileRevalidate: durationText(inactiveMs) } : {}),
      ...(hasErrors ? { staleIfError: durationText(inactiveMs) } : {}),
      ...(ignored(scope).includes('set-cookie') ? { cookies: true } : {}),
      requests: 'ignore',
    }),
  ];
}

/** How long answers are kept that say nothing of it. */
function validOf(
  scope: Scope,
  problems: NginxProblems,
): { readonly statuses?: readonly number[]; readonly defaultTtl?: string } {
  const valid = scope.level('proxy_cache_valid').flatMap((directive) => {
    const ms = timeMs(directive.words.at(-1) ?? '');
    const words = directive.words.slice(0, -1);
    const statuses = words.length === 0 ? STATUSES : words.map(Number);
    if (words.includes('any')) problems.refuse(directive, 'has any; write the statuses that are kept');
    else if (ms === undefined || statuses.some((status) => !(status >= 200 && status <= 599)))
      problems.refuse(directive, 'takes statuses, and a time');
    else return [{ ms, statuses, directive }];
    return [];
  });
  const [first, ...more] = valid;
  if (first === undefined) return {};
  const shortest = Math.min(...valid.map(({ ms }) => ms));
  const other = more.find(({ ms }) => ms !== first.ms);
  if (other !== undefined)
    problems.note(other.directive, `all statuses have the shortest of these times, ${durationText(shortest)}`);
  return {
    statuses: [...new Set(valid.flatMap(({ statuses }) => statuses))],
    defaultTtl: durationText(shortest),
  };
}

function ignored(scope: Scope): readonly string[] {
  return scope.level('proxy_ignore_headers').flatMap(({ words }) => words.map((word) => word.toLowerCase()));
}

function checkOthers(scope: Scope, problems: NginxProblems): void {
  const note = (name: string, text: string, counts: (directive: Directive) => boolean = () => true): void => {
    const directive = scope.nearest(name);
    if (directive !== undefined && counts(directive)) problems.note(directive, text);
  };
  note('proxy_cache_key', 'answers are told apart by method, scheme, host, path and query, and by what Vary names');
  note('proxy_cache_min_uses', 'an answer is kept from the first time on');
  note('proxy_ignore_headers', 'Cache-Control, Expires and Vary count all the same', () =>
    ignored(scope).some((name) => ['cache-control', 'expires', 'vary'].includes(name)),
  );
  const methods = scope.nearest('proxy_cache_methods');
  if (methods?.words.some((word) => word !== 'GET' && word !== 'HEAD') === true)
    problems.refuse(methods, 'has other methods than GET and HEAD, whose answers are not kept here');
  for (const name of ['proxy_cache_bypass', 'proxy_no_cache']) {
    const directive = scope.nearest(name);
    const odd = directive?.words
      .flatMap(variablesIn)
      .find((each) => !['http_authorization', 'http_pragma', 'http_cache_control'].includes(each));
    if (directive === undefined) continue;
    if (odd === undefined) problems.note(directive, 'requests with Authorization find nothing kept; others do');
    else
      problems.refuse(directive, `asks for $${odd}; put the cache into a filter when in the converted configuration`);
  }
}

function pathOf(scope: Scope, zone: string): Directive | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const found = at.own('proxy_cache_path').find((each) => optionOf(each, 'keys_zone')?.split(':')[0] === zone);
    if (found !== undefined) return found;
  }
  return undefined;
}

function optionOf({ words }: Directive, key: string): string | undefined {
  return words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
}
