import type { Context } from '@fairlead/core';

/**
 * A key that says whose it is, so that no two tenants ever share one. The lengths keep apart what would be the same text
 * when put together: tenant `a` with key `bc`, tenant `ab` with key `c`.
 * @param per whether it is the tenant's or only this subject's
 */
export function scopedKey(ctx: Context, per: 'tenant' | 'subject', key: string): string {
  const tenant = part(ctx.tenant);
  return per === 'tenant' ? `${tenant}${key}` : `${tenant}${part(ctx.caller.subject)}${key}`;
}

/** No name at all is another than an empty one. */
function part(name: string | undefined): string {
  return name === undefined ? '-' : `${name.length}:${name}`;
}
