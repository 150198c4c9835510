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

/**
 * What a message's fields say of its framing and of the connection. One of it serves every message: it is read, and what it says taken
 * over, without anything in between.
 */
class Framing {
  /** `Content-Length`; −1 without. */
  contentLength = -1;
  /** Whether there is a `Transfer-Encoding`, which then is `chunked`. */
  isChunked = false;
  /** `Host`; `undefined` without. */
  host: string | undefined;
  /** Whether `Connection` has `close` among its options. */
  isClosing = false;
  /** Whether `Connection` has `upgrade` among its options. */
  isUpgrading = false;
  /** Whether an answer 100 is expected before the body. */
  expectsContinue = false;
  /** Whether trailers are taken after an answer's body (`TE: trailers`). */
  takesTrailers = false;
  /** Whether trailers are announced. */
  announcesTrailers = false;
  /** Other names that `Connection` has among its options: those fields are for this connection only. Mostly none. */
  named: string[] | undefined;

  /**
   * Reads the fields that the scanner has found. A body's length is one `Content-Length` of digits only, or one `Transfer-Encoding` that is
   * `chunked`, never both.
   * @throws HTTP_MALFORMED when the fields contradict each other or themselves
   * @throws HTTP_UNSUPPORTED for other transfer encodings
   * @throws HTTP_EXPECTATION_FAILED for an `Expect` that is not `100-continue`
   */
  read(scanner: FieldScanner): void {
    this.contentLength = -1;
    this.isChunked = false;
    this.host = undefined;
    this.isClosing = false;
    this.isUpgrading = false;
    this.expectsContinue = false;
    this.takesTrailers = false;
    this.announcesTrailers = false;
    this.named = undefined;
    for (let line = 0; line < scanner.count; line += 1) {
      const known = scanner.knownAt(line);
      if (known === HOST) this.#heed(known, scanner.usualAt(line));
      else if (known >= 0 && known <= TRAILER) this.#heed(known, scanner.valueAt(line));
    }
    if (this.isChunked && this.contentLength !== -1) {
      throw fail('HTTP_MALFORMED', 'The message has both a Content-Length and a Transfer-Encoding.');
    }
  }

  #heed(known: number, value: string): void {
    switch (known) {
      case HOST:
        if (this.host !== undefined) throw twice('Host');
        this.host = value;
        break;
      case CONTENT_LENGTH:
        if (this.contentLength !== -1) throw twice('Content-Length');
        this.contentLength = lengthOf(value);
        break;
      case TRANSFER_ENCODING:
        if (this.isChunked) throw twice('Transfer-Encoding');
        if (value.length !== 7 || value.toLowerCase() !== 'chunked') {
          throw fail(
            'HTTP_UNSUPPORTED',
            'The Transfer-Encoding is not "chunked", the only one that is understood here.',
          );
        }
        this.isChunked = true;
        break;
      case CONNECTION:
        // What clients send whose connection is kept.
        if (value !== 'keep-alive' && value !== 'Keep-Alive') this.#heedOptions(value);
        break;
      case TE:
        if (value === 'trailers' || TAKES_TRAILERS.test(value)) this.takesTrailers = true;
        break;
      case TRAILER:
        this.announcesTrailers = true;
        break;
      case EXPECT:
        if (value.toLowerCase() !== '100-continue') {
          throw fail(
            'HTTP_EXPECTATION_FAILED',
            'The Expect is not "100-continue", the only one that is understood here.',
          );
        }
        this.expectsContinue = true;
    }
  }

  #heedOptions(value: string): void {
    for (const option of value.toLowerCase().split(',')) {
      const name = option.trim();
      if (name === 'close') this.isClosing = true;
      else if (name === 'upgrade') this.isUpgrading = true;
      else if (name !== 'keep-alive' && name !== '') (this.named ??= []).push(name);
    }
  }
}

/** That of the message that is being read. */
export const framing = new Framing();

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
