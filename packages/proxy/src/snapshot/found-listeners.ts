import { resolve } from 'node:path';
import type { Clock } from '@fairlead/core';
import { findCertificate } from './certificate-files.ts';
import type { CertificateFiles, CompiledListener, ListenerTls } from './compiled-snapshot.ts';
import type { PlacedProblem } from './snapshot-problem.ts';

/** Listeners whose files have been looked for. */
export interface FoundListeners {
  readonly listeners: readonly CompiledListener[];
  readonly problems: readonly PlacedProblem[];
}

/** Looks for the files that listeners name, beside the configuration, and tries their certificates. */
export async function foundListeners(
  listeners: readonly CompiledListener[],
  folder: string,
  clock: Clock,
): Promise<FoundListeners> {
  const problems: PlacedProblem[] = [];

  async function found(files: CertificateFiles, listener: number): Promise<CertificateFiles> {
    const beside = { ...files, certificate: resolve(folder, files.certificate), key: resolve(folder, files.key) };
    const result = await findCertificate(beside, clock);
    if (result.kind === 'good') return { ...beside, found: result.report };
    const { member, message } = result;
    problems.push({ place: ['listeners', listener, 'tls', ...files.at, member], message });
    return beside;
  }

  async function foundTls(tls: ListenerTls, listener: number): Promise<ListenerTls> {
    const { certificates, acme, clientAuthority } = tls;
    return {
      ...tls,
      certificates: await Promise.all(certificates.map((each) => found(each, listener))),
      acme: acme && {
        ...acme,
        storage: resolve(folder, acme.storage),
        eab: acme.eab && { ...acme.eab, key: resolve(folder, acme.eab.key) },
        authority: acme.authority === undefined ? undefined : resolve(folder, acme.authority),
      },
      clientAuthority: clientAuthority === undefined ? undefined : resolve(folder, clientAuthority),
    };
  }

  return {
    listeners: await Promise.all(
      listeners.map(async (listener, at) => ({ ...listener, tls: listener.tls && (await foundTls(listener.tls, at)) })),
    ),
    problems,
  };
}
