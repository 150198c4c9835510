// A certificate that an authority issues by itself (ACME, RFC 8555):
//   renewal.ts            when one is ordered, by whom, and what a failure means
//   order-certificate.ts  acme-account.ts  acme-transport.ts  certificate-request.ts   one order
//   acme-storage.ts       what is kept, for several processes; challenge-answer.ts answers authorities of it
import { readFile } from 'node:fs/promises';
import type { Clock, Random } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { AcmeSpec } from '../snapshot/compiled-snapshot.ts';
import { acmeAccount } from './acme-account.ts';
import type { AcmeStorage } from './acme-storage.ts';
import { httpsTransport } from './acme-transport.ts';
import { orderCertificate } from './order-certificate.ts';
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
      // Read each time: both may have been replaced since the last order.
      const authority = spec.authority === undefined ? undefined : await readFile(spec.authority, 'utf8');
      const eab = spec.eab && { keyId: spec.eab.keyId, key: await readFile(spec.eab.key, 'utf8') };
      const account = await acmeAccount(
        {
          directory: spec.directory,
          key: await storage.accountKey(),
          contact: spec.contact,
          eab,
          transport: httpsTransport(authority),
          clock,
        },
        signal,
      );
      return orderCertificate({ account, names: spec.names, publish: storage.publish, clock, signal });
    },
  });
}
