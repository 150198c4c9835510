import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Every byte as two digits: a table is several times faster than a Buffer where texts are this short. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

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
    for (const byte of bytes) {
      hex += HEX[byte] ?? '';
      seen |= byte;
    }
    if (seen !== 0) return hex;
  }
}
