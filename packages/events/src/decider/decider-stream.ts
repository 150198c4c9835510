import type { Context } from '@fairlead/core';
import { fail } from '../errors.ts';

const MAX_LENGTH = 512;

/**
 * The stream of one id: `payment-42`, of a tenant `payment-acme/42`. Whatever tenants and ids are called, no two have one stream:
 * the first `/` ends the tenant, which has none itself and is empty where an id without tenant has one.
 * @throws STREAM_INVALID
 */
export function streamOf(
  { name, tenancy }: { readonly name: string; readonly tenancy: 'context' | 'none' },
  ctx: Context,
  id: string,
): string {
  const tenant = tenancy === 'none' ? undefined : ctx.tenant;
  const scope =
    tenant === undefined ? (id.includes('/') ? '/' : '') : `${tenant.replaceAll('%', '%25').replaceAll('/', '%2F')}/`;
  const stream = `${name}-${scope}${id}`;
  if (id === '' || stream.length > MAX_LENGTH || id.includes('\0') || !id.isWellFormed())
    throw fail(
      'STREAM_INVALID',
      `${name}: an id of ${id.length} characters names no stream. Give one that is not empty, is well-formed without NUL, and makes a name of at most ${MAX_LENGTH} characters with "${name}-${scope}".`,
    );
  return stream;
}
