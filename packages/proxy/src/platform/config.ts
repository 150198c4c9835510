import { readFile } from 'node:fs/promises';
import { FairleadError } from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import type { GatewayEndpoint, GatewayOptions, GatewayRoute } from './options.ts';

/**
 * A gateway's configuration, as the JSON file that `FAIRLEAD_GATEWAY_CONFIG` names has it: what of `GatewayOptions` can be
 * written down. Unknown keys are refused.
 */
export interface GatewayConfig {
  readonly listen: { readonly host?: string; readonly port: number };
  readonly routes: readonly GatewayRoute[];
  /** Service name → `{ socketPath }` or `{ origin }`. */
  readonly endpoints: Readonly<Record<string, GatewayEndpoint>>;
  /** `http:`, `https:` or `unix:/path/to.sock:/url/path`. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  readonly tenants?: readonly string[];
  readonly absent?: readonly string[];
  readonly jwksMaxAgeMs?: number;
  readonly jwksCooldownMs?: number;
  readonly tokenCacheSize?: number;
  readonly connectPatienceMs?: number;
  readonly maxConnections?: number;
  readonly policies?: Readonly<Record<string, PolicySpec>>;
  readonly admin?: { readonly socketPath: string };
}

/** What a file can't say. */
const PORTS = ['telemetry', 'clock', 'random', 'loopDelayMs'] as const;

/**
 * Reads the file and joins it with the ports. Whether its values are right is for `startGateway` to say.
 * @throws MISCONFIGURED when there is no such file, it is no JSON object, or it has keys that only code can give
 */
export async function readGatewayConfig(
  file: string | undefined,
  ports: Pick<GatewayOptions, (typeof PORTS)[number]>,
): Promise<GatewayOptions> {
  if (file === undefined || file === '')
    throw misconfigured('FAIRLEAD_GATEWAY_CONFIG is not set; it names the JSON file of the gateway.');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw misconfigured(`FAIRLEAD_GATEWAY_CONFIG names ${file}, which can't be read.`, cause);
  });
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw misconfigured(`${file} is no JSON.`, cause);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw misconfigured(`${file} must hold a JSON object.`);
  for (const port of PORTS) {
    if (port in config) throw misconfigured(`${file}: ${port} can't be configured in a file.`);
  }
  // `as`: startGateway's resolveOptions looks at every member and refuses unknown ones.
  return { ...(config as GatewayConfig), ...ports };
}

function misconfigured(message: string, cause?: unknown): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message, { cause });
}
