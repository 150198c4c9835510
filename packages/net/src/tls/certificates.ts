import { X509Certificate } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { onDemand, type Clock } from '@fairlead/core';
import { fail } from '../errors.ts';

/** A certificate with its chain, and its key, in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
  /** The only names that it answers to; each must be one of its own. Default: all of its own. */
  readonly names?: readonly string[] | undefined;
  /** What it is called in failures, such as its file. Default: its place in the list. */
  readonly origin?: string;
}

/** How a server's certificates are had. */
export interface CertificatesOptions {
  /** What there is now, the default one first; asked at the start and at each `reload`. */
  readonly read: () => Promise<readonly CertificatePair[]>;
  /** Whether there may be none yet: then nobody's handshake succeeds. Default false. */
  readonly mayBeNone?: boolean;
  /** The least version of TLS. Default 1.2. */
  readonly minVersion?: '1.2' | '1.3';
  /** Certificates in PEM, one of which must have signed that of a client, where clients show one. Default none. */
  readonly clientAuthority?: string | undefined;
  readonly clock: Clock;
}

/** What is known of one certificate. */
export interface CertificateReport {
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** SHA-256, as OpenSSL writes it. */
  readonly fingerprint: string;
}

/** A server's certificates, chosen by the name that a client asks for (SNI, RFC 6066). */
export interface Certificates {
  /**
   * The certificate for a name: one that has the name itself, then one with a wildcard for it, else the default one. A
   * client that names nobody gets the default one. `undefined` while there is none.
   */
  contextFor(name: string | undefined): SecureContext | undefined;
  /**
   * Reads them anew. All are taken or none: when one can't be used, those before stay, and the failure says why. Connections
   * that are open stay as they are.
   * @throws MISCONFIGURED
   */
  reload(): Promise<void>;
  /** Told after each reload that took. */
  onReload(listener: () => void): void;
  /** The default one, as `tls.createServer` takes it, for clients that name nobody. */
  defaults(): SecureContextOptions;
  inspect(): readonly CertificateReport[];
}

interface Held {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  readonly report: CertificateReport;
}

/**
 * Reads a server's certificates.
 * @throws MISCONFIGURED when there is none, a key doesn't belong to its certificate, or one has expired
 */
export async function certificates(options: CertificatesOptions): Promise<Certificates> {
  const { read, mayBeNone = false, minVersion = '1.2' } = options;
  const listeners: (() => void)[] = [];
  let held: readonly Held[] = [];
  let byName = new Map<string, SecureContext>();

  async function reload(): Promise<void> {
    const pairs = await read();
    if (pairs.length === 0 && !mayBeNone)
      throw fail('MISCONFIGURED', 'There is no certificate. Give at least one with its key.');
    const next = pairs.map((pair, at) => heldOf(pair, at, options));
    const names = new Map<string, SecureContext>();
    // The first that has a name answers to it.
    for (const { context, report } of next.toReversed()) for (const name of report.names) names.set(name, context);
    held = next;
    byName = names;
    for (const listener of listeners) listener();
  }
  await reload();
  return {
    contextFor(name) {
      const asked = name?.toLowerCase();
      const dot = asked?.indexOf('.') ?? -1;
      const found =
        asked === undefined
          ? undefined
          : (byName.get(asked) ?? (dot < 1 ? undefined : byName.get(`*${asked.slice(dot)}`)));
      return found ?? held[0]?.context;
    },
    reload,
    onReload: (listener) => void listeners.push(listener),
    defaults: () => held[0]?.options ?? { minVersion: versionOf(minVersion) },
    inspect: () => held.map(({ report }) => report),
  };
}

function versionOf(minVersion: '1.2' | '1.3') {
  return minVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3';
}

function heldOf({ cert, key, names, origin }: CertificatePair, at: number, options: CertificatesOptions): Held {
  const { minVersion = '1.2', clientAuthority, clock } = options;
  const given: SecureContextOptions = {
    cert,
    key,
    minVersion: versionOf(minVersion),
    ...(clientAuthority === undefined ? {} : { ca: clientAuthority }),
  };
  const which = origin ?? (at === 0 ? 'The first certificate' : `Certificate ${at + 1}`);
  let parsed: X509Certificate;
  let context: SecureContext;
  try {
    parsed = new X509Certificate(cert);
    context = onDemand.tls.createSecureContext(given);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fail('MISCONFIGURED', `${which} can't be used with its key: ${why}.`, { cause: error });
  }
  const own = namesOf(parsed);
  const stranger = names?.find((name) => !own.includes(name) && !own.includes(`*${name.slice(name.indexOf('.'))}`));
  if (stranger !== undefined)
    throw fail('MISCONFIGURED', `${which} is not for ${stranger}, but for ${own.join(', ') || 'no name'}.`);
  const report = {
    names: names ?? own,
    expiresAt: Date.parse(parsed.validTo),
    fingerprint: parsed.fingerprint256,
  };
  if (report.expiresAt <= clock.now())
    throw fail(
      'MISCONFIGURED',
      `${which}, for ${own.join(', ') || 'no name'}, expired on ${parsed.validTo}. Renew it.`,
    );
  return { options: given, context, report };
}

/** Its DNS names (RFC 9525: the common name is none). */
function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
}
