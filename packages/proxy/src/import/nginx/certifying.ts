import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** Whether requests of a server need a certificate of their client: told by a filter, as each server has its own mind. */
export function certificateFilters(
  scope: Scope,
  { problems, origins }: { readonly problems: NginxProblems; readonly origins: Origins },
): readonly WrittenFilter[] {
  const verify = scope.nearest('ssl_verify_client');
  const [mode] = verify?.words ?? [];
  if (verify === undefined || (mode !== 'on' && mode !== 'optional')) return [];
  if (mode === 'on') problems.note(verify, 'clients without a certificate are told 401 instead of 400');
  return [origins.from(verify, { type: 'client-certificate', ...(mode === 'on' ? {} : { optional: true }) })];
}
