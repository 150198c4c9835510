import { readFile } from 'node:fs/promises';
import type { Clock } from '@fairlead/core';
import { certificates, type CertificatePair, type CertificateReport } from '@fairlead/net';
import type { CertificateFiles } from './compiled-snapshot.ts';

/** A certificate as it was found, or what is wrong with its files. */
export type FoundCertificate =
  | { readonly kind: 'good'; readonly pair: CertificatePair; readonly report: CertificateReport }
  | {
      readonly kind: 'bad';
      /** Which of the two it is about. */
      readonly member: 'certificate' | 'key';
      readonly message: string;
    };

/** Reads a certificate and its key, and tries whether they can be used. */
export async function findCertificate(files: CertificateFiles, clock: Clock): Promise<FoundCertificate> {
  const texts: string[] = [];
  for (const member of ['certificate', 'key'] as const) {
    try {
      texts.push(await readFile(files[member], 'utf8'));
    } catch (error) {
      const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return { kind: 'bad', member, message: `${files[member]} can't be read (${why})` };
    }
  }
  const [cert = '', key = ''] = texts;
  const pair = { cert, key, names: files.names, origin: files.certificate };
  try {
    const [report] = (await certificates({ read: () => Promise.resolve([pair]), clock })).inspect();
    if (report !== undefined) return { kind: 'good', pair, report };
    return { kind: 'bad', member: 'certificate', message: `${files.certificate} holds no certificate` };
  } catch (error) {
    return {
      kind: 'bad',
      member: 'certificate',
      message: error instanceof Error ? error.message.replace(/\.$/, '') : String(error),
    };
  }
}
