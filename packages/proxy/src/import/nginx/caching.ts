import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** `proxy_cache` of a block: our cache, which keeps what RFC 9111 lets it keep. */
export function cacheFilters(
  scope: Scope,
  { problems, origins }: { readonly problems: NginxProblems; readonly origins: Origins },
): readonly WrittenFilter[] {
  const directive = scope.nearest('proxy_cache');
  if (directive === undefined || directive.words[0] === 'off') return [];
  problems.refuse(directive, 'is not known here yet');
  void origins;
  return [];
}
