import { join } from 'node:path';
import { realClock, type Clock } from '@fairlead/core';
import type { InstanceStatus } from '../running-platform.ts';
import { platformIdentity } from '../identity.ts';
import { openTokenIssuer, type TokenIssuer } from './token-issuer.ts';
import { createTraceStore, type TraceStore, type TraceStoreOptions } from './trace-store.ts';

/** What the control plane knows, apart from how it is asked. */
export interface ControlPlane {
  /** Name of the platform. */
  readonly platform: string;
  readonly clock: Clock;
  readonly traces: TraceStore;
  readonly tokens: TokenIssuer;
  /** The instances as the supervisor last said; the control plane never guesses. */
  instances(): readonly InstanceStatus[];
  /** Replaces what is known of the instances. */
  setInstances(instances: readonly InstanceStatus[]): void;
}

/** What a control plane needs. */
export interface ControlPlaneOptions {
  readonly platform: string;
  /** Folder of the platform's secrets; the signing key is kept there. */
  readonly secretsDir: string;
  /** Ids of the blueprint's tenants; empty allows tokens for any. */
  readonly tenants: readonly string[];
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: the trace store's own bounds. */
  readonly traces?: TraceStoreOptions;
}

/** Opens the control plane of a platform. It holds nothing that must be closed. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const clock = options.clock ?? realClock();
  let known: readonly InstanceStatus[] = [];
  return {
    platform: options.platform,
    clock,
    traces: createTraceStore(options.traces),
    tokens: await openTokenIssuer({
      identity: platformIdentity(options.platform),
      keyFile: join(options.secretsDir, 'signing-key.json'),
      tenants: options.tenants,
      clock,
    }),
    instances: () => known,
    setInstances(instances) {
      known = instances;
    },
  };
}
