import { FairleadError } from '@fairlead/core';
import type { LeasesOptions } from './lease-types.ts';
import { SILENT, type StoreTelemetry } from '../telemetry.ts';

/** Options with every default filled in. */
export type ResolvedLeasesOptions = Required<Omit<LeasesOptions, 'telemetry'>> & { readonly telemetry: StoreTelemetry };

const DEFAULT_TTL_MS = 10_000;
const MAX_MS = 2 ** 31 - 1;

/**
 * Fills in the defaults.
 * @throws MISCONFIGURED for a value out of range, named
 */
export function resolveLeasesOptions(options: LeasesOptions): ResolvedLeasesOptions {
  const { ttlMs = DEFAULT_TTL_MS } = options;
  const { renewEveryMs = Math.floor(ttlMs / 3) } = options;
  if (options.holder === '' || options.holder.includes('\0'))
    throw misconfigured('leases needs a holder: a name of this process without NUL, such as "orders-1".');
  check(options.holder, 'ttlMs', ttlMs, 100, MAX_MS);
  check(options.holder, 'renewEveryMs', renewEveryMs, 10, Math.floor(ttlMs / 2));
  return { ...options, ttlMs, renewEveryMs, telemetry: options.telemetry ?? SILENT };
}

function check(holder: string, name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw misconfigured(
      `leases of ${holder}: ${name} is ${value}; give a whole number of milliseconds from ${least} to ${most}.`,
    );
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
