import { readFile } from 'node:fs/promises';
import { FairleadError, type Clock, type Timer } from '@fairlead/core';
import { certificates, type CertificatePair, type Certificates, type ServerTls } from '@fairlead/net';
import type { Logger } from '@fairlead/telemetry';
import type { ListenerTls } from '../snapshot/compiled-snapshot.ts';

/** TLS of a listener, kept up to date with its files. */
export interface FileTls extends ServerTls {
  /** Looks at the files no more. */
  close(): void;
}

/** How often the files are looked at: by their text, since what mounts secrets swaps links. */
const LOOK_EVERY_MS = 10_000;
/** From when on before its end a certificate is warned of. */
const WARN_BEFORE_MS = 7 * 24 * 60 * 60 * 1_000;

/**
 * Reads a listener's certificate and looks whether it has changed; a new one that can't be used leaves the old one, and says so.
 * @throws MISCONFIGURED when a file can't be read, or used
 */
export async function fileTls(
  spec: ListenerTls,
  ports: { readonly clock: Clock; readonly log: Logger },
): Promise<FileTls> {
  const { clock, log } = ports;
  const { certificate, key, clientAuthority, minVersion } = spec;
  const read = async (): Promise<readonly CertificatePair[]> => [
    { cert: await textOf(certificate), key: await textOf(key) },
  ];
  let seen = await read();
  const authority = clientAuthority === undefined ? undefined : await textOf(clientAuthority);
  const held: Certificates = await certificates({
    read: () => Promise.resolve(seen),
    minVersion,
    clientAuthority: authority,
    clock,
  });
  let isClosed = false;
  let timer: Timer | undefined;
  const plan = (): void => {
    if (!isClosed) timer = clock.setTimer(LOOK_EVERY_MS, () => void look().finally(plan));
  };

  async function look(): Promise<void> {
    const before = seen;
    try {
      const now = await read();
      if (JSON.stringify(now) === JSON.stringify(before)) return warn();
      seen = now;
      await held.reload();
      log.info(undefined, 'a certificate was renewed', { certificate, ...held.inspect()[0] });
    } catch (error) {
      // Both files are not written at the same moment: the next look may find them fit together.
      seen = before;
      log.warn(undefined, 'the new certificate is not used', { certificate, error });
    }
  }

  let warnedOf: string | undefined;
  function warn(): void {
    for (const { expiresAt, fingerprint, names } of held.inspect()) {
      if (expiresAt - clock.now() > WARN_BEFORE_MS || warnedOf === fingerprint) continue;
      warnedOf = fingerprint;
      log.warn(undefined, 'a certificate ends soon', {
        certificate,
        names,
        expiresAt: new Date(expiresAt).toISOString(),
      });
    }
  }

  warn();
  plan();
  return {
    certificates: held,
    clients: clientAuthority === undefined ? 'none' : 'required',
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FairleadError('internal', 'MISCONFIGURED', `${file} can't be read: ${why}`, { cause: error });
  }
}
