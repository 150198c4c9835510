import type { Problems } from './problems.ts';
import { Fields } from './readers.ts';

/** Lets calls with the same key share one call as long as it is under way. */
export interface CoalesceSpec {
  /** Who shares: everybody of a tenant, or only calls of the same subject. Default: as `cache.per`, which is `tenant` by default. */
  readonly per?: 'tenant' | 'subject';
}

/** The same, as it is used. */
export interface ResolvedCoalesce {
  readonly per: 'tenant' | 'subject';
}

const KEYS = { per: true } as const;

/** Reads `coalesce`; `undefined` when there is none. */
export function resolveCoalesce(
  spec: unknown,
  place: Problems,
  cachePer: 'tenant' | 'subject' | undefined,
): ResolvedCoalesce | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<CoalesceSpec>(spec, place, KEYS);
  const per = fields.choice('per', ['tenant', 'subject'], cachePer ?? 'tenant');
  if (per === 'tenant' && cachePer === 'subject')
    fields.at('per').add("'tenant' would share what cache.per keeps apart; leave it out, or give 'subject' too");
  return { per };
}
