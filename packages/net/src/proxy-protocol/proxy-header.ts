import { isIPv4, isIPv6 } from 'node:net';
import { fail } from '../errors.ts';

/** What stands before everything else on a connection that somebody passed on, about who opened it. */
export interface ProxyHeader {
  /** Who opened it; `undefined` when the one before us speaks for itself (`LOCAL`) or doesn't know (`UNKNOWN`). */
  readonly source: { readonly address: string; readonly port: number } | undefined;
  /** Bytes that the header took. */
  readonly byteLength: number;
}

/** The longest of version 1, line end included. */
const MOST_LINE_BYTES = 107;
const V1_START = Buffer.from('PROXY ');
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEAD_BYTES = 16;
/** More than addresses and the usual additions take. */
const MOST_V2_BYTES = 2_048;
const IPV4 = 0x11;
const IPV6 = 0x21;

/**
 * Reads the header of the PROXY protocol, version 1 or 2, that connections begin with; `undefined` while the bytes hold no
 * whole one. Faults show at the first byte that proves them.
 *
 * Source: "The PROXY protocol, versions 1 & 2" (HAProxy, 2020/03/05), sections 2.1 and 2.2. Additions (TLV) are passed over.
 * @throws HTTP_MALFORMED when there is no such header
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (begins(bytes, V2_START)) return bytes.length < V2_HEAD_BYTES ? undefined : readBinary(bytes);
  if (!begins(bytes, V1_START)) throw malformed('it does not begin with one');
  return readLine(bytes);
}

/** Whether `bytes` begin with `start`, as far as they go. */
function begins(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readLine(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, MOST_LINE_BYTES).indexOf('\r\n');
  if (end === -1) {
    if (bytes.length >= MOST_LINE_BYTES) throw malformed('its line has no end');
    return undefined;
  }
  const byteLength = end + 2;
  const line = bytes.toString('latin1', V1_START.length, end);
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { source: undefined, byteLength };
  const [family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) throw malformed('its family is none of TCP4, TCP6, UNKNOWN');
  // A zone is of one machine's interfaces, and no address of whoever is elsewhere.
  const isPlain = isAddress(source) && isAddress(destination) && !line.includes('%');
  if (!isPlain || more.length > 0) throw malformed('its addresses are none');
  const port = portOf(sourcePort);
  if (port === undefined || portOf(destinationPort) === undefined) throw malformed('its ports are none');
  return { source: { address: family === 'TCP6' ? compressed(source) : source, port }, byteLength };
}

function portOf(text: string): number | undefined {
  // Without leading zeros, as the protocol asks for.
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : 65_536;
  return port < 65_536 ? port : undefined;
}

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = bytes.readUInt16BE(14);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) throw malformed('its version or command is unknown');
  if (length > MOST_V2_BYTES) throw malformed(`it is longer than ${MOST_V2_BYTES} bytes`);
  const least = family === IPV4 ? 12 : family === IPV6 ? 36 : 0;
  if (length < least) throw malformed('it is shorter than its addresses');
  const byteLength = V2_HEAD_BYTES + length;
  if (bytes.length < byteLength) return undefined;
  // 0x20 is LOCAL: whoever sent it speaks for itself. Of what is not TCP over IP nothing is known.
  if (versionAndCommand === 0x20 || least === 0) return { source: undefined, byteLength };
  const at = V2_HEAD_BYTES;
  const source =
    family === IPV4
      ? { address: [...bytes.subarray(at, at + 4)].join('.'), port: bytes.readUInt16BE(at + 8) }
      : { address: ipv6Text(bytes.subarray(at, at + 16)), port: bytes.readUInt16BE(at + 32) };
  return { source, byteLength };
}

function ipv6Text(bytes: Buffer): string {
  return compressed(Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':'));
}

const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** In the form of RFC 5952, as far as that matters to compare addresses: what `URL` makes of it; one of IPv4 within as that. */
function compressed(ipv6: string): string {
  const address = new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
  const [, high, low] = MAPPED.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const octets = Buffer.alloc(4);
  octets.writeUInt16BE(Number.parseInt(high, 16), 0);
  octets.writeUInt16BE(Number.parseInt(low, 16), 2);
  return octets.join('.');
}

function malformed(why: string) {
  return fail('HTTP_MALFORMED', `The connection should begin with a PROXY protocol header: ${why}.`);
}
