import { FairleadError } from '@fairlead/core';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';

/**
 * The same configuration with another port of its first listener; `undefined` leaves it.
 * @throws MISCONFIGURED when that is a Unix socket
 */
export function atPort(snapshot: CompiledSnapshot, port: number | undefined): CompiledSnapshot {
  const [first, ...others] = snapshot.listeners;
  if (port === undefined || first === undefined) return snapshot;
  const { address } = first;
  if ('path' in address)
    throw new FairleadError(
      'invalid',
      'MISCONFIGURED',
      `The first listener, ${first.name}, is a Unix socket and has no port. Leave the port out.`,
    );
  return { ...snapshot, listeners: [{ ...first, address: { host: address.host, port } }, ...others] };
}
