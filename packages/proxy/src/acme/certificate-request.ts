// A request for a certificate (PKCS #10, RFC 2986) in the one form that ACME needs: a P-256 key, and names.
import { createPublicKey, sign, type KeyObject } from 'node:crypto';

const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
/** 1.2.840.113549.1.9.14, what the certificate's extensions are to be. */
const EXTENSION_REQUEST = Buffer.from('06092a864886f70d01090e', 'hex');
/** 2.5.29.17. */
const SUBJECT_ALTERNATIVE_NAME = Buffer.from('0603551d11', 'hex');
const VERSION_1 = Buffer.from('020100', 'hex');
const DNS_NAME = 0x82;

/** A request for these names, in DER, signed by the P-256 key that the certificate is for. */
export function certificateRequest(names: readonly string[], key: KeyObject): Buffer {
  const alternatives = sequence(...names.map((name) => tagged(DNS_NAME, Buffer.from(name, 'latin1'))));
  const extensions = sequence(sequence(SUBJECT_ALTERNATIVE_NAME, tagged(0x04, alternatives)));
  const wanted = sequence(EXTENSION_REQUEST, tagged(0x31, extensions));
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  // The subject stays empty: who is named are the alternatives (RFC 8555, section 7.4).
  const information = sequence(VERSION_1, sequence(), publicKey, tagged(0xa0, wanted));
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', information, key)]);
  return sequence(information, ECDSA_WITH_SHA256, tagged(0x03, signature));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** A value of DER with its tag and length (X.690, section 8.1). */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}
