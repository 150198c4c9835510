// Certificates for tests: X.509 (RFC 5280) by hand, as far as tests need it.

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** A certificate and its key, in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly keyObject: KeyObject;
  readonly subject: string;
}

/** What a certificate says. */
export interface TestCertificateOptions {
  /** Names of hosts. Default none. */
  readonly names?: readonly string[];
  /** Addresses of IPv4. Default none. */
  readonly addresses?: readonly string[];
  /** URIs, such as SPIFFE ids. Default none. */
  readonly uris?: readonly string[];
  /** Common name. Default the first name, or `test`. */
  readonly subject?: string;
  /** Who signs it. Default: itself. */
  readonly issuer?: TestCertificate;
  readonly isAuthority?: boolean;
  /** Default: from 2020 to 2120. */
  readonly notAfter?: Date;
}

let serial = 1;

/** Makes one, with a new P-256 key. */
export function testCertificate(options: TestCertificateOptions = {}): TestCertificate {
  const {
    names = [],
    addresses = [],
    uris = [],
    issuer,
    isAuthority = false,
    notAfter = new Date('2120-01-01T00:00:00Z'),
  } = options;
  const subject = options.subject ?? names[0] ?? 'test';
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid([1, 2, 840, 10_045, 4, 3, 2]));
  const alternatives = sequence(
    ...names.map((name) => tagged(0x82, Buffer.from(name, 'latin1'))),
    ...addresses.map((address) => tagged(0x87, Buffer.from(address.split('.').map(Number)))),
    ...uris.map((uri) => tagged(0x86, Buffer.from(uri, 'latin1'))),
  );
  const extensions = [
    ...(names.length + addresses.length + uris.length > 0 ? [extension([2, 5, 29, 17], alternatives)] : []),
    extension([2, 5, 29, 19], sequence(...(isAuthority ? [tagged(0x01, Buffer.of(0xff))] : []))),
  ];
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.of(0x40, (serial >> 8) & 0xff, serial++ & 0xff)),
    algorithm,
    nameOf(issuer?.subject ?? subject),
    sequence(time(new Date('2020-01-01T00:00:00Z')), time(notAfter)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuer?.keyObject ?? privateKey);
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    keyObject: privateKey,
    subject,
  };
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = rest.flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return tagged(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), tagged(0x04, value));
}

function nameOf(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid([2, 5, 4, 3]), tagged(0x0c, Buffer.from(commonName)))));
}

/** GeneralizedTime from 2050 on, UTCTime before. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d{3}/g, '');
  return date.getUTCFullYear() < 2_050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits));
}
