import type { RunningPlatform } from '@fairlead/control';
import type { PlatformModel } from '@fairlead/platform';

/**
 * Three commands that work at once on this platform: a call through the gateway with a token, what it did, and the logs
 * of who answered. `dataDir` is named in them when it is not the default.
 */
export function commandsToTry(model: PlatformModel, platform: RunningPlatform, dataDir: string): readonly string[] {
  const where = dataDir === '.fairlead' ? '' : ` --data-dir ${dataDir}`;
  const tenant = model.tenants[0]?.id ?? 'demo';
  // Which paths a filter answers is its own affair.
  const open = model.routes.flatMap(({ service, ...rest }) =>
    service !== undefined && rest.methods?.includes('GET') !== false ? [{ ...rest, service }] : [],
  );
  const route = open.toSorted(
    (a, b) => (a.roles?.length ?? 0) - (b.roles?.length ?? 0) || (a.path < b.path ? -1 : 1),
  )[0];
  if (route === undefined)
    return [`npx fairlead status${where}`, `npx fairlead trace${where}`, `npx fairlead logs --follow${where}`];
  const role = route.roles?.[0] === undefined ? '' : ` --role ${route.roles[0]}`;
  return [
    `curl -i ${platform.gatewayUrl}${route.path} -H "authorization: Bearer $(npx fairlead token --tenant ${tenant} --subject me${role}${where})"`,
    `npx fairlead trace${where}`,
    `npx fairlead logs ${route.service} --follow${where}`,
  ];
}
