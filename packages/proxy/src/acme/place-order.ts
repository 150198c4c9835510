import { readFile } from 'node:fs/promises';
import type { Clock } from '@fairlead/core';
import type { AcmeSpec } from '../snapshot/compiled-snapshot.ts';
import { acmeAccount } from './acme-account.ts';
import type { AcmeStorage } from './acme-storage.ts';
import { httpsTransport } from './acme-transport.ts';
import { orderCertificate, type IssuedCertificate } from './order-certificate.ts';

/**
 * Orders a certificate as a listener asks for it.
 * @throws what `acmeAccount` and `orderCertificate` do
 */
export async function placeOrder(
  spec: AcmeSpec,
  { storage, clock }: { readonly storage: AcmeStorage; readonly clock: Clock },
  signal: AbortSignal,
): Promise<IssuedCertificate> {
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
}
