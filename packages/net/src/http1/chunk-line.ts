import { fail } from '../errors.ts';
import { INCOMPLETE, misplaced } from './field-scanner.ts';
import { BACKSLASH, CR, EQUALS, HEX_VALUE, IS_TOKEN, IS_VALUE, LF, QUOTE, SEMICOLON } from './octets.ts';

/** 13 digits: any more might not be exact as a number. Leading zeros count. */
const MOST_DIGITS = 13;
/** A chunk's line with its extensions, which mean nothing to us. */
const MOST_LINE_BYTES = 256;

/** The line that a chunk begins with (RFC 9112, section 7.1): `<size in hex>[;extensions]`. */
export class ChunkLine {
  /** What the last scan found: the bytes of the chunk's data; 0 for the last chunk. */
  sizeBytes = 0;

  /**
   * Scans from `at`; returns the offset behind the line, or `INCOMPLETE`.
   * @throws HTTP_MALFORMED
   */
  scan(bytes: Uint8Array, at: number, end: number): number {
    const start = at;
    let size = 0;
    for (;;) {
      if (at === end) return INCOMPLETE;
      const value = HEX_VALUE[bytes[at] ?? 0] ?? 16;
      if (value === 16) break;
      if (at - start === MOST_DIGITS)
        throw fail('HTTP_MALFORMED', `A chunk's size has more than ${MOST_DIGITS} digits.`);
      size = size * 16 + value;
      at += 1;
    }
    if (at === start) throw misplaced("in a chunk's size", bytes[at]);
    at = scanExtensions(bytes, at, Math.min(end, start + MOST_LINE_BYTES));
    if (at === INCOMPLETE) {
      if (end - start < MOST_LINE_BYTES) return INCOMPLETE;
      throw fail('HTTP_MALFORMED', `A chunk's extensions are longer than ${MOST_LINE_BYTES} bytes.`);
    }
    this.sizeBytes = size;
    return at;
  }
}

/**
 * Scans `*( ";" name [ "=" value ] ) CRLF` from `at`, where nothing but octets of that are let pass; returns the offset
 * behind it, or `INCOMPLETE`.
 */
function scanExtensions(bytes: Uint8Array, at: number, end: number): number {
  for (;;) {
    if (at === end) return INCOMPLETE;
    if (bytes[at] === CR) {
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) throw misplaced("after the CR that ends a chunk's line", bytes[at + 1]);
      return at + 2;
    }
    if (bytes[at] !== SEMICOLON) throw misplaced("in a chunk's line", bytes[at]);
    at = scanToken(bytes, at + 1, end);
    if (at === INCOMPLETE) return INCOMPLETE;
    if (bytes[at] !== EQUALS) continue;
    at = bytes[at + 1] === QUOTE ? scanQuoted(bytes, at + 2, end) : scanToken(bytes, at + 1, end);
    if (at === INCOMPLETE) return INCOMPLETE;
  }
}

function scanToken(bytes: Uint8Array, at: number, end: number): number {
  const start = at;
  while (at < end && IS_TOKEN[bytes[at] ?? 0] === 1) at += 1;
  if (at >= end) return INCOMPLETE;
  if (at === start) throw misplaced("in a chunk's extension", bytes[at]);
  return at;
}

/** The rest of a quoted value, up to and with its quote. */
function scanQuoted(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== QUOTE) {
    if (bytes[at] === BACKSLASH) at += 1;
    if (at < end && IS_VALUE[bytes[at] ?? 0] !== 1) throw misplaced("in a chunk's extension", bytes[at]);
    at += 1;
  }
  return at + 1 >= end ? INCOMPLETE : at + 1;
}

/** The one that every reader of this process shares. */
export const chunkLine = new ChunkLine();
