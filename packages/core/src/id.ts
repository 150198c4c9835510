import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** A new trace id: 32 lower-case hex digits, not all zero. */
export function newTraceId(random: Random): string {
  return nonZeroHex(random, 16);
}

/** A new span id: 16 lower-case hex digits, not all zero. */
export function newSpanId(random: Random): string {
  return nonZeroHex(random, 8);
}

/**
 * A UUID of version 7 (RFC 9562): sorts by creation time to the millisecond; within one millisecond the order is
 * random. A clock before 1970 or after 10889 is held at the end of the range.
 */
export function uuidV7(from: { readonly clock: Clock; readonly random: Random }): string {
  const bytes = Buffer.from(from.random.bytes(16));
  bytes.writeUIntBE(Math.min(Math.max(Math.trunc(from.clock.now()), 0), 2 ** 48 - 1), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function nonZeroHex(random: Random, length: number): string {
  for (;;) {
    const bytes = random.bytes(length);
    let hex = '';
    let seen = 0;
    // In eights: a text that is made at once is a whole one, which is faster to read than one of many parts.
    for (let at = 0; at < length; at += 8) {
      hex += eightBytes(bytes, at);
      for (let next = at; next < at + 8; next += 1) seen |= bytes[next] ?? 0;
    }
    if (seen !== 0) return hex;
  }
}

function eightBytes(bytes: Uint8Array, at: number): string {
  const high = (offset: number) => DIGITS[(bytes[at + offset] ?? 0) >> 4] ?? 0;
  const low = (offset: number) => DIGITS[(bytes[at + offset] ?? 0) & 15] ?? 0;
  return String.fromCharCode(
    high(0),
    low(0),
    high(1),
    low(1),
    high(2),
    low(2),
    high(3),
    low(3),
    high(4),
    low(4),
    high(5),
    low(5),
    high(6),
    low(6),
    high(7),
    low(7),
  );
}
