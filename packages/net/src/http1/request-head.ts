import { fail } from '../errors.ts';
import type { FieldSieve } from './field-sieve.ts';
import type { Fields } from './fields.ts';
import { fieldScanner, INCOMPLETE, misplaced } from './field-scanner.ts';
import { CHUNKED, framing } from './framing.ts';
import type { ResolvedLimits } from './limits.ts';
import type { MessageHead } from './message-head.ts';
import { CR, IS_TARGET, IS_TOKEN, LF, SPACE } from './octets.ts';
import { isAuthority, splitAbsolute } from './request-target.ts';

/** Longer methods are none. */
const MOST_METHOD_BYTES = 32;
/** `HTTP/1.` */
const VERSION_PREFIX = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e);
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** A request's head, whole and checked. */
export class RequestHead implements MessageHead {
  /** As it was sent; methods are case-sensitive. */
  readonly method: string;
  /** Path and query, beginning with `/`; or `*`, which only OPTIONS may ask for. */
  readonly target: string;
  /** The minor version: 1, or 0 of an HTTP/1.0 client. */
  readonly minorVersion: 0 | 1;
  readonly fields: Fields;
  /** The lines that the reader's sieve lets through, each with its CRLF; empty when it has none. */
  readonly kept: string;
  /** Whether there is a field that the sieve notes. */
  readonly isNoted: boolean;
  /** Whether a value holds octets beyond ASCII, which not everybody reads alike. */
  readonly hasObsText: boolean;
  /** Host and port that the request is meant for; empty when an HTTP/1.0 client does not say. */
  readonly host: string;
  /** The body's length in bytes; 0 when there is none, `CHUNKED` when it comes in chunks. */
  readonly bodyBytes: number;
  /** Whether the client lets the connection live on. Never with HTTP/1.0, whose keep-alive is not offered. */
  readonly keepsAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /**
   * Whether the client offers another protocol. The offer may be passed over, but what follows before the answer may be
   * of that protocol. One of HTTP/1.0 is none (RFC 9110, section 7.8).
   */
  readonly offersUpgrade: boolean;
  /** Whether the client takes trailers after the answer's body, as it says itself. */
  readonly takesTrailers: boolean;
  /** Whether it announces trailers after its own. */
  readonly announcesTrailers: boolean;
  /** Bytes that the head took. */
  readonly byteLength: number;

  /** Of a start line and the fields that the scanner has just read. */
  constructor(start: StartLine, sieve: FieldSieve | undefined, byteLength: number) {
    const { minorVersion } = start;
    framing.read(fieldScanner);
    const { contentLength, isChunked, host, isClosing, isUpgrading, expectsContinue, named } = framing;
    if (minorVersion === 0 && isChunked) throw fail('HTTP_MALFORMED', 'An HTTP/1.0 request has no Transfer-Encoding.');
    if (host === undefined && minorVersion === 1) throw fail('HTTP_MALFORMED', 'The request has no Host.');
    if (host !== undefined && !isAuthority(host))
      throw fail('HTTP_MALFORMED', 'The Host is no host with an optional port.');
    this.method = start.method;
    this.minorVersion = minorVersion;
    this.fields = sieve === undefined ? fieldScanner.fields() : fieldScanner.lines();
    this.kept = sieve === undefined ? '' : fieldScanner.kept(sieve, named);
    this.isNoted = sieve !== undefined && fieldScanner.isNoted;
    this.hasObsText = fieldScanner.hasObsText;
    this.host = host ?? '';
    this.target = originForm(start, host);
    this.bodyBytes = isChunked ? CHUNKED : Math.max(0, contentLength);
    this.keepsAlive = minorVersion === 1 && !isClosing;
    this.expectsContinue = minorVersion === 1 && expectsContinue && this.bodyBytes !== 0;
    this.offersUpgrade = minorVersion === 1 && isUpgrading;
    this.takesTrailers = framing.takesTrailers;
    this.announcesTrailers = framing.announcesTrailers;
    this.byteLength = byteLength;
  }
}

interface StartLine {
  readonly method: string;
  readonly target: string;
  readonly minorVersion: 0 | 1;
}

/**
 * The request head that begins at `start`; `undefined` when the bytes up to `end` hold no whole one yet. Faults show at
 * the first octet that proves them, so more bytes never change a verdict.
 * @throws HTTP_MALFORMED, HTTP_VERSION_UNSUPPORTED, HTTP_UNSUPPORTED, HTTP_EXPECTATION_FAILED
 * @throws HTTP_TARGET_TOO_LONG, HTTP_FIELDS_TOO_LARGE beyond the limits
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: ResolvedLimits,
  sieve?: FieldSieve,
): RequestHead | undefined {
  let at = start;
  while (at < end && IS_TOKEN[bytes[at] ?? 0] === 1) {
    if (at - start === MOST_METHOD_BYTES) throw fail('HTTP_MALFORMED', 'The request has no method.');
    at += 1;
  }
  if (at === end) return undefined;
  if (bytes[at] !== SPACE || at === start) throw misplaced("in the request's method", bytes[at]);
  const methodEnd = at;
  const targetStart = at + 1;
  const targetLimit = targetStart + limits.maxTargetBytes;
  at = targetStart;
  while (IS_TARGET[bytes[at] ?? 0] === 1) at += 1;
  if (Math.min(at, end) > targetLimit) {
    throw fail('HTTP_TARGET_TOO_LONG', `The request's target is longer than ${limits.maxTargetBytes} bytes.`);
  }
  if (at >= end) return undefined;
  if (bytes[at] !== SPACE || at === targetStart) throw misplaced("in the request's target", bytes[at]);
  const targetEnd = at;
  at = scanVersion(bytes, targetEnd + 1, end, 'request line');
  if (at === INCOMPLETE) return undefined;
  if (at === end) return undefined;
  if (bytes[at] !== CR) throw misplaced("after the request's version", bytes[at]);
  if (at + 1 === end) return undefined;
  if (bytes[at + 1] !== LF) throw misplaced('after the CR that ends the request line', bytes[at + 1]);
  const minorVersion = bytes[at - 1] === 0x30 ? 0 : 1;
  const after = fieldScanner.scan(bytes, at + 2, end, limits.maxFields);
  if (after === INCOMPLETE) return undefined;

  const text = bytes.toString('latin1', start, after);
  const line = {
    method: methodOf(text, methodEnd - start),
    target: text.slice(targetStart - start, targetEnd - start),
    minorVersion,
  } as const;
  fieldScanner.read(text, start);
  return new RequestHead(line, sieve, after - start);
}

/**
 * Scans `HTTP/1.0` or `HTTP/1.1` from `at`; returns the offset behind it, or `INCOMPLETE`.
 * @throws HTTP_VERSION_UNSUPPORTED when it is another HTTP, HTTP_MALFORMED when it is none
 */
export function scanVersion(bytes: Uint8Array, at: number, end: number, where: string): number {
  for (let index = 0; index < VERSION_PREFIX.length; index += 1) {
    if (at + index === end) return INCOMPLETE;
    const octet = bytes[at + index];
    if (octet === VERSION_PREFIX[index]) continue;
    if (index === 5 && octet !== undefined && octet >= 0x30 && octet <= 0x39) throw otherVersion(where);
    throw misplaced(`in the ${where}'s version`, octet);
  }
  const digitAt = at + VERSION_PREFIX.length;
  if (digitAt === end) return INCOMPLETE;
  const digit = bytes[digitAt] ?? 0;
  if (digit !== 0x30 && digit !== 0x31) {
    throw digit > 0x31 && digit <= 0x39 ? otherVersion(where) : misplaced(`in the ${where}'s version`, digit);
  }
  return digitAt + 1;
}

function otherVersion(where: string) {
  return fail('HTTP_VERSION_UNSUPPORTED', `The ${where} has a version that is neither HTTP/1.1 nor HTTP/1.0.`);
}

/** The usual methods get no string of their own. */
function methodOf(text: string, length: number): string {
  for (const method of METHODS) if (method.length === length && text.startsWith(method)) return method;
  return text.slice(0, length);
}

/** The target in origin form: an absolute one must name the host that `Host` names (RFC 9112, section 3.2.2). */
function originForm({ method, target }: StartLine, host: string | undefined): string {
  if (method === 'CONNECT') throw fail('HTTP_UNSUPPORTED', 'CONNECT is not possible here.');
  if (target.startsWith('/')) return target;
  if (target === '*') {
    if (method === 'OPTIONS') return target;
    throw fail('HTTP_MALFORMED', 'The target "*" is for OPTIONS only.');
  }
  const { authority, rest } = splitAbsolute(target);
  if (!isAuthority(authority) || (host !== undefined && authority.toLowerCase() !== host.toLowerCase())) {
    throw fail('HTTP_MALFORMED', "The target's host is not the one that Host names.");
  }
  return rest;
}
