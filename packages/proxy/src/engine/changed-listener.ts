import { FairleadError, stableHash } from '@fairlead/core';
import type { CompiledListener, CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';

/**
 * A listener that is open stays as it was opened: its address, limits and demands of TLS belong to connections that would have to end.
 * Its certificates may change.
 * @throws MISCONFIGURED when a snapshot has one of the same name and another kind
 */
export function checkListeners(running: CompiledSnapshot, next: CompiledSnapshot): void {
  for (const listener of next.listeners) {
    const open = running.listeners.find(({ name }) => name === listener.name);
    if (open === undefined || stableHash(settingsOf(open)) === stableHash(settingsOf(listener))) continue;
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `The listener ${listener.name} is open with other settings, which stay as long as it is. Give it another name (at another address), or start again.`,
    );
  }
}

function settingsOf({ table: _routes, tls, ...settings }: CompiledListener): object {
  if (tls === undefined) return settings;
  const { certificates: _files, acme: _issued, ...demands } = tls;
  return { ...settings, tls: demands };
}
