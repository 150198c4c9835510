import { fail } from '../errors.ts';
import type { FieldSieve } from './field-sieve.ts';
import type { Fields } from './fields.ts';
import { fieldScanner, INCOMPLETE, misplaced } from './field-scanner.ts';
import { CHUNKED, framing, UNTIL_CLOSE } from './framing.ts';
import type { ResolvedLimits } from './limits.ts';
import type { MessageHead } from './message-head.ts';
import { CR, IS_VALUE, LF, SPACE } from './octets.ts';
import { scanVersion } from './request-head.ts';

/** A response's head, whole and checked. */
export class ResponseHead implements MessageHead {
  /** 100 to 599. Below 200 it is provisional, has no body, and another head follows. */
  readonly status: number;
  /** The minor version: 1, or 0 of an HTTP/1.0 server. */
  readonly minorVersion: 0 | 1;
  readonly fields: Fields;
  /** The lines that the reader's sieve lets through, each with its CRLF; empty when it has none. */
  readonly kept: string;
  /** Whether there is a field that the sieve notes. */
  readonly isNoted: boolean;
  /** The body's length in bytes; 0 when there is none; `CHUNKED`; `UNTIL_CLOSE` when it ends with the connection. */
  readonly bodyBytes: number;
  /** What `Content-Length` says, also where there is no body (to HEAD, 304); −1 without. */
  readonly statedBytes: number;
  /** Whether the connection may carry another request. Never with HTTP/1.0. */
  readonly keepsAlive: boolean;
  /** Whether trailers are announced. */
  readonly announcesTrailers: boolean;
  /** Bytes that the head took. */
  readonly byteLength: number;

  /** Of a status line and the fields that the scanner has just read. */
  constructor(status: number, minorVersion: 0 | 1, method: string, sieve: FieldSieve | undefined, byteLength: number) {
    framing.read(fieldScanner);
    const { contentLength, isChunked, isClosing, announcesTrailers, named } = framing;
    if (isChunked && (minorVersion === 0 || status < 200 || status === 204)) {
      throw fail(
        'HTTP_MALFORMED',
        `The answer has a Transfer-Encoding, which HTTP/1.${minorVersion} ${status} has not.`,
      );
    }
    if (status < 200 && (minorVersion === 0 || isClosing)) {
      throw fail('HTTP_MALFORMED', 'The answer is a provisional one, and none can follow it.');
    }
    this.status = status;
    this.minorVersion = minorVersion;
    this.fields = sieve === undefined ? fieldScanner.fields() : fieldScanner.lines();
    this.kept = sieve === undefined ? '' : fieldScanner.kept(sieve, named);
    this.isNoted = sieve !== undefined && fieldScanner.isNoted;
    const isBodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    this.bodyBytes = isBodiless ? 0 : isChunked ? CHUNKED : contentLength === -1 ? UNTIL_CLOSE : contentLength;
    this.statedBytes = contentLength;
    this.keepsAlive = minorVersion === 1 && !isClosing && this.bodyBytes !== UNTIL_CLOSE;
    this.announcesTrailers = announcesTrailers;
    this.byteLength = byteLength;
  }
}

/**
 * The head, beginning at `start`, of a response to a request with `method`; `undefined` when the bytes up to `end` hold
 * no whole one yet. A reason phrase may be missing; it is never read.
 * @throws HTTP_MALFORMED, HTTP_VERSION_UNSUPPORTED, HTTP_UNSUPPORTED
 * @throws HTTP_FIELDS_TOO_LARGE beyond the limits
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: ResolvedLimits,
  method: string,
  sieve?: FieldSieve,
  offersUpgrade = false,
): ResponseHead | undefined {
  let at = scanVersion(bytes, start, end, 'status line');
  if (at === INCOMPLETE) return undefined;
  const minorVersion = bytes[at - 1] === 0x30 ? 0 : 1;
  if (at === end) return undefined;
  if (bytes[at] !== SPACE) throw misplaced("after the status line's version", bytes[at]);
  at += 1;
  let status = 0;
  for (let digits = 0; digits < 3; digits += 1) {
    if (at === end) return undefined;
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9 || (digits === 0 && (digit === 0 || digit > 5)))
      throw misplaced('in the status', bytes[at]);
    status = status * 10 + digit;
    at += 1;
  }
  if (at === end) return undefined;
  if (bytes[at] === SPACE) while (at < end && IS_VALUE[bytes[at] ?? 0] === 1) at += 1;
  if (at === end) return undefined;
  if (bytes[at] !== CR) throw misplaced('in the status line', bytes[at]);
  if (at + 1 === end) return undefined;
  if (bytes[at + 1] !== LF) throw misplaced('after the CR that ends the status line', bytes[at + 1]);
  if (status === 101 && !offersUpgrade) {
    throw fail('HTTP_MALFORMED', 'The answer switches protocols, which nobody asked for.');
  }
  const after = fieldScanner.scan(bytes, at + 2, end, limits.maxFields);
  if (after === INCOMPLETE) return undefined;
  fieldScanner.read(bytes.toString('latin1', start, after), start);
  return new ResponseHead(status, minorVersion, method, sieve, after - start);
}
