import type { PlatformModel } from '@fairlead/platform';
import type { GatewayConfig } from '@fairlead/proxy';
import { platformIdentity } from './identity.ts';
import { gatewayEndpoint } from './process-environment.ts';

/** The name of the gateway's configuration, in the folder of sockets, with `.json` after it. */
export const GATEWAY_CONFIG = 'gateway';

/** What a topology knows of the gateway that the model doesn't. */
export interface GatewayWays {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Where services and externals answer. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Services that are not started. */
  readonly absent: readonly string[];
  /** Where the platform's public keys are. */
  readonly jwks: string;
  /** Path of the Unix socket where operators ask. Default: nowhere. */
  readonly adminSocket?: string;
}

/** What the gateway of a platform is started with, whatever the topology. */
export function gatewayConfig(
  model: PlatformModel,
  { port, endpoints, absent, jwks, adminSocket }: GatewayWays,
): GatewayConfig {
  return {
    listen: { host: '127.0.0.1', port },
    routes: model.routes,
    policies: model.policies,
    endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, url]) => [name, gatewayEndpoint(url)])),
    jwks,
    absent,
    tenants: model.tenants.map(({ id }) => id),
    ...platformIdentity(model.name),
    ...(adminSocket === undefined ? {} : { admin: { socketPath: adminSocket } }),
  };
}
