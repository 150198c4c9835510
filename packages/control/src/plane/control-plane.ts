import { join } from 'node:path';
import { realClock, realRandom, type Clock, type Random } from '@fairlead/core';
import type { DescribedExternal } from '../described-externals.ts';
import type { InstanceStatus } from '../running-platform.ts';
import { platformIdentity } from '../identity.ts';
import { fail } from '../errors.ts';
import { readExport } from './otlp.ts';
import { openTokenIssuer, type TokenIssuer } from './token-issuer.ts';
import { createTraceStore, type TraceStore, type TraceStoreOptions } from './trace-store.ts';

/** What the control plane knows, apart from how it is asked. */
export interface ControlPlane {
  /** Name of the platform. */
  readonly platform: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Providers outside the platform, by name. */
  readonly externals: Readonly<Record<string, DescribedExternal>>;
  readonly traces: TraceStore;
  readonly tokens: TokenIssuer;
  /**
   * Keeps the spans of an OTLP export request, and passes the request on to the collector when there is one.
   * @throws INVALID_INPUT when it is none
   */
  receive(request: unknown): { readonly rejected: number };
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
  /** Default: the real one. */
  readonly random?: Random;
  /** Providers outside the platform, by name. Default: none. */
  readonly externals?: Readonly<Record<string, DescribedExternal>>;
  /** Gets every export request too, such as to pass it on to a collector. Default: nobody. */
  readonly onExport?: (resourceSpans: readonly unknown[]) => void;
  /** Default: the trace store's own bounds. */
  readonly traces?: TraceStoreOptions;
}

/** Opens the control plane of a platform. It holds nothing that must be closed. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const clock = options.clock ?? realClock();
  let known: readonly InstanceStatus[] = [];
  const traces = createTraceStore(options.traces);
  return {
    platform: options.platform,
    clock,
    random: options.random ?? realRandom(),
    externals: options.externals ?? {},
    traces,
    tokens: await openTokenIssuer({
      identity: platformIdentity(options.platform),
      keyFile: join(options.secretsDir, 'signing-key.json'),
      tenants: options.tenants,
      clock,
    }),
    receive(request) {
      const received = readExport(request);
      if (received === undefined) {
        throw fail('INVALID_INPUT', 'The body is no OTLP export request: it has no list "resourceSpans".');
      }
      traces.add(received.spans);
      options.onExport?.(received.resourceSpans);
      return received;
    },
    instances: () => known,
    setInstances(instances) {
      known = instances;
    },
  };
}
