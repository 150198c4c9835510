import type { KongFile } from './kong-form.ts';
import type { KongReport } from './kong-report.ts';

const CODE = 'runs code, which has no place at the edge; do it in a service';

/** Parts of a file that no request meets, and what becomes of them. */
const PASSED_OVER: Readonly<Record<string, string>> = {
  _workspace: 'is left out: a configuration is one workspace here',
  _konnect: 'is left out: it says where decK sends the file',
  ca_certificates: 'are left out: services are verified by the authorities that the system trusts',
  rbac_roles: 'are left out: they say who may administer Kong',
  service_packages: 'are left out: they describe services for a portal',
  key_sets: 'are left out: nothing here refers to them',
  keys: 'are left out: nothing here refers to them',
  partials: 'are left out: plugins say all that they need by themselves here',
  custom_plugins: 'are left out: they define plugins, and none of them is used by what works here',
  cloned_plugins: 'are left out: they define plugins, and none of them is used by what works here',
  custom_entities: 'are left out: they belong to plugins that there are not here',
  hmacauth_credentials: 'are left out: nobody asks for them without the plugin hmac-auth, which there is not here',
  oauth2_credentials: 'are left out: nobody asks for them without the plugin oauth2, which there is not here',
  mtls_auth_credentials: 'are left out: nobody asks for them without the plugin mtls-auth, which there is not here',
};

/** Parts that have no place, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  filter_chains: CODE,
  keyauth_enc_credentials: 'are encrypted by Kong; write keyauth_credentials',
};

/** Says what becomes of parts that are not routed by. */
export function unusedParts(file: KongFile, report: KongReport): void {
  for (const [key, part] of Object.entries(file)) {
    if (isEmpty(part)) continue;
    const refusal = REFUSED[key];
    if (refusal !== undefined) report.refuseKey([key], refusal);
    const note = PASSED_OVER[key];
    if (note !== undefined) report.note([key], key, note);
  }
  for (const [index, consumer] of (file.consumers ?? []).entries())
    for (const [key, part] of Object.entries(consumer)) {
      if (isEmpty(part)) continue;
      const refusal = REFUSED[key];
      if (refusal !== undefined) report.refuseKey(['consumers', index, key], refusal);
      const note = PASSED_OVER[key];
      if (note !== undefined && key.endsWith('_credentials')) report.note(['consumers', index, key], key, note);
    }
}

function isEmpty(part: unknown): boolean {
  return part === undefined || (Array.isArray(part) && part.length === 0);
}

/** The prefixes of variables by the vaults that stand for the environment. */
export function vaultPrefixes(written: unknown): ReadonlyMap<string, string> {
  const vaults: unknown = typeof written === 'object' && written !== null && 'vaults' in written ? written.vaults : [];
  return new Map(
    (Array.isArray(vaults) ? vaults : []).flatMap((vault: unknown): [string, string][] => {
      if (typeof vault !== 'object' || vault === null) return [];
      const { name, prefix, config }: { name?: unknown; prefix?: unknown; config?: { prefix?: unknown } } = vault;
      if (name !== 'env' || typeof prefix !== 'string') return [];
      return [[prefix, typeof config?.prefix === 'string' ? config.prefix : '']];
    }),
  );
}
