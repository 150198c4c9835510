import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** A client's certificate that one of the server's authorities has signed, and whose key the client has. */
export interface ClientCertificate {
  /** Its parts in their order, escaped as RFC 4514 has it, with a comma and a blank between them: `O=Shop, CN=billing`. */
  readonly subject: string;
  /** Names of hosts, lower-case. */
  readonly names: readonly string[];
  /** Such as SPIFFE ids. */
  readonly uris: readonly string[];
  readonly emails: readonly string[];
  /** Hexadecimal, upper-case. */
  readonly serial: string;
  /** SHA-256 of the whole, hexadecimal, lower-case. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch; connections may last longer. */
  readonly expiresAt: number;
  /** The whole, in DER. */
  readonly der: Buffer;
}

/** What a client has shown of itself, during the handshake. */
export type ClientProof =
  | { readonly kind: 'trusted'; readonly certificate: ClientCertificate }
  /** One that can't be believed, in OpenSSL's word for why, such as `CERT_HAS_EXPIRED`. */
  | { readonly kind: 'untrusted'; readonly reason: string };

/** What a client has shown; `undefined` when it has shown nothing. To be asked once a connection. */
export function clientProof(socket: TLSSocket): ClientProof | undefined {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  if (socket.authorized) return { kind: 'trusted', certificate: clientCertificate(shown) };
  return { kind: 'untrusted', reason: String(socket.authorizationError) };
}

/** What a certificate says, read once. */
export function clientCertificate(shown: X509Certificate): ClientCertificate {
  const alternatives = alternativesOf(shown.subjectAltName ?? '');
  const of = (kind: string): string[] => alternatives.filter(([each]) => each === kind).map(([, value]) => value);
  return {
    // Node escapes line ends within a value.
    subject: shown.subject?.replaceAll('\n', ', ') ?? '',
    names: of('DNS').map((name) => name.toLowerCase()),
    uris: of('URI'),
    emails: of('email'),
    serial: shown.serialNumber,
    fingerprint: shown.fingerprint256.replaceAll(':', '').toLowerCase(),
    expiresAt: Date.parse(shown.validTo),
    der: shown.raw,
  };
}

/**
 * Reads what Node makes of alternative names: `DNS:a.test, URI:"spiffe://a, b"`. A value that could be read as several is quoted as JSON
 * (CVE-2021-44532); what is not of this form ends the list, so that nothing behind it is believed.
 */
function alternativesOf(text: string): readonly (readonly [kind: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  const each = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y;
  while (each.lastIndex < text.length) {
    const [whole, kind = '', quoted, bare = ''] = each.exec(text) ?? [];
    if (whole === undefined) break;
    // `as`: a text of JSON is one.
    found.push([kind, quoted === undefined ? bare : (JSON.parse(quoted) as string)]);
  }
  return found;
}
