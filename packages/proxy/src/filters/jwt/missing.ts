import type { Identity, LocalAnswer } from '../../engine/filter.ts';
import { claimAt } from '../claims.ts';
import { forbidden, unknownTenant } from './jwt-fault.ts';
import type { ResolvedJwtSpec } from './jwt-spec.ts';

/** What a genuine proof lacks. */
export function missingOf(
  identity: Identity,
  { require, tenants }: Pick<ResolvedJwtSpec, 'require' | 'tenants'>,
): LocalAnswer | undefined {
  if (tenants !== undefined && !tenants.has(identity.tenant ?? '')) return unknownTenant(identity.tenant);
  for (const scope of require.scopes) {
    if (!identity.scopes.includes(scope)) return forbidden(`This needs the scope ${scope}.`);
  }
  if (require.roles !== undefined && !require.roles.some((role) => identity.roles.includes(role)))
    return forbidden(`This needs one of the roles ${require.roles.join(', ')}.`);
  for (const [claim, values] of require.claims) {
    const value = claimAt(identity.claims, claim);
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!given.some((one) => values.includes(one)))
      return forbidden(`This needs the claim ${claim} to be ${values.map(String).join(' or ')}.`);
  }
  return undefined;
}
