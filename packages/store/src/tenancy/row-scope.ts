import type { SessionScope, Setting } from '../postgres/session-scope.ts';
import type { ClaimKey, TenantScope } from './tenant-claim.ts';

/** Transactions of the Context's tenant; without one they see nothing that is isolated. */
export function tenantScope(key: Promise<ClaimKey>): SessionScope {
  return {
    async settingsFor({ tenant }) {
      const { claim } = await key;
      if (tenant === undefined || tenant === '') return () => [];
      return (processId) => [claimSetting(claim(processId, { kind: 'tenant', tenant }))];
    },
  };
}

/** Transactions of all tenants at once. */
export function everyTenantScope(key: Promise<ClaimKey>): SessionScope {
  const scope: TenantScope = { kind: 'every-tenant' };
  return {
    async settingsFor() {
      const { claim } = await key;
      return (processId) => [claimSetting(claim(processId, scope))];
    },
  };
}

/** The setting that `fairlead.tenant_scope()` reads. */
export const claimSetting = (claim: string): Setting => ['fairlead.tenancy', claim];
