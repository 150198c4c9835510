import { noTelemetry } from '@fairlead/telemetry';
import type { Clock, Random } from '@fairlead/core';
import { readGatewayConfig } from '../platform/config.ts';
import { gatewaySnapshot } from '../platform/gateway-snapshot.ts';
import { resolveOptions } from '../platform/options.ts';
import { PLATFORM_WORDS } from '../platform/platform-filters.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { SayingKind } from '../snapshot/filter-kind.ts';

/** What the gateway of a platform runs, to be explained. */
export interface PlatformGateway {
  readonly snapshot: CompiledSnapshot;
  readonly kinds: readonly SayingKind[];
}

/**
 * Reads what the gateway of a platform was started with.
 * @param file its configuration, as `FAIRLEAD_GATEWAY_CONFIG` names it
 * @throws MISCONFIGURED when there is no such file, or it is no configuration of a platform's gateway
 */
export async function readPlatformGateway(
  file: string,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<PlatformGateway> {
  const options = resolveOptions(await readGatewayConfig(file, { ...ports, telemetry: noTelemetry() }));
  const snapshot = { ...gatewaySnapshot(options), origin: file };
  return { snapshot, kinds: [...PLATFORM_WORDS, ...snapshot.kinds] };
}
