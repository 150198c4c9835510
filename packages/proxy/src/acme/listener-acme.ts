// A certificate that an authority issues by itself (ACME, RFC 8555):
//   renewal.ts            when one is ordered, by whom, and what a failure means
//   place-order.ts  order-certificate.ts  acme-account.ts  acme-transport.ts  certificate-request.ts   one order
//   acme-storage.ts       what is kept, for several processes; challenge-answer.ts answers authorities of it
import type { Clock, Random } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { AcmeSpec } from '../snapshot/compiled-snapshot.ts';
import type { AcmeStorage } from './acme-storage.ts';
import { keepRenewed } from './renewal.ts';

/** What it needs. */
export interface ListenerAcmeOptions {
  readonly storage: AcmeStorage;
  /** Told when this process has got a certificate. */
  readonly onIssued: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Keeps the certificate of a listener ordered and renewed, until it is closed. */
export function listenerAcme(spec: AcmeSpec, options: ListenerAcmeOptions): { close(): Promise<void> } {
  const { storage, clock } = options;
  return keepRenewed({
    ...options,
    names: spec.names,
    async order(signal) {
      // Few gateways order anything, and seldom: what it takes is loaded for an order.
      const { placeOrder } = await import('./place-order.ts');
      return placeOrder(spec, { storage, clock }, signal);
    },
  });
}
