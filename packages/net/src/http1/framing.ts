import { fail } from '../errors.ts';
import type { FieldScanner } from './field-scanner.ts';
import { CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING } from './known-names.ts';

/** A body's length in `MessageHead.bodyBytes`: it comes in chunks. */
export const CHUNKED = -1;
/** A body's length in `MessageHead.bodyBytes`: it ends with the connection. Responses only. */
export const UNTIL_CLOSE = -2;

/** 15 digits: any more might not be exact as a number. */
const MOST_DIGITS = 15;

/** Among codings that may have a weight. */
const TAKES_TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

/** What a message's fields say of its framing and of the connection. */
export interface Framing {
  /** `Content-Length`; −1 without. */
  readonly contentLength: number;
  /** Whether there is a `Transfer-Encoding`, which then is `chunked`. */
  readonly isChunked: boolean;
  /** `Host`; `undefined` without. */
  readonly host: string | undefined;
  /** Whether `Connection` has `close` among its options. */
  readonly isClosing: boolean;
  /** Whether `Connection` has `upgrade` among its options. */
  readonly isUpgrading: boolean;
  /** Whether an answer 100 is expected before the body. */
  readonly expectsContinue: boolean;
  /** Whether trailers are taken after an answer's body (`TE: trailers`). */
  readonly takesTrailers: boolean;
  /** Whether trailers are announced. */
  readonly announcesTrailers: boolean;
  /** Other names that `Connection` has among its options: those fields are for this connection only. Mostly none. */
  readonly named: readonly string[] | undefined;
}

/**
 * Reads the framing of scanned fields, as RFC 9112, section 6, allows it and never more kindly: one `Content-Length` of
 * digits only, or one `Transfer-Encoding` that is `chunked`, never both.
 * @throws HTTP_MALFORMED when the fields contradict each other or themselves
 * @throws HTTP_UNSUPPORTED for other transfer encodings
 * @throws HTTP_EXPECTATION_FAILED for an `Expect` that is not `100-continue`
 */
export function framingOf(scanner: FieldScanner): Framing {
  let contentLength = -1;
  let isChunked = false;
  let host: string | undefined;
  let isClosing = false;
  let isUpgrading = false;
  let expectsContinue = false;
  let takesTrailers = false;
  let announcesTrailers = false;
  let named: readonly string[] | undefined;
  for (let line = 0; line < scanner.count; line += 1) {
    const known = scanner.knownAt(line);
    if (known < 0 || known > TRAILER) continue;
    const value = known === HOST ? scanner.usualAt(line) : scanner.valueAt(line);
    switch (known) {
      case HOST:
        if (host !== undefined) throw twice('Host');
        host = value;
        break;
      case CONTENT_LENGTH:
        if (contentLength !== -1) throw twice('Content-Length');
        contentLength = lengthOf(value);
        break;
      case TRANSFER_ENCODING:
        if (isChunked) throw twice('Transfer-Encoding');
        if (value.length !== 7 || value.toLowerCase() !== 'chunked') {
          throw fail(
            'HTTP_UNSUPPORTED',
            'The Transfer-Encoding is not "chunked", the only one that is understood here.',
          );
        }
        isChunked = true;
        break;
      case CONNECTION:
        // What clients send whose connection is kept.
        if (value === 'keep-alive' || value === 'Keep-Alive') break;
        for (const option of value.toLowerCase().split(',')) {
          const name = option.trim();
          if (name === 'close') isClosing = true;
          else if (name === 'upgrade') isUpgrading = true;
          else if (name !== 'keep-alive' && name !== '') named = [...(named ?? []), name];
        }
        break;
      case TE:
        if (value === 'trailers' || TAKES_TRAILERS.test(value)) takesTrailers = true;
        break;
      case TRAILER:
        announcesTrailers = true;
        break;
      case EXPECT:
        if (value.toLowerCase() !== '100-continue') {
          throw fail(
            'HTTP_EXPECTATION_FAILED',
            'The Expect is not "100-continue", the only one that is understood here.',
          );
        }
        expectsContinue = true;
    }
  }
  if (isChunked && contentLength !== -1) {
    throw fail('HTTP_MALFORMED', 'The message has both a Content-Length and a Transfer-Encoding.');
  }
  return {
    contentLength,
    isChunked,
    host,
    isClosing,
    isUpgrading,
    expectsContinue,
    takesTrailers,
    announcesTrailers,
    named,
  };
}

function lengthOf(value: string): number {
  if (value.length === 0 || value.length > MOST_DIGITS) throw noLength();
  let length = 0;
  for (let at = 0; at < value.length; at += 1) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) throw noLength();
    length = length * 10 + digit;
  }
  return length;
}

function noLength() {
  return fail('HTTP_MALFORMED', `The Content-Length is not 1 to ${MOST_DIGITS} digits.`);
}

function twice(name: string) {
  return fail('HTTP_MALFORMED', `The message has more than one ${name}.`);
}
